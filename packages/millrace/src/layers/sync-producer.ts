// Layer 2, sync: each message is acknowledged by all in-sync replicas before its call resolves.

import type { ProducerEnvironment } from '../producer/environment.ts'
import { Producer } from '../producer/producer.ts'
import type { CloseReport } from '../producer/producer-lifecycle.ts'
import type { RecordData, RecordMetadata } from '../producer/record.ts'
import type { WaitOptions } from '../producer/wait.ts'
import { type KeyOrTopic, messageOf } from './message.ts'
import { type MessageProducer, ProducerType } from './message-producer.ts'
import { requireAllAcks, type Target, targetOptions } from './target.ts'

/**
 * Layer 2: sends a message and waits for its acknowledgement. Calls that are under way at the same
 * time share requests.
 *
 * @example
 * const producer = new SyncProducer('localhost:9092')
 * const { partition, offset } = await producer.sendMessage({ topic: 'orders', key: '42' }, '{}')
 * await producer.close()
 */
export class SyncProducer implements MessageProducer {
  readonly #producer: Producer

  /** Throws INVALID_OPTION if the target asks for other acks than 'all'. */
  constructor(target: Target)
  /** @internal */
  constructor(target: Target, environment?: ProducerEnvironment)
  constructor(target: Target, environment?: ProducerEnvironment) {
    const options = targetOptions(target)
    requireAllAcks(options, 'SyncProducer')
    this.#producer = new Producer(options, environment)
  }

  /** Resolves with partition, offset and timestamp when the message is acknowledged. */
  sendMessage(
    keyOrTopic: KeyOrTopic,
    value: RecordData | null,
    options?: WaitOptions,
  ): Promise<RecordMetadata> {
    return this.#producer.send(messageOf(keyOrTopic, value), options)
  }

  /**
   * Takes no more messages, and resolves when each has its result; a second call gets the same
   * promise.
   */
  close(options?: WaitOptions): Promise<CloseReport> {
    return this.#producer.close(options)
  }

  /** `ProducerType.Sync`. */
  type(): ProducerType {
    return ProducerType.Sync
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
