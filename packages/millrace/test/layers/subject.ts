// What the checks of the fourteen defects run on: a sender of ours or a stand-in, under layer 1's
// calls. Layer 2's senders are put behind them.

import { BatchAsyncProducer } from '../../src/layers/batch-async-producer.ts'
import { KafkaProducer } from '../../src/layers/kafka-producer.ts'
import type { Message } from '../../src/layers/message.ts'
import type { ProducerConfig } from '../../src/layers/producer-config.ts'
import { SyncProducer } from '../../src/layers/sync-producer.ts'
import type { ProducerEnvironment } from '../../src/producer/environment.ts'
import type { ProducerOptions } from '../../src/producer/producer-options.ts'
import type { WaitOptions } from '../../src/producer/wait.ts'

export interface Setup {
  readonly target: ProducerOptions
  readonly config: ProducerConfig
  readonly environment?: ProducerEnvironment
}

export interface Subject {
  send(message: Message, options?: WaitOptions): Promise<unknown>
  sendBatch(messages: readonly Message[], options?: WaitOptions): Promise<unknown>
  close(): Promise<unknown>
}

export type Make = (setup: Setup) => Subject

const made = new Set<{ close(options: WaitOptions): Promise<unknown> }>()

/** Ends whatever a check left open: stand-ins do not always close what they stand on. */
export const closeLeftovers = async (): Promise<void> => {
  const all = [...made]
  made.clear()
  await Promise.all(all.map((producer) => producer.close({ timeoutMs: 0 })))
}

/** Ours, layer 1, in the mode that the configuration names. */
export const layer1: Make = ({ target, config, environment }) => {
  const producer = new KafkaProducer(target, config, environment)
  if (environment === undefined) made.add(producer)
  return producer
}

const sendEach = async (
  send: (message: Message, options?: WaitOptions) => Promise<unknown>,
  messages: readonly Message[],
  options?: WaitOptions,
): Promise<void> => {
  await Promise.all(messages.map((message) => send(message, options)))
}

/** Ours, layer 2: sync, or batch async with the configuration's count and time. */
export const layer2: Make = ({ target, config, environment }) => {
  const producer = config.async
    ? new BatchAsyncProducer(
        target,
        {
          handleSuccess: (message, metadata) => config.onSuccess?.(metadata, message),
          handleError: (error, message) => config.onError?.(error, message),
        },
        { batchSize: config.batchSize, batchIntervalMs: config.batchTimeoutMs },
        environment,
      )
    : new SyncProducer(target, environment)
  const send = (message: Message, options?: WaitOptions): Promise<unknown> =>
    producer.sendMessage(message, message.value, options)
  return {
    send,
    sendBatch: (messages, options) => sendEach(send, messages, options),
    close: () => producer.close(),
  }
}
