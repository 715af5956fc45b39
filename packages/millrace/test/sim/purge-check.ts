// What a call of `purge` must have done once its results are in: everything in its scope that was
// not in flight has failed, nothing else has, and the count is right.

import type { PurgeScope } from '../../src/engine/buffer/purge.ts'
import type { Entry, Ledger } from './ledger.ts'

const isPurged = ({ error }: Entry): boolean => error?.message.includes('was purged') === true

/** Its call ended by its signal or its time limit. */
const isCancelled = ({ error }: Entry): boolean =>
  error?.code === 'ABORTED' || error?.code === 'TIMEOUT'

export class PurgeCheck {
  readonly #scope: PurgeScope
  readonly #onOddity: (text: string) => void
  /** Without a result before the call. */
  readonly #before: readonly Entry[]
  /** Cancelled by their callers, and perhaps still in a batch, which may have been written. */
  readonly #cancelledCount: number

  constructor(ledger: Ledger, scope: PurgeScope, onOddity: (text: string) => void) {
    this.#scope = scope
    this.#onOddity = onOddity
    this.#before = ledger.unsettled
    this.#cancelledCount = ledger.entries.filter(
      (entry) => isCancelled(entry) && entry.error?.persisted === 'maybe',
    ).length
  }

  #isMeant({ plan }: Entry): boolean {
    const { topic, partition } = this.#scope
    if (topic !== undefined && plan.topic !== topic) return false
    return partition === undefined || plan.partition < 0 || plan.partition === partition
  }

  /** In the scope wherever it waits: the partition of a record without one may not be drawn yet. */
  #isMeantForSure(entry: Entry): boolean {
    const { partition } = this.#scope
    return this.#isMeant(entry) && (partition === undefined || entry.plan.partition >= 0)
  }

  /** `count` is what `purge` returned. */
  check(count: number): void {
    // The records of a sendBatch have their results when the last one has.
    const single = this.#before.filter(({ call }) => call !== 'batch')
    const left = single.filter(
      (entry) => entry.settledCount === 0 && !entry.reachedSocket && this.#isMeantForSure(entry),
    )
    if (left.length > 0) this.#onOddity(`purge left the records ${namesOf(left)}`)
    const purged = single.filter(isPurged)
    const others = purged.filter((entry) => !this.#isMeant(entry))
    if (others.length > 0) this.#onOddity(`purge failed the records ${namesOf(others)}, too`)
    const isExact = single.length === this.#before.length
    // The signal or the time limit of a call may settle it before the purge does.
    const overtaken = single.filter((entry) => !isPurged(entry) && isCancelled(entry))
    const most = purged.length + overtaken.length + this.#cancelledCount
    if (isExact && (count < purged.length || count > most)) {
      this.#onOddity(`purge returned ${count}, and ${purged.length} records failed`)
    }
  }
}

const namesOf = (entries: readonly Entry[]): string => entries.map(({ id }) => id).join(' ')
