// What code that sends needs of a producer, as a type that others can fill: the recording producer
// of millrace/testing, or a stand-in of the user's.

import type { Producer } from './producer.ts'
import type { Transaction } from './transaction.ts'
import type { WaitOptions } from './wait.ts'

/** A transaction, or a stand-in of one. */
export type TransactionLike = Pick<
  Transaction,
  'send' | 'sendBatch' | 'enqueue' | 'sendOffsets' | 'commit' | 'abort' | typeof Symbol.asyncDispose
>

/** What sends records one by one or many at a time. */
export type RecordSender = Pick<Producer, 'send' | 'sendBatch' | 'enqueue'>

/**
 * A producer, or a stand-in of one: let your code ask for this type, and tests can pass a
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
  /** As `beginTransaction` of `Producer`. */
  beginTransaction(options?: WaitOptions): Promise<TransactionLike>
  /** As `transaction` of `Producer`. */
  transaction<Value>(
    work: (transaction: TransactionLike) => Value | Promise<Value>,
    options?: WaitOptions,
  ): Promise<Value>
}
