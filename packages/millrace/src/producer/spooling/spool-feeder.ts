// Owns the passing of records that are only on disk to the engine: those of an earlier process, and
// those that did not fit into the engine's memory. They are passed in order, as fast as the engine
// has space. Caller: Spooling. Invariant: a new record is passed to the engine directly only if no
// earlier record is on disk only.

import { RecordEncoder } from '../../engine/engine.ts'
import { asKafkaError } from '../../protocol/kafka-error.ts'
import type { BlockRecord } from '../../spool/entries.ts'
import { failSpooled } from './spooled-failures.ts'
import { decodeSpooled } from './spooled-record.ts'
import type { SpoolingParts } from './spooling-options.ts'

/** Limit of the records per turn: the others wait for the next one. */
const turnRecordsMax = 8192

interface Waiter {
  readonly recordId: number
  readonly done: () => void
}

export class SpoolFeeder {
  readonly #parts: SpoolingParts
  readonly #encoder: RecordEncoder
  readonly #skipped = new Set<number>()
  /** Records from disk that were not passed yet. */
  #read: BlockRecord[] = []
  #reading: Promise<void> | null = null
  #isStopped = false
  #waiters: Waiter[] = []

  constructor(parts: SpoolingParts) {
    this.#parts = parts
    this.#encoder = new RecordEncoder(parts.engine.maxRequestBytes)
  }

  get isCaughtUp(): boolean {
    return this.#parts.spool.backlog.isAtEnd
  }

  /** The engine has these records already. */
  skip(recordIds: readonly number[]): void {
    for (const id of recordIds) this.#skipped.add(id)
  }

  /** Calls back when all records with a lower id were passed. */
  whenGiven(recordId: number, done: () => void): void {
    this.#waiters.push({ recordId, done })
    this.#notify()
    this.#parts.engine.wake()
  }

  feed(): void {
    const { backlog } = this.#parts.spool
    const before = backlog.givenId
    if (!this.isCaughtUp) this.#feed()
    if (backlog.givenId !== before) this.#parts.spool.onGiven()
    this.#notify()
  }

  #feed(): void {
    let left = turnRecordsMax
    while (!this.isCaughtUp && !this.#isStopped && this.#reading === null) {
      const isFromDisk = this.#read.length > 0
      const records = isFromDisk ? this.#read : this.#parts.spool.backlog.fromMemory()
      if (records === null) {
        this.#startReading()
        break
      }
      const given = this.#giveAll(records, left)
      if (isFromDisk) this.#read = records.slice(given)
      if (given < records.length) {
        if (given >= left) this.#parts.engine.wake()
        break
      }
      left -= given
    }
  }

  /** Returns how many of the records were passed, or did not need to be. */
  #giveAll(records: readonly BlockRecord[], most: number): number {
    const { backlog } = this.#parts.spool
    let count = 0
    for (const record of records) {
      if (count >= most || !this.#give(record)) return count
      backlog.moveTo(record.id + 1)
      count++
    }
    return count
  }

  /** False = the engine has no space. */
  #give(record: BlockRecord): boolean {
    const { spool, engine, results } = this.#parts
    const { id } = record
    if (this.#skipped.delete(id) || spool.isSettled(id)) return true
    try {
      this.#encoder.loadStored(record)
      this.#watch(record)
      return engine.intake.append(this.#encoder, results.settleOf(id), id)
    } catch (error) {
      this.#fail(record, error)
      return true
    }
  }

  /** A record of an earlier process has no caller; `onRecovered` gets its result. */
  #watch(record: BlockRecord): void {
    const { spool, options, results } = this.#parts
    const { onRecovered } = options
    if (onRecovered === null || record.id >= spool.firstNewId) return
    if (results.settleOf(record.id) !== null) return
    const decoded = decodeSpooled(record.copy())
    results.addRecovered(record.id, (error, metadata) => onRecovered(error ?? metadata!, decoded))
  }

  /** A failure such as an error of the partitioner, which another process would repeat. */
  #fail(record: BlockRecord, thrown: unknown): void {
    const { id, topic } = record
    const error = asKafkaError(thrown, `Record ${id} of the spool`, { topic })
    failSpooled(this.#parts, [record], error, true)
  }

  #startReading(): void {
    const { spool, engine } = this.#parts
    this.#reading = spool.backlog.read().then(
      (records) => {
        this.#reading = null
        this.#read = records
        // If all records are settled, there is nothing to pass, and flush() calls continue.
        if (this.isCaughtUp) spool.onGiven()
        if (records.length > 0 || this.isCaughtUp) engine.wake()
      },
      (error) => {
        this.#reading = null
        spool.fail(asKafkaError(error, 'The spool could not be read'))
      },
    )
  }

  #notify(): void {
    const { cursor } = this.#parts.spool.backlog
    while (this.#waiters.length > 0) {
      const first = this.#waiters[0]!
      if (first.recordId > cursor && !this.#isStopped) return
      this.#waiters.shift()
      first.done()
    }
  }

  /** Nothing is passed any more. */
  stop(): void {
    this.#isStopped = true
    this.#notify()
  }

  /** Resolves when no file is being read. */
  async idle(): Promise<void> {
    await this.#reading
  }
}
