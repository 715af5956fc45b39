// Adds up the producer's counts after each step of its engine: no count goes back, every record
// that was taken is in exactly one place, and what holds no record takes no memory. Owner: World.

import type { Engine } from '../../src/engine/engine.ts'
import type { Ledger } from './ledger.ts'

export class CountChecks {
  readonly #ledger: Ledger
  readonly #fail: (text: string) => void
  /** Entries before this one are counted: whether they were taken is decided within the call. */
  #counted = 0
  #taken = 0
  #before = { recordsSent: 0, recordsDelivered: 0, recordsFailed: 0 }

  constructor(ledger: Ledger, fail: (text: string) => void) {
    this.#ledger = ledger
    this.#fail = fail
  }

  /** `isClosing`: calls that come now are rejected, and not all of them count as failed. */
  afterStep({ readings }: Engine, isClosing: boolean): void {
    const { recordsSent, recordsDelivered, recordsFailed } = readings.measurements
    const counts = { recordsSent, recordsDelivered, recordsFailed }
    for (const [name, count] of Object.entries(counts)) {
      const before = this.#before[name as keyof typeof counts]
      if (count < before) this.#fail(`${name} went back from ${before} to ${count}`)
    }
    this.#before = counts
    this.#checkMemory(readings)
    if (!isClosing) this.#checkRecords(readings)
  }

  #checkMemory(readings: Engine['readings']): void {
    const { usedBytes, waitingBytes, unsettledBatches, waitingSends, unsettledRecords } = readings
    if (unsettledBatches === 0 && usedBytes !== 0) {
      this.#fail(`no batch is left, and ${usedBytes} bytes are used`)
    }
    if (unsettledRecords === 0 && waitingBytes !== 0) {
      this.#fail(`no record waits, and ${waitingBytes} bytes wait`)
    }
    if (waitingSends < 0) this.#fail(`${waitingSends} sends wait`)
  }

  #checkRecords({ measurements, waitingSends, unsettledRecords }: Engine['readings']): void {
    const taken = this.#countTaken()
    const { recordsDelivered, recordsFailed } = measurements
    const settled = recordsDelivered + recordsFailed
    const text = `${recordsDelivered} delivered, ${recordsFailed} failed, ${taken} taken`
    if (settled > taken) this.#fail(text)
    // A sendBatch that waits does not say how many of its records are left.
    if (waitingSends === 0 && settled + unsettledRecords < taken) {
      this.#fail(`${text}, and ${unsettledRecords} without a result`)
    }
    if (this.#ledger.delivered > recordsDelivered) {
      this.#fail(`${this.#ledger.delivered} results, and ${recordsDelivered} delivered`)
    }
  }

  #countTaken(): number {
    const { entries } = this.#ledger
    for (; this.#counted < entries.length; this.#counted++) {
      if (entries[this.#counted]!.taken) this.#taken++
    }
    return this.#taken
  }
}
