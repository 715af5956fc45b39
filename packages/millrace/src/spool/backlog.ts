// Owns the position up to which the spool's records were given to the engine, and reads the next
// ones in order: recent records from memory, older ones from disk. Caller: the producer's
// SpoolFeeder, through Spool, decides when to continue, so memory stays bounded. Invariants:
// `cursor` is the first record that was not given; all later ones follow. Records whose files were
// removed after they were copied are given first, because they are older.

import type { FileSystem } from '../runtime/file-system.ts'
import type { BlockPlaces } from './block-places.ts'
import { type BlockRecord, type BlockStart, readEntries, type SpooledRecord } from './entries.ts'
import { damaged } from './errors.ts'
import { segmentHeaderBytes, segmentName } from './format.ts'
import type { WrittenBlock } from './log-writer.ts'
import { SegmentReader } from './segment-reader.ts'

/** Limit of the blocks in memory for a reader that is not far behind. */
const keptBytesMax = 4 * 1024 * 1024

export interface BacklogSource {
  readonly files: FileSystem
  readonly directory: string
  readonly places: BlockPlaces
  /** The builder that collects the entries of the next block. */
  readonly gathering: BlockStart & { readonly bytes: Buffer }
  /** One more than the id of the newest record. */
  readonly nextRecordId: number
  /** Records with a lower id are durable, and so on disk. */
  readonly durableRecordId: number
  readonly activeSegment: number
  /** Records with a lower id are settled; their segments may have been removed. */
  readonly firstUnsettledId: number
  /** The segment that contains the record; -1 = it was removed. */
  segmentOf(recordId: number): number
}

export class Backlog {
  readonly #source: BacklogSource
  #cursor: number
  /** Copied records of an earlier process; those before `nextCopy` were given. */
  #copies: readonly BlockRecord[]
  #nextCopy = 0
  #kept: WrittenBlock[] = []
  #keptBytes = 0
  #reader: SegmentReader | null = null
  #readerSegment = 0
  #isReading = false
  /** The files up to this one were removed. */
  #removedSegment = 0

  constructor(source: BacklogSource, cursor: number, copies: readonly BlockRecord[]) {
    this.#source = source
    this.#cursor = cursor
    this.#copies = copies
  }

  get cursor(): number {
    return this.#cursor
  }

  /** All records with a lower id were given. */
  get givenId(): number {
    return this.#hasCopies ? 0 : this.#cursor
  }

  /** True if every record was given. The next new record may then go to the engine directly. */
  get isAtEnd(): boolean {
    return !this.#hasCopies && this.#cursor === this.#source.nextRecordId
  }

  /** The engine has the record with this id, and all before it. */
  moveTo(recordId: number): void {
    if (!this.#hasCopies) this.#cursor = recordId
    while (this.#hasCopies && this.#copies[this.#nextCopy]!.id < recordId) this.#nextCopy++
    if (!this.#hasCopies) this.#copies = []
  }

  get #hasCopies(): boolean {
    return this.#nextCopy < this.#copies.length
  }

  /** Keeps a block that is being written, if its records are not given yet. */
  keep(block: WrittenBlock): void {
    if (block.recordCount === 0 || endOf(block) <= this.#cursor) return
    if (this.#keptBytes >= keptBytesMax) return
    this.#kept.push(block)
    this.#keptBytes += block.bytes.length
  }

  /** True while the buffer of the block is needed. */
  isKept(block: WrittenBlock): boolean {
    return this.#kept.includes(block)
  }

  /**
   * The next records from memory; their contents are valid during this event-loop turn only. Null =
   * none is in memory: call `read`.
   */
  fromMemory(): readonly BlockRecord[] | null {
    if (this.#hasCopies) return this.#copies.slice(this.#nextCopy)
    while (this.#kept[0] !== undefined && endOf(this.#kept[0]) <= this.#cursor) {
      this.#keptBytes -= this.#kept.shift()!.bytes.length
    }
    const first = this.#kept[0]
    if (first !== undefined && first.firstRecordId <= this.#cursor) {
      return this.#recordsOf(first.bytes, first)
    }
    const { gathering } = this.#source
    if (this.isAtEnd || gathering.firstRecordId > this.#cursor) return null
    return this.#recordsOf(gathering.bytes, gathering)
  }

  /**
   * The next records from disk, with copies of their contents; empty = none is durable yet. Rejects
   * if a file cannot be read or is damaged.
   */
  async read(): Promise<BlockRecord[]> {
    this.#isReading = true
    try {
      return await this.#readNext()
    } finally {
      this.#isReading = false
      await this.#closeRemoved()
    }
  }

  /** The file was removed: the disk has its space when no descriptor is left. */
  async onRemoved(segment: number): Promise<void> {
    this.#removedSegment = segment
    if (!this.#isReading) await this.#closeRemoved()
  }

  async #closeRemoved(): Promise<void> {
    if (this.#readerSegment <= this.#removedSegment) await this.close()
  }

  async #readNext(): Promise<BlockRecord[]> {
    for (;;) {
      this.#passSettled()
      if (this.#cursor >= this.#source.durableRecordId) return []
      try {
        const records = await this.#readBlock()
        if (records.length > 0) return records
      } catch (error) {
        // The segment was removed meanwhile: all its records are settled.
        if (this.#source.firstUnsettledId <= this.#cursor) throw error
        await this.close()
      }
    }
  }

  /** Batches of an earlier process settle before the cursor reaches their records. */
  #passSettled(): void {
    this.#cursor = Math.max(this.#cursor, this.#source.firstUnsettledId)
  }

  async #readBlock(): Promise<BlockRecord[]> {
    const reader = await this.#readerFor(this.#cursor)
    const block = await reader.next()
    if (block !== null) return this.#recordsOf(block.bytes, block)
    await this.#nextSegment(reader)
    return []
  }

  /** The records with these ids, with copies of their bytes; all of them are on disk. */
  async find(recordIds: ReadonlySet<number>): Promise<Map<number, SpooledRecord>> {
    const found = new Map<number, SpooledRecord>()
    for (const copy of this.#copies) if (recordIds.has(copy.id)) found.set(copy.id, copy)
    if (found.size === recordIds.size) return found
    const returnTo = this.#cursor
    let first = Number.POSITIVE_INFINITY
    for (const id of recordIds) if (!found.has(id)) first = Math.min(first, id)
    await this.close()
    this.#cursor = first
    while (found.size < recordIds.size) {
      const records = await this.read()
      if (records.length === 0) break
      for (const record of records) {
        this.#cursor = record.id + 1
        if (recordIds.has(record.id)) found.set(record.id, record.copy())
      }
    }
    await this.close()
    this.#cursor = returnTo
    return found
  }

  async close(): Promise<void> {
    const reader = this.#reader
    this.#reader = null
    await reader?.close()
  }

  #recordsOf(bytes: Buffer, start: BlockStart): BlockRecord[] {
    const records: BlockRecord[] = []
    readEntries(bytes, start, {
      onRecord: (record) => {
        if (record.id >= this.#cursor) records.push(record)
      },
    })
    return records
  }

  async #readerFor(cursor: number): Promise<SegmentReader> {
    const { files, directory, places } = this.#source
    const segment = this.#source.segmentOf(cursor)
    const place = places.before(cursor)
    const offset = place?.segment === segment ? place.offset : segmentHeaderBytes
    if (this.#reader !== null) {
      // Records that came from memory meanwhile are not read.
      const isAhead =
        segment < this.#readerSegment ||
        (segment === this.#readerSegment && offset <= this.#reader.offset)
      if (isAhead) return this.#reader
      await this.close()
    }
    if (segment < 0) throw damaged(directory, 0, `record ${cursor} is not in the spool`)
    const path = `${directory}/${segmentName(segment)}`
    this.#reader = await SegmentReader.open(files, path, offset)
    this.#readerSegment = segment
    return this.#reader
  }

  /**
   * Continues with the next segment at the end of a file. A block that is not whole is damage here,
   * because it was whole when it was written.
   */
  async #nextSegment(reader: SegmentReader): Promise<void> {
    const { files, directory, activeSegment } = this.#source
    if (this.#readerSegment >= activeSegment || (await reader.size()) > reader.offset) {
      throw damaged(reader.path, reader.offset, 'a block is not as it was written')
    }
    await this.close()
    this.#readerSegment++
    const path = `${directory}/${segmentName(this.#readerSegment)}`
    this.#reader = await SegmentReader.open(files, path, segmentHeaderBytes)
  }
}

const endOf = (block: WrittenBlock): number => block.firstRecordId + block.recordCount
