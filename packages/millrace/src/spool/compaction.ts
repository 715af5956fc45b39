// Owns the removal of old files that only a few unsettled records keep, such as those of a
// partition that cannot be written. It copies these records to the end of the log, with their ids
// and the numbers of their batches, and the old file is removed. Caller: Spool.
//
// Only records that the engine has in memory are copied: they are few, no reader has to find them,
// and a later process gives them to its engine first. If the process ends during a copy, the file
// still exists and the copies are ignored (recovery.ts). Invariants: no copy of a record follows
// the entry that settles it. The numbers of its batch are in the block of the copy or in a later
// one, so they are not removed before it.

import { asKafkaError } from '../protocol/kafka-error.ts'
import type { Clock, Timer } from '../runtime/clock.ts'
import type { FileSystem } from '../runtime/file-system.ts'
import { type BlockRecord, type NumberedBatch, readEntries } from './entries.ts'
import { segmentName } from './format.ts'
import type { LogWriter } from './log-writer.ts'
import type { RecordStates } from './record-states.ts'
import { SegmentReader } from './segment-reader.ts'

/** Records are copied if they are at most this share of the bytes of their files … */
const shareMax = 1 / 8
/** … where all records of a file count as equally large. This limits their real sizes. */
const realShareMax = 1 / 4
/** With fewer files there is nothing to gain. */
const segmentsMin = 4
/** Records in flight usually settle within this time and need no copy. */
const qualifiedMsMin = 1000
/** Bytes that one write copies: they must fit into the reserve of a full disk. */
const partBytesMax = 256 * 1024

export interface CompactionSource {
  readonly files: FileSystem
  readonly clock: Clock
  readonly directory: string
  readonly writer: LogWriter
  readonly states: RecordStates
  /** Records with a lower id were given to the engine. */
  readonly givenId: number
  /** The segment of the last durable block. */
  readonly durableSegment: number
  /** The approximate size of a full segment. */
  readonly segmentBytes: number
  bytesOf(segment: number): number
  /**
   * The batches of these records whose numbers are in the log; null = some of them cannot be copied
   * now.
   */
  batchesOf(recordIds: ReadonlySet<number>): readonly NumberedBatch[] | null
  /** Records were copied; the argument is the time when the oldest of them was taken. */
  onCopied(takenAt: number): void
}

/** The oldest segments, with their sizes and unsettled records. */
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
  /** Unsettled records that are being copied; null = no copy is in progress. */
  #left: Set<number> | null = null
  /** The files that could not be copied: others are tried. */
  #skipped: Oldest | null = null
  /** The first segment that qualified, and since when it qualifies. */
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

  /** Called when a block is durable: starts if the oldest files qualify. */
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
      // A defect of millrace: the spool fails.
      (error) => writer.fail(asKafkaError(error, 'The spool')),
    )
  }

  /** The smallest group of oldest segments that qualifies; null = none. */
  #findOldest(): Oldest | null {
    const { states, givenId, segmentBytes } = this.#source
    const segments: number[] = []
    let bytes = 0
    let unsettled = 0
    let unsettledBytes = 0
    for (const counts of states.segments()) {
      // The last segment is being written.
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

  /** Whether the first segment has qualified for long enough; if not, it is checked again later. */
  #hasWaited({ segments: [first = 0] }: Oldest): boolean {
    const { clock } = this.#source
    const now = clock.now()
    if (this.#first !== first) {
      this.#first = first
      this.#firstSince = now
    }
    if (now >= this.#firstSince + qualifiedMsMin) return true
    if (this.#timer !== null) return false
    this.#timer = clock.setTimer(this.#firstSince + qualifiedMsMin - now, () => {
      this.#timer = null
      this.consider()
    })
    this.#timer.unref?.()
    return false
  }

  /**
   * After a failure it is retried when half of the records are settled, or twice as many bytes
   * would be freed.
   */
  #isSkipped({ bytes, unsettled }: Oldest): boolean {
    const skipped = this.#skipped
    return skipped !== null && unsettled > skipped.unsettled / 2 && bytes < 2 * skipped.bytes
  }

  /** The entry that settles these records is in the log. */
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
    // From here on the states contain what was settled before.
    if (!(await this.#written())) return false
    let records: readonly TakenRecord[] | null
    try {
      records = await this.#read(oldest, left)
    } catch {
      // The backlog reports unreadable files, and the next process finds the damage.
      return false
    }
    for (let index = 0; records !== null && index < records.length; ) {
      const part: TakenRecord[] = []
      for (let bytes = 0; index < records.length && bytes < partBytesMax; index++) {
        const { record } = records[index]!
        if (!left.has(record.id) || this.#source.states.isSettled(record.id)) continue
        part.push(records[index]!)
        bytes += record.end - record.start
      }
      if (!(await this.#copy(part))) return false
    }
    return records !== null
  }

  /**
   * Null = they are too large a share of the files, or the copy was stopped. # = the spool has
   * failed or is closing.
   */
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
          if (foundBytes > bytes * realShareMax || this.#isStopped) return null
        }
      } finally {
        await reader.close()
      }
    }
    return found
  }

  async #copy(part: readonly TakenRecord[]): Promise<boolean> {
    if (part.length === 0) return true
    const { writer, states } = this.#source
    const batches = this.#source.batchesOf(new Set(part.map(({ record }) => record.id)))
    if (batches === null || this.#isStopped || writer.isDiskFull) return false
    for (const { record, takenAt } of part) writer.builder.addCopy(record, takenAt)
    for (const batch of batches) writer.builder.addCarried(batch)
    if (!(await this.#written())) return false
    for (const { record } of part) {
      if (!states.isSettled(record.id)) states.moveTo(this.#source.durableSegment, record.id)
    }
    this.#source.onCopied(Math.min(...part.map(({ takenAt }) => takenAt)))
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
