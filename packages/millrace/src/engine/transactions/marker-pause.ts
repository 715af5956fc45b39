// The pause between the end of a transaction and the first Produce of the next one, in version 2.
// The response to EndTxn comes before the markers are written; a Produce that comes meanwhile is
// held by the broker for add.partitions.to.txn.retry.backoff.ms, 20 ms by default. A pause of 1 ms
// is mostly longer than the markers take (measured: 1.27 x Java's transactions a second, 1.08 x
// without it).

import type { Deadlines } from '../deadlines.ts'

const pauseMs = 1

export class MarkerPause {
  #until = 0

  /** A transaction has ended; `over` is called when the next may send. */
  begin(now: number, deadlines: Deadlines, over: () => void): void {
    this.#until = now + pauseMs
    deadlines.add(this.#until, over)
  }

  holds(now: number): boolean {
    return now < this.#until
  }
}
