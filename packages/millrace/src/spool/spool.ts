// Owns a directory of records that were taken and are not settled: its lock, its log, its segment
// files and the state of each record. One process has it open. Caller: producer/spooling/.
//
// It stores records, not batches. A batch is built when it is sent, as without a spool, so a
// backlog is sent in full batches, and a record needs no partition and no producer id to be taken.
// The entry `batch` provides exactly-once delivery: it contains a batch's records, producer id,
// epoch and sequence number. Invariant: it is durable before the batch is first sent. A later
// process sends an unsettled batch again with the same content and number.
//
//   take ─▶ [record] ─▶ number ─▶ [batch] ─▶ sent ─▶ settle ─▶ [settled] ─▶ segment deleted

import type { KafkaError } from '../protocol/kafka-error.ts'
import type { Logger } from '../runtime/logger.ts'
import { Backlog } from './backlog.ts'
import { BlockPlaces } from './block-places.ts'
import { Compaction } from './compaction.ts'
import { DirectoryLock, type LockEnvironment } from './directory-lock.ts'
import type { NumberedBatch, RecordContent, SpooledRecord } from './entries.ts'
import { fileFailed } from './errors.ts'
import { segmentName } from './format.ts'
import {
  type Durability,
  LogWriter,
  type WrittenBlock,
  type WrittenCallback,
} from './log-writer.ts'
import type { RecordStates } from './record-states.ts'
import { cutTornEnd, type Recovered, Recovery, type TornEnd } from './recovery.ts'

export type { Durability }

export interface SpoolSettings {
  readonly directory: string
  readonly maxBytes: number
  readonly durability: Durability
}

export interface SpoolEnvironment extends LockEnvironment {
  readonly logger: Logger
}

export interface SpoolEvents {
  /** A block is durable, or there is space again: waiting callers may continue. */
  onProgress(): void
  /** Nothing more can be written. The files stay for the next process. */
  onFailed(error: KafkaError): void
  /**
   * The batches of these records whose numbers are in the log; null = the log contains more about
   * some of the records.
   */
  batchesOf(recordIds: ReadonlySet<number>): readonly NumberedBatch[] | null
}

/** A batch that an earlier process numbered, with its records. */
export interface RecoveredBatch extends NumberedBatch {
  readonly records: readonly SpooledRecord[]
}

export interface SpoolMetrics {
  /** Size of the files in the directory. */
  readonly bytes: number
  /** Records that are not settled. */
  readonly records: number
  /** Age of the oldest unsettled record in milliseconds; 0 = there is none. */
  readonly oldestMs: number
  /** Records that an earlier process left. */
  readonly recoveredRecords: number
  /**
   * Records that the directory has taken since it was last empty, including those of earlier
   * processes.
   */
  readonly takenRecords: number
}

const segmentBytesMin = 64 * 1024
const segmentBytesMax = 64 * 1024 * 1024
const segmentBytesOf = ({ maxBytes }: SpoolSettings): number =>
  Math.max(segmentBytesMin, Math.min(segmentBytesMax, maxBytes / 16))
/**
 * A warning is logged when the spool is filled to this share, and again after it was half of it.
 */
const warningShare = 1 / 4

const tornEndWarning = (directory: string, { segment, offset, bytes }: TornEnd): string =>
  `millrace: spool ${directory}: ${bytes} bytes of ${segmentName(segment)}, from byte ${offset} ` +
  'on, were cut off: an earlier process ended while it wrote them, or they were damaged later'

export class Spool {
  readonly settings: SpoolSettings
  readonly #environment: SpoolEnvironment
  readonly #events: SpoolEvents
  readonly #lock: DirectoryLock
  readonly #writer: LogWriter
  readonly #states: RecordStates
  readonly #places: BlockPlaces
  readonly #compaction: Compaction
  readonly backlog: Backlog
  /** Records with a lower id were taken by an earlier process. */
  readonly firstNewId: number
  readonly recoveredRecords: number
  /** Unsettled batches of an earlier process, oldest records first. */
  readonly unfinished: readonly NumberedBatch[]
  readonly #segmentBytes = new Map<number, number>()
  #bytes = 0
  #activeSegment: number
  #durableRecordId: number
  #durableSegment: number
  /** When the oldest copied record was taken. */
  #copiesSince: number
  #nextBatchId: number
  #removal: Promise<void> = Promise.resolve()
  #hasWarned = false
  #needsSpace = false

  private constructor(
    settings: SpoolSettings,
    environment: SpoolEnvironment,
    events: SpoolEvents,
    lock: DirectoryLock,
    recovered: Recovered,
    places: BlockPlaces,
  ) {
    this.settings = settings
    this.#environment = environment
    this.#events = events
    this.#lock = lock
    this.#states = recovered.states
    this.#places = places
    this.unfinished = recovered.unfinished
    this.recoveredRecords = recovered.states.unsettled
    this.firstNewId = recovered.states.nextId
    this.#nextBatchId = recovered.nextBatchId
    this.#activeSegment = recovered.nextSegment - 1
    this.#durableRecordId = this.firstNewId
    this.#durableSegment = this.#activeSegment
    this.#copiesSince = recovered.copiesSince
    for (const { segment, bytes } of recovered.segments) this.#addBytes(segment, bytes)
    this.#writer = this.#makeWriter(recovered)
    this.backlog = this.#makeBacklog(recovered)
    this.#compaction = this.#makeCompaction()
  }

  /**
   * Opens the directory, creates it if it does not exist, and recovers its content. Rejects with
   * SPOOL_LOCKED, SPOOL_DAMAGED or SPOOL_FAILED.
   */
  static async open(
    settings: SpoolSettings,
    environment: SpoolEnvironment,
    events: SpoolEvents,
  ): Promise<Spool> {
    const { files } = environment
    const { directory } = settings
    try {
      await files.makeDirectory(directory)
    } catch (error) {
      throw fileFailed('making the directory', directory, error)
    }
    const lock = await DirectoryLock.acquire(environment, directory)
    try {
      const places = new BlockPlaces()
      const recovery = new Recovery(files, directory, { onBlock: (place) => places.add(place) })
      const recovered = await recovery.read()
      const { tornEnd } = recovered
      if (tornEnd !== null) {
        await cutTornEnd(files, directory, tornEnd)
        environment.logger.warn(tornEndWarning(directory, tornEnd))
      }
      if (settings.durability === 'machine') await syncLast(files, directory, recovered)
      const spool = new Spool(settings, environment, events, lock, recovered, places)
      await spool.#writer.prepare()
      spool.#removeSettledSegments()
      await spool.#removal
      lock.hold((error) => spool.fail(error))
      return spool
    } catch (error) {
      await lock.release()
      throw error
    }
  }

  #makeWriter({ nextSegment, nextBlock }: Recovered): LogWriter {
    const { directory, durability } = this.settings
    const { files, clock } = this.#environment
    const segmentBytes = segmentBytesOf(this.settings)
    return new LogWriter(
      files,
      clock,
      {
        directory,
        durability,
        segmentBytes,
        nextSegment,
        nextBlock,
        nextRecordId: this.firstNewId,
      },
      {
        onSegment: (segment, firstRecordId) => {
          this.#activeSegment = segment
          this.#states.addSegment(segment, firstRecordId)
        },
        onBlock: (block) => this.#onBlock(block),
        onBlockWritten: (block) => this.#onBlockWritten(block),
        onDiskFull: (error) => {
          const { logger } = this.#environment
          logger.warn(`millrace: ${error.message}; records are refused until there is space`)
        },
        onDiskSpace: () => {
          this.#compaction.consider()
          this.#events.onProgress()
        },
        onFailed: (error) => this.#events.onFailed(error),
      },
    )
  }

  #makeCompaction(): Compaction {
    const spool = this
    return new Compaction({
      files: this.#environment.files,
      clock: this.#environment.clock,
      directory: this.settings.directory,
      writer: this.#writer,
      states: this.#states,
      get givenId() {
        return spool.backlog.givenId
      },
      get durableSegment() {
        return spool.#durableSegment
      },
      segmentBytes: segmentBytesOf(this.settings),
      bytesOf: (segment) => this.#segmentBytes.get(segment) ?? 0,
      batchesOf: (recordIds) => this.#events.batchesOf(recordIds),
      onCopied: (takenAt) => {
        this.#copiesSince = Math.min(this.#copiesSince, takenAt)
        this.#removeSettledSegments()
      },
    })
  }

  #makeBacklog({ copies }: Recovered): Backlog {
    const spool = this
    return new Backlog(
      {
        files: this.#environment.files,
        directory: this.settings.directory,
        places: this.#places,
        get gathering() {
          return spool.#writer.builder
        },
        get nextRecordId() {
          return spool.#writer.nextRecordId
        },
        get durableRecordId() {
          return spool.#durableRecordId
        },
        get activeSegment() {
          return spool.#activeSegment
        },
        get firstUnsettledId() {
          return spool.#states.firstUnsettled
        },
        segmentOf: (recordId) => spool.#states.segmentOf(recordId),
      },
      this.#states.firstUnsettled,
      copies,
    )
  }

  // ── Entries ────────────────────────────────────────────────────────────────────────────────────

  /** Whether a record may be taken now; after `false`, `onProgress` is called later. */
  get hasSpace(): boolean {
    if (this.#writer.hasSpace && this.#usedBytes < this.settings.maxBytes) return true
    this.#needsSpace = true
    return false
  }

  /** Why records are rejected now, if a failure of the disk is the cause. */
  get error(): KafkaError | null {
    return this.#writer.error
  }

  get isDiskFull(): boolean {
    return this.#writer.isDiskFull
  }

  /** Records with a lower id were taken. */
  get nextRecordId(): number {
    return this.#writer.nextRecordId
  }

  /** The block that collects entries now: another one after it is written. */
  get gathering(): { readonly isEmpty: boolean } {
    return this.#writer.builder
  }

  /** Takes a record, which is durable when `whenWritten` calls back. Returns its id. */
  take(topic: string, partition: number, timestamp: number, content: RecordContent): number {
    const id = this.#writer.nextRecordId
    this.#writer.builder.addRecord(topic, partition, timestamp, content)
    this.#writer.onAppended()
    return id
  }

  /** Calls back when all entries so far are durable. */
  whenWritten(callback: WrittenCallback): void {
    this.#writer.whenWritten(callback)
  }

  /** Records a batch before it is sent; it may be sent when `whenWritten` calls back. */
  number(batch: Omit<NumberedBatch, 'batchId' | 'time'>): number {
    const batchId = this.#nextBatchId++
    this.#writer.builder.addBatch({ ...batch, batchId })
    this.#writer.onAppended()
    return batchId
  }

  /** The batch needs no further attempt. `onDurable` is called when a crash cannot undo this. */
  settle(batchId: number, recordIds: readonly number[], onDurable: () => void = () => {}): void {
    this.#writer.builder.addSettled(batchId)
    // If a crash loses the entry, one more request is sent, and the broker recognizes the batch.
    this.#writer.onAppendedInPassing(this.#whenSettled(recordIds, onDurable))
  }

  /** Single records need no further attempt. */
  drop(recordIds: readonly number[], onDurable: () => void = () => {}): void {
    this.#writer.builder.addDropped(recordIds)
    this.#writer.whenWritten(this.#whenSettled(recordIds, onDurable))
  }

  #whenSettled(recordIds: readonly number[], onDurable: () => void): WrittenCallback {
    this.#compaction.onSettling(recordIds)
    return (error) => {
      if (error !== null) return
      for (const id of recordIds) this.#states.settle(id)
      if (this.#states.copies === 0) this.#copiesSince = Number.POSITIVE_INFINITY
      this.#removeSettledSegments()
      this.#compaction.consider()
      onDurable()
    }
  }

  /**
   * The engine was given more of the backlog. A process that finds the spool full may write nothing
   * until files are removed, so no write would start their compaction.
   */
  onGiven(): void {
    this.#compaction.consider()
  }

  isSettled(recordId: number): boolean {
    return this.#states.isSettled(recordId)
  }

  /** Reads the records of the batches that an earlier process left. */
  async recoveredBatches(): Promise<RecoveredBatch[]> {
    const ids = new Set(this.unfinished.flatMap((batch) => batch.recordIds))
    if (ids.size === 0) return []
    const found = await this.backlog.find(ids)
    return this.unfinished.map((batch) => ({
      ...batch,
      records: batch.recordIds.map((id) => found.get(id)!),
    }))
  }

  metrics(): SpoolMetrics {
    const { unsettled, firstUnsettled } = this.#states
    // Records that are not in a segment yet are about to be written.
    const records = unsettled + this.#writer.nextRecordId - this.#states.nextId
    const time = Math.min(
      this.#copiesSince,
      this.#places.before(firstUnsettled)?.time ?? Number.POSITIVE_INFINITY,
    )
    const oldestMs = unsettled === 0 ? 0 : Math.max(0, this.#environment.clock.wallTime() - time)
    const { recoveredRecords } = this
    const takenRecords = this.#writer.nextRecordId
    return { bytes: this.#usedBytes, records, oldestMs, recoveredRecords, takenRecords }
  }

  /** Ends the spool with an error; the files do not change. */
  fail(error: KafkaError): void {
    this.#writer.fail(error)
  }

  /**
   * Writes the remaining entries, and releases the directory. A spool without unsettled records
   * leaves it empty.
   */
  async close(): Promise<void> {
    await this.#compaction.stop()
    await this.#writer.close()
    await this.#removal
    await this.backlog.close()
    const isEmpty = this.#states.unsettled === 0 && this.#writer.error === null
    if (isEmpty && this.#writer.nextRecordId === this.#durableRecordId) {
      for (const segment of [...this.#segmentBytes.keys()]) await this.#removeSegment(segment)
    }
    await this.#lock.release()
  }

  // ── Files ──────────────────────────────────────────────────────────────────────────────────────

  get #usedBytes(): number {
    return this.#bytes + this.#writer.pendingBytes
  }

  #addBytes(segment: number, bytes: number): void {
    this.#segmentBytes.set(segment, (this.#segmentBytes.get(segment) ?? 0) + bytes)
    this.#bytes += bytes
  }

  #onBlock(block: WrittenBlock): void {
    const { segment, offset, firstRecordId, recordCount, time } = block
    this.#states.add(recordCount)
    this.#places.add({ segment, offset, firstRecordId, time })
    this.backlog.keep(block)
  }

  #onBlockWritten(block: WrittenBlock): boolean {
    this.#durableRecordId = block.firstRecordId + block.recordCount
    this.#durableSegment = block.segment
    this.#compaction.consider()
    this.#addBytes(block.segment, block.bytes.length)
    this.#warn()
    if (this.#needsSpace || !this.backlog.isAtEnd) {
      this.#needsSpace = false
      this.#events.onProgress()
    }
    return !this.backlog.isKept(block)
  }

  #warn(): void {
    const { maxBytes, directory } = this.settings
    const share = this.#usedBytes / maxBytes
    if (share < warningShare / 2) this.#hasWarned = false
    if (share < warningShare || this.#hasWarned) return
    this.#hasWarned = true
    const { bytes, records, oldestMs } = this.metrics()
    this.#environment.logger.warn(
      `millrace: spool ${directory} holds ${bytes} of at most ${maxBytes} bytes: ${records} ` +
        `records, the oldest of them ${Math.round(oldestMs / 1000)} s old`,
    )
  }

  #removeSettledSegments(): void {
    for (;;) {
      const segment = this.#states.takeSettledSegment()
      if (segment === null) return
      this.#removal = this.#removal.then(() => this.#removeSegment(segment))
    }
  }

  /**
   * The segments are removed one after the other, oldest first: a gap in their numbers would be
   * damage.
   */
  async #removeSegment(segment: number): Promise<void> {
    const { files } = this.#environment
    const { directory, durability } = this.settings
    try {
      await files.remove(`${directory}/${segmentName(segment)}`)
      if (durability === 'machine') await files.syncDirectory(directory)
    } catch (error) {
      this.fail(fileFailed('removing the file', `${directory}/${segmentName(segment)}`, error))
      return
    }
    await this.backlog.onRemoved(segment)
    this.#places.forgetBefore(segment + 1)
    this.#bytes -= this.#segmentBytes.get(segment) ?? 0
    this.#segmentBytes.delete(segment)
    this.#events.onProgress()
  }
}

/** The last blocks of the last process may not have been forced to the device before it ended. */
const syncLast = async (
  files: SpoolEnvironment['files'],
  directory: string,
  { segments }: Recovered,
): Promise<void> => {
  const last = segments.at(-1)
  if (last === undefined) return
  const path = `${directory}/${segmentName(last.segment)}`
  try {
    const file = await files.open(path, 'update')
    try {
      await file.sync()
    } finally {
      await file.close()
    }
    await files.syncDirectory(directory)
  } catch (error) {
    throw fileFailed('fdatasync', path, error)
  }
}
