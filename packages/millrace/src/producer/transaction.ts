// Owns the handle of one transaction: consumers that read committed records get all records that
// were sent through it, or none. Its state is its number and how it was ended; the engine's
// TransactionManager decides. Callers: users; TransactionCalls creates it. Invariant: it can be
// ended once.

import type { TransactionDone, TransactionManager } from '../engine/engine.ts'
import type { ConsumedOffset, GroupMetadata } from '../engine/ports.ts'
import type { ProducerRecord, RecordMetadata, SettleCallback } from '../engine/record.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import type { BatchResult } from './batch-result.ts'
import { guarded } from './caller.ts'
import {
  type ConsumerGroupMetadata,
  groupMetadataOf,
  type OffsetToCommit,
  offsetsOf,
} from './consumed-offsets.ts'
import type { Sending, SendScope } from './sending.ts'
import { type WaitClock, type WaitOptions, waitFor } from './wait.ts'

/** What a transaction needs from its producer. */
export interface TransactionHost {
  readonly manager: TransactionManager
  readonly sending: Sending
  readonly waitClock: WaitClock
  /** How long begin, commit and abort wait by default. */
  readonly maxBlockMs: number
  checkOpen(call: string): void
}

type EndingCall = 'commit' | 'abort'

/**
 * One transaction (KIP-98, KIP-890). `commit` or `abort` ends it; if neither was called, it is
 * aborted at the end of an `await using` block.
 *
 * @example
 * await using transaction = await producer.beginTransaction()
 * await transaction.send({ topic: 'payments', key: '42', value: 'paid' })
 * await transaction.commit()
 */
export class Transaction {
  readonly #host: TransactionHost
  readonly #number: number
  readonly #scope: SendScope
  #ending: { readonly call: EndingCall; readonly outcome: Promise<void> } | null = null

  /**
   * Use `producer.beginTransaction()`.
   * @internal
   */
  constructor(host: TransactionHost, number: number) {
    this.#host = host
    this.#number = number
    this.#scope = {
      check: (call) => {
        host.checkOpen(call)
        host.manager.checkOpen(number, call)
      },
      onFailed: (error) => host.manager.onRecordLost(number, error),
    }
  }

  /**
   * Sends one record in the transaction; resolves when it is acknowledged, before consumers that
   * read committed records can read it. A failed or rejected record makes `commit` reject.
   */
  send(record: ProducerRecord, options?: WaitOptions): Promise<RecordMetadata> {
    return this.#host.sending.send(this.#scope, record, options)
  }

  /** Sends records in order, as `Producer.sendBatch` does. */
  sendBatch(records: readonly ProducerRecord[], options?: WaitOptions): Promise<BatchResult> {
    return this.#host.sending.sendBatch(this.#scope, records, options)
  }

  /**
   * Sends one record without a promise, as `Producer.enqueue` does: false = not accepted, `await
   * producer.ready()`. `commit` waits for its delivery.
   */
  enqueue(record: ProducerRecord, callback?: SettleCallback): boolean {
    return this.#host.sending.enqueue(this.#scope, record, callback)
  }

  /**
   * Commits the offsets of a consumer group with the transaction: consume, transform, produce with
   * each input processed exactly once. `group` is the group id, or the consumer's group metadata.
   * Rejected or cancelled offsets make `commit` reject.
   *
   * @example
   * await transaction.sendOffsets([{ topic: 'orders', partition: 0, offset: 42 }], 'billing')
   */
  sendOffsets(
    offsets: readonly OffsetToCommit[],
    group: string | ConsumerGroupMetadata,
    options?: WaitOptions,
  ): Promise<void> {
    const sent = waitFor<void>(
      'sendOffsets',
      options,
      this.#host.waitClock,
      (resolve, reject) => {
        const checked: readonly ConsumedOffset[] = offsetsOf(offsets)
        const member: GroupMetadata = groupMetadataOf(group)
        this.#scope.check('sendOffsets')
        if (checked.length === 0) resolve()
        else {
          this.#host.manager.sendOffsets(this.#number, member, checked, (error) => {
            if (error === null) resolve()
            else reject(error)
          })
        }
        return () => {}
      },
      'no',
      this.#host.maxBlockMs,
    )
    // As with a record: without the offsets the transaction is not complete, whether a caller waits
    // for them or not.
    sent.catch((error: KafkaError) => this.#scope.onFailed(error))
    return sent
  }

  /**
   * Waits for every record, then commits. Rejects with TRANSACTION_ABORTED (its `cause` is the
   * first failure) if something failed: then call `abort`. Rejects with FENCED if another producer
   * uses the transactional id. An error of kind `'fatal'` with `persisted` `'maybe'` means that the
   * coordinator may have committed, and that the producer cannot continue. If the coordinator does
   * not respond in time (maxBlockMs, or `options`), the outcome is unknown, `persisted` is
   * `'maybe'`, and the commit continues: call `commit` again to continue waiting. A transaction
   * without records ends without a request.
   */
  commit(options?: WaitOptions): Promise<void> {
    return this.#end('commit', options)
  }

  /**
   * Discards records that were not sent, waits for those in flight, and requests the abort from the
   * coordinator: consumers that read committed records never get any of them. After any failure
   * except FENCED the next transaction can begin.
   */
  abort(options?: WaitOptions): Promise<void> {
    return this.#end('abort', options)
  }

  /**
   * Aborts unless it was ended. If the caller stopped waiting for a commit, it aborts later if that
   * commit fails, because no other part does.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    const { manager } = this.#host
    if (manager.isOpen(this.#number)) await this.abort()
    else if (this.#ending?.call === 'commit') {
      const abortIfOpen = () => (manager.isOpen(this.#number) ? this.abort() : undefined)
      guarded(this.#ending.outcome.catch(abortIfOpen))
    }
  }

  #end(call: EndingCall, options: WaitOptions | undefined): Promise<void> {
    const { manager, waitClock } = this.#host
    return guarded(
      waitFor<void>(
        call,
        options,
        waitClock,
        (resolve, reject) => {
          // A second call continues the same commit; abort may follow a failed commit.
          if (this.#ending?.call !== call) {
            const outcome = new Promise<void>((succeed, fail) => {
              const done: TransactionDone = (error) => (error === null ? succeed() : fail(error))
              manager[call](this.#number, done)
            })
            this.#ending = { call, outcome: guarded(outcome) }
          }
          this.#ending.outcome.then(resolve, (error: KafkaError) => reject(error))
          return () => {}
        },
        'maybe',
        this.#host.maxBlockMs,
      ),
    )
  }
}
