// Layer 2's interface: one way to send, whatever stands behind it.

import type { CloseReport } from '../producer/producer-lifecycle.ts'
import type { RecordData, RecordMetadata } from '../producer/record.ts'
import type { WaitOptions } from '../producer/wait.ts'
import type { KeyOrTopic } from './message.ts'

/**
 * Whether `sendMessage` waits for the acknowledgement (`Sync`) or only for the buffer (`Async`).
 */
export const ProducerType = { Sync: 0, Async: 1 } as const
export type ProducerType = (typeof ProducerType)[keyof typeof ProducerType]

/** Layer 2's interface, for code that takes any implementation of it. */
export interface MessageProducer {
  /**
   * Sends one message. Sync: resolves when it is acknowledged. Async: when it is in the buffer; the
   * result goes to the handler. Rejects with a KafkaError.
   */
  sendMessage(
    keyOrTopic: KeyOrTopic,
    value: RecordData | null,
    options?: WaitOptions,
  ): Promise<RecordMetadata | undefined>
  /** Takes no more messages, and resolves when each has its result. */
  close(options?: WaitOptions): Promise<CloseReport>
  /** Whether `sendMessage` waits for the acknowledgement. */
  type(): ProducerType
}
