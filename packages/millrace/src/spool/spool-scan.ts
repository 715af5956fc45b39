// Owns a read of a spool directory without its lock and without changes. It reads as much as
// possible: damage is reported and skipped, and the owner may be writing to the directory.
// Recovery, which a producer starts with, is stricter. Callers: producer/spool-views.ts and
// producer/spooling/spool-inspection.ts, for the command line. Invariant: memory holds one block at
// a time, and one bit for each settled record.

import type { FileSystem } from '../runtime/file-system.ts'
import { fileErrorCode } from '../runtime/file-system.ts'
import {
  type EntryVisitor,
  type NumberedBatch,
  readEntries,
  type SpooledRecord,
} from './entries.ts'
import { segmentHeaderBytes, segmentName } from './format.ts'
import { IdSet } from './id-set.ts'
import { listSegments } from './recovery.ts'
import { type ReadBlock, SegmentReader } from './segment-reader.ts'

/** A position where a file differs from what was written. */
export interface SpoolDamage {
  /** The file's path. */
  readonly file: string
  /** The byte at which the damage begins. */
  readonly offset: number
  /** The kind of damage. */
  readonly problem: string
}

/** The result of a scan. */
export interface ScanResult {
  readonly files: number
  readonly bytes: number
  /** Bytes at the end that are not a block: an incomplete write, or one in progress. */
  readonly tornBytes: number
  readonly damage: readonly SpoolDamage[]
}

const damageMax = 1000

/** The states of records and batches, from the entries of all blocks. */
export class ScannedStates implements EntryVisitor {
  readonly settled = new IdSet()
  /** Batches that were numbered and have no result in the remaining files. */
  readonly batches = new Map<number, NumberedBatch>()
  readonly #batchOf = new Map<number, number>()
  recordCount = 0
  /** One more than the id of the newest record. */
  nextId = 0

  onRecordId(id: number): void {
    this.recordCount++
    this.nextId = Math.max(this.nextId, id + 1)
  }

  onBatch(batch: NumberedBatch): void {
    for (const id of batch.recordIds) {
      this.#forget(this.#batchOf.get(id))
      this.#batchOf.set(id, batch.batchId)
    }
    this.batches.set(batch.batchId, batch)
  }

  onSettled(batchId: number): void {
    for (const id of this.batches.get(batchId)?.recordIds ?? []) this.settled.add(id)
    this.#forget(batchId)
  }

  onDropped(recordIds: readonly number[]): void {
    for (const id of recordIds) {
      this.#forget(this.#batchOf.get(id))
      this.settled.add(id)
    }
  }

  #forget(batchId: number | undefined): void {
    if (batchId === undefined) return
    for (const id of this.batches.get(batchId)?.recordIds ?? []) this.#batchOf.delete(id)
    this.batches.delete(batchId)
  }
}

/** A block, and the file that contains it. */
interface ScannedBlock extends ReadBlock {
  readonly path: string
}

export class SpoolScan {
  readonly #files: FileSystem
  readonly #directory: string
  readonly #damage: SpoolDamage[] = []
  #fileCount = 0
  #bytes = 0
  #tornBytes = 0
  /** The oldest record that was not copied. */
  #firstId: number | null = null
  readonly #copied = new IdSet()
  /** The expected number of the next block; -1 = any. */
  #nextBlock = -1

  constructor(files: FileSystem, directory: string) {
    this.#files = files
    this.#directory = directory
  }

  /** The result of the last scan. */
  get result(): ScanResult {
    return {
      files: this.#fileCount,
      bytes: this.#bytes,
      tornBytes: this.#tornBytes,
      damage: this.#damage,
    }
  }

  /** Reads all blocks, and collects the states of records and batches. */
  async states(): Promise<ScannedStates> {
    const states = new ScannedStates()
    for await (const block of this.#blocks()) this.#read(block, states)
    return states
  }

  /** The records, oldest first; a content is a view that is valid until the next block. */
  async *records(): AsyncGenerator<SpooledRecord & { readonly takenAt: number }> {
    for await (const block of this.#blocks()) {
      const records: (SpooledRecord & { readonly takenAt: number })[] = []
      this.#read(block, {
        onRecord: (record, takenAt = block.time) =>
          records.push({ ...record, content: record.content, takenAt }),
      })
      yield* records
    }
  }

  /** A copy replaces its record if the record's file was removed. */
  #read(block: ScannedBlock, visitor: EntryVisitor): void {
    try {
      this.#firstId ??= block.firstRecordId
      readEntries(block.bytes, block, {
        onRecordId: (id) => visitor.onRecordId?.(id),
        ...(visitor.onRecord === undefined
          ? {}
          : { onRecord: (record) => visitor.onRecord!(record) }),
        onCopy: (record, takenAt) => {
          if (record.id >= this.#firstId! || this.#copied.has(record.id)) return
          this.#copied.add(record.id)
          visitor.onRecord?.(record, takenAt)
          visitor.onRecordId?.(record.id)
        },
        onBatch: (batch) => visitor.onBatch?.(batch),
        onSettled: (batchId) => visitor.onSettled?.(batchId),
        onDropped: (recordIds) => visitor.onDropped?.(recordIds),
      })
    } catch (error) {
      this.#report(block.path, block.offset, (error as Error).message)
    }
  }

  /** Every whole block, oldest first. Rejects if the directory cannot be read. */
  async *#blocks(): AsyncGenerator<ScannedBlock> {
    const numbers = await listSegments(this.#files, this.#directory)
    for (const [index, segment] of numbers.entries()) {
      const before = numbers[index - 1]
      if (before !== undefined && segment !== before + 1) {
        this.#report(this.#path(before + 1), 0, 'the file is missing')
        this.#nextBlock = -1
      }
      yield* this.#blocksOf(this.#path(segment), index === numbers.length - 1)
    }
  }

  #path(segment: number): string {
    return `${this.#directory}/${segmentName(segment)}`
  }

  async *#blocksOf(path: string, isLast: boolean): AsyncGenerator<ScannedBlock> {
    const reader = await this.#open(path)
    if (reader === null) return
    try {
      if (!(await this.#checkHeader(reader, isLast))) return
      for (;;) {
        const block = (await reader.next()) ?? (await this.#blockAfterDamage(reader, isLast))
        if (block === null) break
        if (this.#nextBlock >= 0 && block.block !== this.#nextBlock) {
          const problem = `block ${block.block} does not follow the one before it`
          this.#report(path, block.offset, problem)
        }
        this.#nextBlock = block.block + 1
        yield { ...block, path }
      }
      this.#bytes += await reader.size()
      this.#fileCount++
    } catch (error) {
      // The device cannot read it; the following blocks may be readable.
      this.#report(path, reader.offset, (error as Error).message)
      this.#nextBlock = -1
    } finally {
      await reader.close()
    }
  }

  /** Null = the owner has removed the file meanwhile, or it cannot be opened. */
  async #open(path: string): Promise<SegmentReader | null> {
    try {
      return await SegmentReader.open(this.#files, path)
    } catch (error) {
      const isGone = fileErrorCode((error as Error).cause) === 'ENOENT'
      if (!isGone) this.#report(path, 0, (error as Error).message)
      this.#nextBlock = -1
      return null
    }
  }

  /** False = nothing of the file can be read. */
  async #checkHeader(reader: SegmentReader, isLast: boolean): Promise<boolean> {
    try {
      if ((await reader.header()) !== null) return true
    } catch (error) {
      this.#report(reader.path, 0, (error as Error).message)
      return false
    }
    if (!isLast || (await reader.size()) > segmentHeaderBytes) {
      this.#report(reader.path, 0, 'the header of the file is damaged')
    }
    return true
  }

  /** The next whole block after a damaged one; null = the file has none. */
  async #blockAfterDamage(reader: SegmentReader, isLast: boolean): Promise<ReadBlock | null> {
    const { path, offset } = reader
    const bytes = (await reader.size()) - offset
    if (bytes <= 0) return null
    // The owner may have written it meanwhile: it writes one block after the other.
    if ((await reader.findLater()) !== null) {
      const written = await reader.next()
      if (written !== null) return written
    }
    const later = await reader.skipDamage()
    // At the end of the log it is an incomplete write, or one in progress.
    if (later === null && isLast) this.#tornBytes += bytes
    else {
      this.#report(path, offset, 'a block is not as it was written')
      this.#nextBlock = -1
    }
    return later
  }

  #report(file: string, offset: number, problem: string): void {
    if (this.#damage.length < damageMax) this.#damage.push({ file, offset, problem })
  }
}
