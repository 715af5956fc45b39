// Lets files go that are kept by a few records: those of a partition that can't be written, while
// all others are settled. Such records are copied to the end of the log, under their ids and with
// the numbers of their batches, and the file that they were in is removed. Owner: Spool.
//
// Only records that the engine has in its memory are copied: they are few, no reader of the log has
// to look for them, and a later process gives all of them to its engine before the others. If the
// process ends while it copies, the file is still there, and the copies do not count (recovery.ts).
// Invariants: no copy of a record is behind the entry that settles it. The numbers of its batch are
// in the block of the copy or behind it, so they are not removed before it.

import { asKafkaError } from '../protocol/kafka-error.ts'
import type { Clock, Timer } from '../runtime/clock.ts'
import type { FileSystem } from '../runtime/file-system.ts'
import { type BlockRecord, type NumberedBatch, readEntries } from './entries.ts'
import { segmentName } from './format.ts'
import type { LogWriter } from './log-writer.ts'
import type { RecordStates } from './record-states.ts'
import { SegmentReader } from './segment-reader.ts'

/** Records are copied when they are at most this share of the bytes of their files … */
const shareMax = 1 / 8
/** … where all records of a file count as equally large. This is the bound for the true sizes. */
const trueShareMax = 1 / 4
/** With so few files there is nothing to gain. */
const segmentsMin = 4
/** Records that are on their way settle within this time: they need no copy. */
const patienceMs = 1000
/** Bytes that are copied with one write: they must fit into the reserve of a disk that is full. */
const portionBytesMax = 256 * 1024

export interface CompactionSource {
  readonly files: FileSystem
  readonly clock: Clock
  readonly directory: string
  readonly writer: LogWriter
  readonly states: RecordStates
  /** Records below were given to the engine. */
  readonly givenId: number
  /** The segment of the last block that is durable. */
  readonly durableSegment: number
  /** About the size of a segment that is full. */
  readonly segmentBytes: number
  bytesOf(segment: number): number
  /**
   * The batches of these records whose numbers are in the log; null = some of them can't be copied
   * now.
   */
  batchesOf(recordIds: ReadonlySet<number>): readonly NumberedBatch[] | null
  /** Records were copied: the time that the oldest of them was taken. */
  onCopied(takenAt: number): void
}

/** The oldest segments, up to one of them. */
interface Oldest {
  readonly segments: readonly number[]
  readonly bytes: number
  readonly unsettled: number
}

interface TakenRecord {
  readonly record: BlockRecord
  readonly takenAt: number
}

export class Compaction {
  readonly #source: CompactionSource
  /** Records that are to be copied and are not settled; null = nothing is being copied. */
  #left: Set<number> | null = null
  /** What could not be copied: something else is tried. */
  #skipped: Oldest | null = null
  /** The first segment of those that were worth it, and since when it is. */
  #first = -1
  #firstSince = 0
  #timer: Timer | null = null
  #running: Promise<void> = Promise.resolve()
  #isStopped = false
  #stop: () => void = () => {}
  readonly #stopped = new Promise<void>((resolve) => {
    this.#stop = resolve
  })

  constructor(source: CompactionSource) {
    this.#source = source
  }

  /** Called when something is durable: begins where the oldest files are worth it. */
  consider(): void {
    if (this.#left !== null || this.#isStopped) return
    const { states, writer } = this.#source
    if (states.segmentCount < segmentsMin || writer.isDiskFull) return
    const oldest = this.#findOldest()
    if (oldest === null || this.#isSkipped(oldest) || !this.#hasWaited(oldest)) return
    this.#left = states.unsettledUpTo(oldest.segments.at(-1)!)
    this.#running = this.#run(oldest, this.#left).then(
      (isDone) => {
        this.#skipped = isDone ? null : oldest
        this.#left = null
        this.consider()
      },
      // A defect of the program: the spool ends with it.
      (error) => writer.fail(asKafkaError(error, 'The spool')),
    )
  }

  /** The fewest segments that are worth it; null = there are none. */
  #findOldest(): Oldest | null {
    const { states, givenId, segmentBytes } = this.#source
    const segments: number[] = []
    let bytes = 0
    let unsettled = 0
    let unsettledBytes = 0
    for (const counts of states.segments()) {
      // The last one is being written.
      if (counts.endId > givenId || segments.length + 1 === states.segmentCount) return null
      const size = this.#source.bytesOf(counts.segment)
      segments.push(counts.segment)
      bytes += size
      unsettled += counts.unsettled
      unsettledBytes += (size * counts.unsettled) / Math.max(1, counts.records)
      if (bytes >= segmentBytes / 2 && unsettledBytes <= bytes * shareMax) {
        return { segments, bytes, unsettled }
      }
    }
    return null
  }

  /** Whether its first segment has been worth it for long; if not, it is considered again then. */
  #hasWaited({ segments: [first = 0] }: Oldest): boolean {
    const { clock } = this.#source
    const now = clock.now()
    if (this.#first !== first) {
      this.#first = first
      this.#firstSince = now
    }
    if (now >= this.#firstSince + patienceMs) return true
    if (this.#timer !== null) return false
    this.#timer = clock.setTimer(this.#firstSince + patienceMs - now, () => {
      this.#timer = null
      this.consider()
    })
    this.#timer.unref?.()
    return false
  }

  /** It is not tried again until half of it is settled, or twice as much could go. */
  #isSkipped({ bytes, unsettled }: Oldest): boolean {
    const skipped = this.#skipped
    return skipped !== null && unsettled > skipped.unsettled / 2 && bytes < 2 * skipped.bytes
  }

  /** The entry that settles these records is in the log now. */
  onSettling(recordIds: readonly number[]): void {
    if (this.#left === null) return
    for (const id of recordIds) this.#left.delete(id)
  }

  /** Resolves when no file is being read. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#stop()
    await this.#running
  }

  /** False = not all of them could be copied. */
  async #run(oldest: Oldest, left: ReadonlySet<number>): Promise<boolean> {
    // The states know then what was settled before.
    if (!(await this.#written())) return false
    let records: readonly TakenRecord[] | null
    try {
      records = await this.#read(oldest, left)
    } catch {
      // The backlog reports files that can't be read, and the next process finds the damage.
      return false
    }
    for (let index = 0; records !== null && index < records.length; ) {
      const portion: TakenRecord[] = []
      for (let bytes = 0; index < records.length && bytes < portionBytesMax; index++) {
        const { record } = records[index]!
        if (!left.has(record.id) || this.#source.states.isSettled(record.id)) continue
        portion.push(records[index]!)
        bytes += record.end - record.start
      }
      if (!(await this.#copy(portion))) return false
    }
    return records !== null
  }

  /** Null = they are too large a part of the files, or there is no time to read them. */
  async #read(
    { segments, bytes }: Oldest,
    left: ReadonlySet<number>,
  ): Promise<TakenRecord[] | null> {
    const found: TakenRecord[] = []
    let foundBytes = 0
    const keep = (record: BlockRecord, takenAt: number): void => {
      if (!left.has(record.id)) return
      found.push({ record: record.copy(), takenAt })
      foundBytes += record.end - record.start
    }
    const { files, directory } = this.#source
    for (const segment of segments) {
      const reader = await SegmentReader.open(files, `${directory}/${segmentName(segment)}`)
      try {
        for (let block = await reader.next(); block !== null; block = await reader.next()) {
          const { time } = block
          const onRecord = (record: BlockRecord): void => keep(record, time)
          readEntries(block.bytes, block, { onRecord, onCopy: keep })
          if (foundBytes > bytes * trueShareMax || this.#isStopped) return null
        }
      } finally {
        await reader.close()
      }
    }
    return found
  }

  async #copy(portion: readonly TakenRecord[]): Promise<boolean> {
    if (portion.length === 0) return true
    const { writer, states } = this.#source
    const batches = this.#source.batchesOf(new Set(portion.map(({ record }) => record.id)))
    if (batches === null || this.#isStopped || writer.isDiskFull) return false
    for (const { record, takenAt } of portion) writer.builder.addCopy(record, takenAt)
    for (const batch of batches) writer.builder.addCarried(batch)
    if (!(await this.#written())) return false
    for (const { record } of portion) {
      if (!states.isSettled(record.id)) states.moveTo(this.#source.durableSegment, record.id)
    }
    this.#source.onCopied(Math.min(...portion.map(({ takenAt }) => takenAt)))
    return true
  }

  /** False = the spool has failed or is closing. */
  #written(): Promise<boolean> {
    const written = new Promise<boolean>((resolve) => {
      this.#source.writer.whenWritten((error) => resolve(error === null))
    })
    return Promise.race([written, this.#stopped.then(() => false)])
  }
}
