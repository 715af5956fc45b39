// The handle of one transaction: what the user sends through it becomes visible to readers of
// committed records as a whole, or not at all. It owns nothing but its number and how it was ended;
// the engine's TransactionManager decides. Made by Producer.beginTransaction.

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

/** What a transaction needs of its producer. */
export interface TransactionHost {
  readonly manager: TransactionManager
  readonly sending: Sending
  readonly waitClock: WaitClock
  /** How long begin, commit and abort wait where the caller does not say. */
  readonly maxBlockMs: number
  checkOpen(call: string): void
}

type EndingCall = 'commit' | 'abort'

/**
 * One transaction (KIP-98, KIP-890). Ended by `commit` or `abort`; at the end of an `await using`
 * block one that is not ended is aborted.
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
   * Sends one record in the transaction; resolves when it is acknowledged, which is before anybody
   * who reads committed records sees it. A failed or rejected record makes `commit` reject.
   */
  send(record: ProducerRecord, options?: WaitOptions): Promise<RecordMetadata> {
    return this.#host.sending.send(this.#scope, record, options)
  }

  /** Sends records in order, as `Producer.sendBatch` does. */
  sendBatch(records: readonly ProducerRecord[], options?: WaitOptions): Promise<BatchResult> {
    return this.#host.sending.sendBatch(this.#scope, records, options)
  }

  /**
   * Takes one record without a promise, as `Producer.enqueue` does: false = not taken, `await
   * producer.ready()`. `commit` waits for its delivery.
   */
  enqueue(record: ProducerRecord, callback?: SettleCallback): boolean {
    return this.#host.sending.enqueue(this.#scope, record, callback)
  }

  /**
   * Commits, with the transaction, what a consumer group has read: consume, transform, produce with
   * each input counted exactly once. `group` is the group id, or what the consumer knows of its
   * membership. Offsets that are rejected, or given up, make `commit` reject.
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
    // As with a record: without them the transaction is not whole, whether a caller waits for them
    // or not.
    sent.catch((error: KafkaError) => this.#scope.onFailed(error))
    return sent
  }

  /**
   * Waits for every record, then commits. Rejects with TRANSACTION_ABORTED (its `cause` is the
   * first failure) if something failed: then call `abort`. With FENCED if another producer
   * took over. Where the coordinator can't be reached in time (maxBlockMs, or `options`), the
   * outcome is open, `persisted` is `'maybe'`, and the commit goes on: call `commit` again to wait
   * on. A transaction in which nothing was sent ends without a request.
   */
  commit(options?: WaitOptions): Promise<void> {
    return this.#end('commit', options)
  }

  /**
   * Drops what was not sent, waits for what is in flight, and has the coordinator abort: readers of
   * committed records never see any of it. After any failure but FENCED the next transaction can
   * begin.
   */
  abort(options?: WaitOptions): Promise<void> {
    return this.#end('abort', options)
  }

  /**
   * Aborts unless it was ended. Where the caller gave up on a commit, it aborts, later, if that
   * commit fails: no other part does it.
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
          // Called again, it is the same commit; abort may follow a commit that failed.
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
