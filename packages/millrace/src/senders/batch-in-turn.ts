// Layer 1's sendBatch in async mode: puts messages into the buffer in order, each when its turn comes, and
// says at the end which of them were not taken. A message that is wrong is left out; whatever else stops
// one stops those behind it too, so that the order holds.

import type { WaitOptions } from '../producer/wait.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import { BatchError, type BatchFailure } from './batch-error.ts'
import type { HandledProducer } from './handled-producer.ts'
import type { Message } from './message.ts'

/** Whether the failure is the message's own, and says nothing about the others. */
const isItsOwn = ({ code, kind }: KafkaError): boolean =>
  code === 'INVALID_ARGUMENT' || kind === 'rejected'

const refuse = (failures: BatchFailure[], size: number): undefined => {
  const first = failures[0]
  if (first === undefined) return
  // Nothing was tried: the error of the call itself says it better.
  if (first.index === 0 && first.error.code === 'CLOSED') throw first.error
  throw new BatchError(failures, size, 0)
}

export const sendInTurn = async (
  producer: HandledProducer,
  messages: readonly Message[],
  options: WaitOptions | undefined,
): Promise<undefined> => {
  const failures: BatchFailure[] = []
  const limits = producer.limitsFrom(options)
  for (let index = 0; index < messages.length; index++) {
    const wait = producer.trySubmit(messages[index]!, limits?.())
    if (wait === undefined) continue
    try {
      await wait
    } catch (thrown) {
      const error = thrown as KafkaError
      const end = isItsOwn(error) ? index + 1 : messages.length
      for (; index < end; index++) failures.push({ index, error })
      index--
    }
  }
  return refuse(failures, messages.length)
}
