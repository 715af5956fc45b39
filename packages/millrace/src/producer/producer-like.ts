// Owns the types of what sending code needs from a producer, so that tests can pass the recording
// producer of millrace/testing or another test double. It is public API. Invariant: Producer and
// RecordingProducer match these types.

import type { Producer } from './producer.ts'
import type { Transaction } from './transaction.ts'
import type { WaitOptions } from './wait.ts'

/** A transaction, or a test double of one. */
export type TransactionLike = Pick<
  Transaction,
  'send' | 'sendBatch' | 'enqueue' | 'sendOffsets' | 'commit' | 'abort' | typeof Symbol.asyncDispose
>

/** Sends records, one by one or many at a time. */
export type RecordSender = Pick<Producer, 'send' | 'sendBatch' | 'enqueue'>

/**
 * A producer, or a test double of one: if your code accepts this type, tests can pass a
 * `RecordingProducer`.
 */
export interface ProducerLike
  extends Pick<
    Producer,
    | 'send'
    | 'sendBatch'
    | 'enqueue'
    | 'submit'
    | 'sendAll'
    | 'writable'
    | 'writableStream'
    | 'ready'
    | 'flush'
    | 'connect'
    | 'partitionsFor'
    | 'close'
    | 'destroy'
    | typeof Symbol.asyncDispose
  > {
  /** Like `beginTransaction` of `Producer`. */
  beginTransaction(options?: WaitOptions): Promise<TransactionLike>
  /** Like `transaction` of `Producer`. */
  transaction<Value>(
    work: (transaction: TransactionLike) => Value | Promise<Value>,
    options?: WaitOptions,
  ): Promise<Value>
}
