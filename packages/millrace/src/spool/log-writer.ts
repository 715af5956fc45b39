// Owns the end of the log. Entries are collected in a block while the previous write is in
// progress; then the whole block is written to the active segment (group commit). With durability
// `machine` a write is complete when the block is on the device. Caller: Spool. Invariants: one
// write at a time, always after the last whole block. A failed write ends the spool, because the
// content of the device is unknown. A full disk does not end it: the same block is written again at
// the same position until there is space.

import { asKafkaError, type KafkaError } from '../protocol/kafka-error.ts'
import type { Clock, Timer } from '../runtime/clock.ts'
import { type FileSystem, fileErrorCode, type OpenFile } from '../runtime/file-system.ts'
import { BlockBuilder } from './entries.ts'
import { fileFailed, removedInUse } from './errors.ts'
import { encodeSegmentHeader, formatVersion, segmentHeaderBytes, segmentName } from './format.ts'

export type Durability = 'process' | 'machine'

/** Called once: null = all entries appended before are durable; otherwise the spool has failed. */
export type WrittenCallback = (error: KafkaError | null) => void

export interface LogWriterOptions {
  readonly directory: string
  readonly durability: Durability
  readonly segmentBytes: number
  /** The next numbers, from recovery. */
  readonly nextSegment: number
  readonly nextBlock: number
  readonly nextRecordId: number
}

/** A block that is about to be written, and its position. */
export interface WrittenBlock {
  readonly segment: number
  readonly offset: number
  readonly firstRecordId: number
  readonly recordCount: number
  readonly time: number
  readonly bytes: Buffer
}

export interface LogWriterEvents {
  /** A new segment is the active one. */
  onSegment(segment: number, firstRecordId: number): void
  onBlock(block: WrittenBlock): void
  /** The block is durable. True = the buffer is no longer needed. */
  onBlockWritten(block: WrittenBlock): boolean
  onDiskFull(error: KafkaError): void
  /** The disk has space again. */
  onDiskSpace(): void
  onFailed(error: KafkaError): void
}

/** The reserve file: its space is used to settle records when the disk is full. */
export const reserveName = 'reserve'
export const reserveBytes = 2 * 1024 * 1024
/** Limit of the collected entries while a write is in progress; beyond it records wait. */
export const pendingBytesMax = 1024 * 1024
const blockBytesUsual = 64 * 1024
/** How long an entry is collected that no caller waits for, such as `settled`. */
const gatheringMs = 10
const diskFullRetryMs = 250
/** How often the writer checks that the active file is still in its directory. */
const presenceCheckMs = 1000

const isDiskFull = (error: unknown): boolean =>
  fileErrorCode(error) === 'ENOSPC' || fileErrorCode(error) === 'EDQUOT'

export class LogWriter {
  readonly #files: FileSystem
  readonly #clock: Clock
  readonly #options: LogWriterOptions
  readonly #events: LogWriterEvents
  #builder: BlockBuilder
  #callbacks: WrittenCallback[] = []
  /** The block that is being written; null = no write is in progress. */
  #writing: { readonly size: number; readonly callbacks: WrittenCallback[] } | null = null
  #isScheduled = false
  /** A caller waits for a collected entry. */
  #isAwaited = false
  #gatheringTimer: Timer | null = null
  #file: OpenFile | null = null
  #segment: number
  #position = 0
  #block: number
  #reusable: Buffer | null = null
  #isFull = false
  #retryTimer: Timer | null = null
  #endWait: () => void = () => {}
  #endClose: () => void = () => {}
  #running: Promise<void> = Promise.resolve()
  #isMakingReserve = false
  /** When the reserve was last tried on a full disk, and the timer of the next attempt. */
  #triedAt = Number.NEGATIVE_INFINITY
  #spaceTimer: Timer | null = null
  #checkedAt = 0
  #error: KafkaError | null = null
  #isClosed = false

  constructor(files: FileSystem, clock: Clock, options: LogWriterOptions, events: LogWriterEvents) {
    this.#files = files
    this.#clock = clock
    this.#options = options
    this.#events = events
    this.#segment = options.nextSegment - 1
    this.#block = options.nextBlock
    this.#builder = this.#newBuilder(options.nextRecordId)
  }

  /** Bytes of the entries that are not durable yet. */
  get pendingBytes(): number {
    return this.#builder.size + (this.#writing?.size ?? 0)
  }

  /** False = records must wait: too many entries are not written yet, or the disk is full. */
  get hasSpace(): boolean {
    return this.#builder.size < pendingBytesMax && !this.#isFull && this.#error === null
  }

  get isDiskFull(): boolean {
    return this.#isFull
  }

  get error(): KafkaError | null {
    return this.#error
  }

  get nextRecordId(): number {
    return this.#builder.firstRecordId + this.#builder.recordCount
  }

  /** The builder that collects entries. A caller that appends to it calls `onAppended`. */
  get builder(): BlockBuilder {
    return this.#builder
  }

  /** Schedules a write of the appended entries at the end of this event-loop turn. */
  onAppended(): void {
    this.#isAwaited = true
    if (this.#isScheduled || this.#writing !== null || this.#isClosed) return
    this.#isScheduled = true
    this.#clock.setImmediate(() => {
      this.#isScheduled = false
      if (this.#writing === null) this.#start()
    })
  }

  /**
   * Called in place of `onAppended` for an entry that may be lost in a crash. It is written
   * together with the next entry that a caller waits for, or alone a little later. Otherwise the
   * next record would wait for an additional write.
   */
  onAppendedInPassing(callback: WrittenCallback): void {
    this.#callbacks.push(callback)
    if (this.#isAwaited || this.#gatheringTimer !== null) return
    this.#gatheringTimer = this.#clock.setTimer(gatheringMs, () => {
      this.#gatheringTimer = null
      if (!this.#builder.isEmpty) this.onAppended()
    })
  }

  /** Calls back when all entries appended so far are durable. */
  whenWritten(callback: WrittenCallback): void {
    if (this.#error !== null) {
      const error = this.#error
      this.#clock.setImmediate(() => callback(error))
    } else if (!this.#builder.isEmpty) {
      this.#callbacks.push(callback)
      this.onAppended()
    } else if (this.#writing !== null) this.#writing.callbacks.push(callback)
    else this.#clock.setImmediate(() => callback(this.#error))
  }

  /** Creates the reserve, so that records can be settled when the disk is full. */
  async prepare(): Promise<void> {
    try {
      await this.#makeReserve()
    } catch (error) {
      if (!isDiskFull(error)) throw this.#reserveFailed(error)
      this.#onDiskFull(error)
      this.#checkSpaceLater()
    }
  }

  /**
   * Writes the collected entries, and ends; on a full disk it ends without writing. Entries
   * appended later are not written.
   */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#endClose = resolve
      if (this.#isFull) resolve()
      else this.whenWritten(() => resolve())
    })
    this.#isClosed = true
    this.#gatheringTimer?.cancel()
    this.#retryTimer?.cancel()
    this.#spaceTimer?.cancel()
    this.#endWait()
    await this.#running
    await this.#closeFile()
    await this.#files.remove(this.#path(reserveName)).catch(() => {})
  }

  /** Ends at once with the error: nothing more is written. */
  fail(error: KafkaError): void {
    if (this.#error !== null) return
    this.#error = error
    this.#gatheringTimer?.cancel()
    this.#retryTimer?.cancel()
    this.#spaceTimer?.cancel()
    this.#endWait()
    const callbacks = [...(this.#writing?.callbacks ?? []), ...this.#callbacks]
    this.#callbacks = []
    // If it were closed during a write, the descriptor could belong to another file when the write
    // runs.
    if (this.#writing === null) this.#closeFile()
    this.#events.onFailed(error)
    for (const callback of callbacks) callback(error)
  }

  async #closeFile(): Promise<void> {
    const file = this.#file
    this.#file = null
    await file?.close().catch(() => {})
  }

  #path(name: string): string {
    return `${this.#options.directory}/${name}`
  }

  #newBuilder(firstRecordId: number): BlockBuilder {
    const buffer = this.#reusable ?? Buffer.allocUnsafeSlow(blockBytesUsual)
    this.#reusable = null
    return new BlockBuilder(buffer, firstRecordId, this.#clock.wallTime())
  }

  #start(): void {
    this.#running = this.#run().finally(() => {
      this.#writing = null
      if (this.#error !== null) this.#closeFile()
    })
  }

  /** Writes block after block while a caller waits for collected entries. */
  async #run(): Promise<void> {
    while (this.#isAwaited && this.#error === null && !this.#isClosed) {
      this.#isAwaited = false
      const builder = this.#builder
      const callbacks = this.#callbacks
      this.#callbacks = []
      this.#writing = { size: builder.size, callbacks }
      this.#builder = this.#newBuilder(builder.firstRecordId + builder.recordCount)
      try {
        const block = await this.#write(builder)
        if (block === null) return
        this.#writing = null
        const { buffer } = builder
        if (this.#events.onBlockWritten(block) && buffer.length <= 2 * pendingBytesMax) {
          this.#reusable = buffer
        }
        for (const callback of callbacks) callback(null)
      } catch (error) {
        this.fail(asKafkaError(error, 'spool'))
        return
      }
    }
  }

  /** Writes one block, and repeats it while the disk is full; null = the writer has ended. */
  async #write(builder: BlockBuilder): Promise<WrittenBlock | null> {
    const bytes = builder.seal(this.#block++)
    const isNew = this.#file === null || this.#position + bytes.length > this.#options.segmentBytes
    if (isNew) await this.#openSegment(builder.firstRecordId)
    if (this.#error !== null) return null
    const { firstRecordId, recordCount, time } = builder
    const place = { segment: this.#segment, offset: this.#position }
    const block = { ...place, firstRecordId, recordCount, time, bytes }
    this.#events.onBlock(block)
    for (;;) {
      try {
        await this.#writeBlock(builder, isNew)
        break
      } catch (error) {
        if (!isDiskFull(error)) {
          throw fileFailed('writing', this.#path(segmentName(this.#segment)), error)
        }
        await this.#waitForSpace(error)
      }
      if (this.#error !== null || this.#isClosed) return null
    }
    this.#position += bytes.length
    await this.#checkPresence()
    if (this.#isFull) await this.#tryToLeaveFull()
    return this.#error === null ? block : null
  }

  async #writeBlock(builder: BlockBuilder, isFirst: boolean): Promise<void> {
    const file = this.#file!
    if (isFirst) {
      const header = encodeSegmentHeader({
        version: formatVersion,
        segment: this.#segment,
        firstBlock: this.#block - 1,
        firstRecordId: builder.firstRecordId,
        createdAt: this.#clock.wallTime(),
      })
      await file.write([header, builder.bytes], 0)
      if (this.#isSynced) await this.#files.syncDirectory(this.#options.directory)
    } else await file.write([builder.bytes], this.#position)
  }

  get #isSynced(): boolean {
    return this.#options.durability === 'machine'
  }

  async #openSegment(firstRecordId: number): Promise<void> {
    const previous = this.#file
    const path = this.#path(segmentName(this.#segment + 1))
    for (;;) {
      try {
        this.#file = await this.#files.open(path, this.#isSynced ? 'createSynced' : 'create')
        break
      } catch (error) {
        if (!isDiskFull(error)) throw fileFailed('creating the file', path, error)
        await this.#waitForSpace(error)
        if (this.#error !== null || this.#isClosed) return
      }
    }
    await previous?.close().catch(() => {})
    this.#segment++
    this.#position = segmentHeaderBytes
    this.#events.onSegment(this.#segment, firstRecordId)
  }

  /** A write to a removed file succeeds and is lost, so the file's presence is checked. */
  async #checkPresence(): Promise<void> {
    const now = this.#clock.now()
    if (now < this.#checkedAt + presenceCheckMs) return
    this.#checkedAt = now
    const path = this.#path(segmentName(this.#segment))
    let isLinked: boolean
    try {
      isLinked = (await this.#file!.stat()).isLinked
    } catch (error) {
      throw fileFailed('looking for the file', path, error)
    }
    if (!isLinked) throw removedInUse(path)
  }

  #onDiskFull(cause: unknown): void {
    if (this.#isFull) return
    this.#isFull = true
    this.#events.onDiskFull(fileFailed('writing', this.#options.directory, cause))
    this.#endClose()
  }

  /** Removes the reserve, and waits a little. */
  async #waitForSpace(cause: unknown): Promise<void> {
    this.#onDiskFull(cause)
    await this.#files.remove(this.#path(reserveName)).catch(() => {})
    if (this.#error !== null || this.#isClosed) return
    await new Promise<void>((resolve) => {
      this.#endWait = resolve
      this.#retryTimer = this.#clock.setTimer(diskFullRetryMs, resolve)
    })
  }

  /** A write succeeded: records are accepted again when the reserve exists again. */
  async #tryToLeaveFull(): Promise<void> {
    if (this.#clock.now() >= this.#triedAt + diskFullRetryMs) await this.#leaveFull()
    else this.#checkSpaceLater()
  }

  async #leaveFull(): Promise<void> {
    if (this.#isMakingReserve) return
    this.#triedAt = this.#clock.now()
    try {
      await this.#makeReserve()
      this.#isFull = false
      this.#events.onDiskSpace()
    } catch (error) {
      if (!isDiskFull(error)) throw this.#reserveFailed(error)
      this.#checkSpaceLater()
    }
  }

  #reserveFailed(error: unknown): KafkaError {
    return fileFailed('making the reserve', this.#path(reserveName), error)
  }

  /** If there is nothing to write, no write would detect that there is space again. */
  #checkSpaceLater(): void {
    if (this.#spaceTimer !== null) return
    this.#spaceTimer = this.#clock.setTimer(diskFullRetryMs, () => {
      this.#spaceTimer = null
      if (this.#error !== null || this.#isClosed || !this.#isFull) return
      if (this.#writing === null) {
        this.#leaveFull().catch((error: KafkaError) => this.fail(error))
      } else this.#checkSpaceLater()
    })
  }

  async #makeReserve(): Promise<void> {
    this.#isMakingReserve = true
    try {
      const path = this.#path(reserveName)
      await this.#files.remove(path).catch(() => {})
      const file = await this.#files.open(path, 'create')
      try {
        await file.write([Buffer.alloc(reserveBytes)], 0)
      } finally {
        await file.close()
      }
    } catch (error) {
      // A part of it would take the last space from the log and from other programs.
      await this.#files.remove(this.#path(reserveName)).catch(() => {})
      throw error
    } finally {
      this.#isMakingReserve = false
    }
  }
}
