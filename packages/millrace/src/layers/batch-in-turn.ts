// sendBatch of layer 1 in async mode: passes messages to the buffer in order, and returns the
// messages that were not accepted. An invalid message is skipped; any other failure also stops the
// messages after it, so that the order is kept. A batch may be larger than the buffer: its later
// messages wait for space, and memory is still bounded. Caller: kafka-producer.ts.

import { recordAt } from '../producer/caller-records.ts'
import type { WaitOptions } from '../producer/wait.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import { BatchError, type BatchFailure } from './batch-error.ts'
import type { HandledProducer } from './handled-producer.ts'
import type { Message } from './message.ts'

/** Whether the failure concerns only this message. */
const isItsOwn = ({ code, kind }: KafkaError): boolean =>
  code === 'INVALID_ARGUMENT' || kind === 'rejected'

/** Resolves with `null` when the message was accepted, otherwise with the error. */
const take = async (
  wait: Promise<undefined>,
  again: (() => Promise<undefined>) | null,
): Promise<KafkaError | null> => {
  try {
    await wait
    return null
  } catch (error) {
    if (again === null || (error as KafkaError).code !== 'BUFFER_FULL') return error as KafkaError
    return take(again(), again)
  }
}

export const sendInTurn = async (
  producer: HandledProducer,
  messages: readonly Message[],
  options: WaitOptions | undefined,
): Promise<undefined> => {
  const limits = producer.limitsFrom(options)
  const failures: BatchFailure[] = []
  let isBegun = false
  for (let index = 0; index < messages.length; index++) {
    const message = recordAt(messages, index)
    const wait = producer.trySubmit(message, limits?.())
    const again = async (): Promise<undefined> => {
      await producer.ready(limits?.())
      return producer.trySubmit(message, limits?.())
    }
    const error = wait === undefined ? null : await take(wait, isBegun ? again : null)
    if (error === null) {
      isBegun = true
      continue
    }
    // No message was tried: the error of the call itself is more specific.
    if (error.code === 'CLOSED' && index === 0) throw error
    failures.push({ index, error })
    if (isItsOwn(error)) continue
    while (++index < messages.length) failures.push({ index, error })
  }
  if (failures.length > 0) throw new BatchError(failures, messages.length, 0)
}
