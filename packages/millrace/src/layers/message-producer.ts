// The interface of layer 2: one method to send, for synchronous and asynchronous producers.
// async-producer.ts and sync-producer.ts implement it; SaramaProducerWrapper accepts any
// implementation.

import type { CloseReport } from '../producer/producer-lifecycle.ts'
import type { RecordData, RecordMetadata } from '../producer/record.ts'
import type { WaitOptions } from '../producer/wait.ts'
import type { KeyOrTopic } from './message.ts'

/**
 * Whether `sendMessage` waits for the acknowledgement (`Sync`) or only for the buffer (`Async`).
 */
export const ProducerType = { Sync: 0, Async: 1 } as const
export type ProducerType = (typeof ProducerType)[keyof typeof ProducerType]

/** The interface of layer 2, for code that accepts any implementation. */
export interface MessageProducer {
  /**
   * Sends one message. Sync: resolves when it is acknowledged. Async: resolves when it is in the
   * buffer; the result goes to the handler. Rejects with a KafkaError.
   */
  sendMessage(
    keyOrTopic: KeyOrTopic,
    value: RecordData | null,
    options?: WaitOptions,
  ): Promise<RecordMetadata | undefined>
  /** Accepts no more messages; resolves when each has its result. */
  close(options?: WaitOptions): Promise<CloseReport>
  /** Whether `sendMessage` waits for the acknowledgement. */
  type(): ProducerType
}
