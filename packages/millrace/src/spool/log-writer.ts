// The end of the log that is written to. Entries gather in a block while the write before it is
// under way; then the block goes to the active segment as a whole (group commit). With durability
// `machine` the write is over when the block is on the device. Caller: Spool.
// Invariants: one write at a time, always behind the last block that is known to be whole; a failed
// write ends the spool, since what the device holds is unknown then; a full disk ends nothing: the
// same block is written again at the same place until there is space.

import { asKafkaError, type KafkaError } from '../protocol/kafka-error.ts'
import type { Clock, Timer } from '../runtime/clock.ts'
import { type FileSystem, fileErrorCode, type OpenFile } from '../runtime/file-system.ts'
import { BlockBuilder } from './entries.ts'
import { fileFailed, removedInUse } from './errors.ts'
import { encodeSegmentHeader, formatVersion, segmentHeaderBytes, segmentName } from './format.ts'

export type Durability = 'process' | 'machine'

/** Called once: null = what was appended before is durable; otherwise the spool has failed. */
export type WrittenCallback = (error: KafkaError | null) => void

export interface LogWriterOptions {
  readonly directory: string
  readonly durability: Durability
  readonly segmentBytes: number
  /** The next numbers, as recovery found them. */
  readonly nextSegment: number
  readonly nextBlock: number
  readonly nextRecordId: number
}

/** A block that is about to be written, and where. */
export interface WrittenBlock {
  readonly segment: number
  readonly offset: number
  readonly firstRecordId: number
  readonly recordCount: number
  readonly time: number
  readonly bytes: Buffer
}

export interface LogWriterEvents {
  /** A new segment is the active one from now on. */
  onSegment(segment: number, firstRecordId: number): void
  onBlock(block: WrittenBlock): void
  /** The block is durable. True = the buffer is no longer needed. */
  onBlockWritten(block: WrittenBlock): boolean
  onDiskFull(error: KafkaError): void
  /** The disk has space again. */
  onDiskSpace(): void
  onFailed(error: KafkaError): void
}

/** Where the reserve lies: its space is what settles records when the disk is full. */
export const reserveName = 'reserve'
export const reserveBytes = 2 * 1024 * 1024
/** Entries that may gather while a write is under way; records wait beyond that. */
export const pendingBytesMax = 1024 * 1024
const blockBytesUsual = 64 * 1024
/** How long an entry gathers that nothing waits for, such as `settled`. */
const gatheringMs = 10
const diskFullRetryMs = 250
/** How often the active file is looked for in its directory. */
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
  /** Of the block that is being written; null = no write is under way. */
  #writing: { readonly size: number; readonly callbacks: WrittenCallback[] } | null = null
  #isScheduled = false
  /** Something waits for an entry that gathers. */
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
  /** When the reserve was tried last on a full disk, and the timer of the next try. */
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

  /** Entries that are not durable yet, in bytes. */
  get pendingBytes(): number {
    return this.#builder.size + (this.#writing?.size ?? 0)
  }

  /** False = records must wait: too much is not written yet, or the disk is full. */
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

  /** Where entries gather now. Who appends to it calls `onAppended`. */
  get builder(): BlockBuilder {
    return this.#builder
  }

  /** Makes sure that what was appended gets written at the end of this event-loop turn. */
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
   * In place of `onAppended`, for an entry that may be lost in a crash: it is written together with
   * the next one that something waits for, or on its own a little later. Otherwise a record that is
   * taken next would wait for a write of its own and for this one.
   */
  onAppendedInPassing(callback: WrittenCallback): void {
    this.#callbacks.push(callback)
    if (this.#isAwaited || this.#gatheringTimer !== null) return
    this.#gatheringTimer = this.#clock.setTimer(gatheringMs, () => {
      this.#gatheringTimer = null
      if (!this.#builder.isEmpty) this.onAppended()
    })
  }

  /** Calls back when all that was appended so far is durable. */
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

  /** Sets space aside, so that records can be settled when the disk is full. */
  async prepare(): Promise<void> {
    try {
      await this.#makeReserve()
    } catch (error) {
      if (!isDiskFull(error)) throw this.#reserveFailed(error)
      this.#onDiskFull(error)
      this.#lookForSpaceLater()
    }
  }

  /**
   * Writes what has gathered, and ends; where the disk is full, it ends without. What is appended
   * later is not written.
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

  /** Ends at once, with the error: nothing is written any more. */
  fail(error: KafkaError): void {
    if (this.#error !== null) return
    this.#error = error
    this.#gatheringTimer?.cancel()
    this.#retryTimer?.cancel()
    this.#spaceTimer?.cancel()
    this.#endWait()
    const callbacks = [...(this.#writing?.callbacks ?? []), ...this.#callbacks]
    this.#callbacks = []
    // Closed while a write is under way, the descriptor could be another file's when it runs.
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

  /** Writes block after block while something waits for what gathers. */
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

  /** Writes one block, for as long as the disk is full; null = the writer has ended meanwhile. */
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

  /** A write to a file that was removed succeeds, and is lost: the file must be looked for. */
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

  /** Gives the reserve up, and waits a little. */
  async #waitForSpace(cause: unknown): Promise<void> {
    this.#onDiskFull(cause)
    await this.#files.remove(this.#path(reserveName)).catch(() => {})
    if (this.#error !== null || this.#isClosed) return
    await new Promise<void>((resolve) => {
      this.#endWait = resolve
      this.#retryTimer = this.#clock.setTimer(diskFullRetryMs, resolve)
    })
  }

  /** A write went well: records are taken again as soon as the reserve is there again. */
  async #tryToLeaveFull(): Promise<void> {
    if (this.#clock.now() >= this.#triedAt + diskFullRetryMs) await this.#leaveFull()
    else this.#lookForSpaceLater()
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
      this.#lookForSpaceLater()
    }
  }

  #reserveFailed(error: unknown): KafkaError {
    return fileFailed('making the reserve', this.#path(reserveName), error)
  }

  /** Nothing may be left to write, and so nothing that finds out that there is space again. */
  #lookForSpaceLater(): void {
    if (this.#spaceTimer !== null) return
    this.#spaceTimer = this.#clock.setTimer(diskFullRetryMs, () => {
      this.#spaceTimer = null
      if (this.#error !== null || this.#isClosed || !this.#isFull) return
      if (this.#writing === null) {
        this.#leaveFull().catch((error: KafkaError) => this.fail(error))
      } else this.#lookForSpaceLater()
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
      // A part of it would take the last space from the log, and from other programs.
      await this.#files.remove(this.#path(reserveName)).catch(() => {})
      throw error
    } finally {
      this.#isMakingReserve = false
    }
  }
}
