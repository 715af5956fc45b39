// Reads what an earlier process left: every segment, in order, from its first block to its last. A
// torn end is cut off; it was never reported as taken. Damage anywhere else is an error that names
// the file and the byte. Caller: Spool, when it opens.
//
// A batch of the log is unfinished if it is the last one that names its records, and none of them
// is settled: it may be in Kafka's log under its number, and is sent again under it. A batch that
// lost records, or of which a later batch names some, was refused as it was. What is left of it is
// not in Kafka's log, nor is what has a number behind it: it goes out under new numbers, in order.
//
// A copy counts where the file of the record is gone. Where it is still there, the process died
// before it could remove the file, and the copy is not needed.

import type { FileSystem } from '../runtime/file-system.ts'
import { type BlockRecord, type NumberedBatch, readEntries, type SpooledRecord } from './entries.ts'
import { damaged, fileFailed } from './errors.ts'
import { segmentHeaderBytes, segmentName, segmentNumber } from './format.ts'
import { RecordStates } from './record-states.ts'
import { type ReadBlock, SegmentReader } from './segment-reader.ts'

export interface SegmentFile {
  readonly segment: number
  readonly bytes: number
}

/** A block's place, to begin reading at. */
export interface BlockPlace {
  readonly segment: number
  readonly offset: number
  readonly firstRecordId: number
  readonly time: number
}

export interface RecoveryVisitor {
  onBlock?(place: BlockPlace, block: ReadBlock): void
  onRecord?(record: SpooledRecord): void
}

/** A torn end: `bytes` from `offset` on are no block. */
export interface TornEnd {
  readonly segment: number
  readonly offset: number
  readonly bytes: number
}

export interface Recovered {
  readonly segments: readonly SegmentFile[]
  readonly states: RecordStates
  /** Records whose files are gone, oldest first: they were in the memory of an earlier process. */
  readonly copies: readonly BlockRecord[]
  /** When the oldest of them was taken. */
  readonly copiesSince: number
  /**
   * Batches that may be in Kafka's log, and the rest of refused ones (their baseSequence is -1):
   * oldest records first.
   */
  readonly unfinished: readonly NumberedBatch[]
  readonly nextSegment: number
  readonly nextBlock: number
  readonly nextBatchId: number
  readonly tornEnd: TornEnd | null
}

/** The numbers of the directory's segments, ascending. */
export const listSegments = async (files: FileSystem, directory: string): Promise<number[]> => {
  let names: string[]
  try {
    names = await files.list(directory)
  } catch (error) {
    throw fileFailed('reading the directory', directory, error)
  }
  const numbers = names.map(segmentNumber).filter((number) => number !== null)
  return numbers.sort((a, b) => a - b)
}

export class Recovery {
  readonly #files: FileSystem
  readonly #directory: string
  readonly #visitor: RecoveryVisitor
  readonly #states = new RecordStates()
  readonly #batches = new Map<number, NumberedBatch>()
  /** The batch that names the record last, for records of batches that are not settled. */
  readonly #batchOf = new Map<number, number>()
  /** The refused batch that each of these records was in. */
  readonly #released = new Map<number, NumberedBatch>()
  readonly #segments: SegmentFile[] = []
  readonly #copies = new Map<number, BlockRecord>()
  #copiesSince = Number.POSITIVE_INFINITY
  #nextBlock = -1
  #nextBatchId = 0
  #tornEnd: TornEnd | null = null

  constructor(files: FileSystem, directory: string, visitor: RecoveryVisitor = {}) {
    this.#files = files
    this.#directory = directory
    this.#visitor = visitor
  }

  /** Reads the directory, and changes nothing in it. */
  async read(): Promise<Recovered> {
    const numbers = await listSegments(this.#files, this.#directory)
    for (const [index, segment] of numbers.entries()) {
      if (index > 0 && segment !== numbers[index - 1]! + 1) {
        throw damaged(this.#path(numbers[index - 1]! + 1), 0, 'the file is missing')
      }
      await this.#readSegment(segment, index === numbers.length - 1)
    }
    const last = numbers.at(-1) ?? 0
    return {
      segments: this.#segments,
      states: this.#states,
      copies: [...this.#copies.values()].sort((a, b) => a.id - b.id),
      copiesSince: this.#copies.size === 0 ? Number.POSITIVE_INFINITY : this.#copiesSince,
      unfinished: this.#unfinished(),
      // A segment that was never whole leaves its number free.
      nextSegment: this.#tornEnd?.offset === 0 ? last : last + 1,
      nextBlock: Math.max(0, this.#nextBlock),
      nextBatchId: this.#nextBatchId,
      tornEnd: this.#tornEnd,
    }
  }

  #path(segment: number): string {
    return `${this.#directory}/${segmentName(segment)}`
  }

  async #readSegment(segment: number, isLast: boolean): Promise<void> {
    const reader = await SegmentReader.open(this.#files, this.#path(segment))
    try {
      const header = await reader.header()
      if (header === null) {
        await this.#readTornHeader(reader, segment, isLast)
        return
      }
      if (header.segment !== segment) {
        throw damaged(reader.path, 0, `the header is that of segment ${header.segment}`)
      }
      if (this.#nextBlock < 0) this.#nextBlock = header.firstBlock
      const nextId = this.#segments.length === 0 ? header.firstRecordId : this.#states.nextId
      if (header.firstBlock !== this.#nextBlock || header.firstRecordId !== nextId) {
        throw damaged(reader.path, 0, 'it does not continue the segment before it')
      }
      this.#states.addSegment(segment, header.firstRecordId)
      for (let block = await reader.next(); block !== null; block = await reader.next()) {
        this.#onBlock(reader, segment, block)
      }
      await this.#checkEnd(reader, segment, isLast)
    } finally {
      await reader.close()
    }
  }

  /** Its first block was written together with the header: then nothing of it was durable. */
  async #readTornHeader(reader: SegmentReader, segment: number, isLast: boolean): Promise<void> {
    const bytes = await reader.size()
    if (!isLast || (await reader.findLater()) !== null) {
      throw damaged(reader.path, 0, 'the header of the file is damaged')
    }
    this.#tornEnd = { segment, offset: 0, bytes }
  }

  #onBlock(reader: SegmentReader, segment: number, block: ReadBlock): void {
    const { offset, firstRecordId, time } = block
    if (block.block !== this.#nextBlock || firstRecordId !== this.#states.nextId) {
      throw damaged(reader.path, offset, `block ${block.block} does not follow the one before it`)
    }
    this.#nextBlock++
    this.#visitor.onBlock?.({ segment, offset, firstRecordId, time }, block)
    const { onRecord } = this.#visitor
    try {
      readEntries(block.bytes, block, {
        onRecordId: () => this.#states.add(1),
        ...(onRecord === undefined ? {} : { onRecord }),
        onCopy: (record, takenAt) => this.#onCopy(record, segment, takenAt),
        onBatch: (batch) => this.#onBatch(batch),
        onSettled: (batchId) => this.#onSettled(batchId),
        onDropped: (recordIds) => this.#onDropped(recordIds),
      })
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      throw damaged(reader.path, offset, error.message)
    }
  }

  #onCopy(record: BlockRecord, segment: number, takenAt: number): void {
    if (this.#states.segmentOf(record.id) >= 0) return
    this.#states.moveTo(segment, record.id)
    this.#copies.set(record.id, record.copy())
    this.#copiesSince = Math.min(this.#copiesSince, takenAt)
  }

  #settle(id: number): void {
    this.#states.settle(id)
    this.#copies.delete(id)
  }

  #onBatch(batch: NumberedBatch): void {
    this.#nextBatchId = Math.max(this.#nextBatchId, batch.batchId + 1)
    for (const id of batch.recordIds) {
      const earlier = this.#batchOf.get(id)
      if (earlier !== undefined) this.#release(earlier)
    }
    for (const id of batch.recordIds) {
      this.#batchOf.set(id, batch.batchId)
      this.#released.delete(id)
    }
    this.#batches.set(batch.batchId, batch)
  }

  #onSettled(batchId: number): void {
    const batch = this.#batches.get(batchId)
    if (batch === undefined) return
    for (const id of batch.recordIds) this.#settle(id)
    this.#forget(batchId)
  }

  /** A batch that lost records was refused as it was: it is not in Kafka's log. */
  #onDropped(recordIds: readonly number[]): void {
    for (const id of recordIds) {
      const batchId = this.#batchOf.get(id)
      if (batchId !== undefined) this.#release(batchId)
      this.#released.delete(id)
      this.#settle(id)
    }
  }

  #release(batchId: number): void {
    const batch = this.#batches.get(batchId)!
    this.#forget(batchId)
    for (const id of batch.recordIds) this.#released.set(id, batch)
  }

  #forget(batchId: number): void {
    for (const id of this.#batches.get(batchId)?.recordIds ?? []) this.#batchOf.delete(id)
    this.#batches.delete(batchId)
  }

  async #checkEnd(reader: SegmentReader, segment: number, isLast: boolean): Promise<void> {
    const bytes = await reader.size()
    const { offset } = reader
    if (bytes === offset) {
      this.#segments.push({ segment, bytes })
      return
    }
    const later = isLast ? await reader.findLater() : null
    if (!isLast || (later !== null && later.block >= this.#nextBlock)) {
      throw damaged(reader.path, offset, 'a block is not as it was written')
    }
    this.#tornEnd = { segment, offset, bytes: bytes - offset }
    this.#segments.push({ segment, bytes: offset })
  }

  /**
   * A batch with a record that is settled was settled or refused as a whole: that record may have
   * been in a segment that is gone, and only what is left of the batch is known.
   */
  #unfinished(): NumberedBatch[] {
    const numbered = [...this.#batches.values()].filter(({ recordIds }) =>
      recordIds.every((id) => !this.#states.isSettled(id)),
    )
    const first = (batch: NumberedBatch): number => batch.recordIds[0] ?? 0
    const all = [...numbered, ...this.#unnumbered(numbered)]
    return withoutVoidNumbers(all.sort((a, b) => first(a) - first(b)))
  }

  /** What is left of refused batches; a group ends where a numbered batch begins behind it. */
  #unnumbered(numbered: readonly NumberedBatch[]): NumberedBatch[] {
    const groups: { batch: NumberedBatch; recordIds: number[] }[] = []
    const ids = [...this.#released.keys()].filter((id) => !this.#states.isSettled(id))
    for (const id of ids.sort((a, b) => a - b)) {
      const batch = this.#released.get(id)!
      const group = groups.findLast(({ batch: other }) => other === batch)
      const isBroken = (before: number): boolean =>
        numbered.some(
          ({ topic, partition, recordIds: [start = 0] }) =>
            topic === batch.topic && partition === batch.partition && start > before && start < id,
        )
      if (group === undefined || isBroken(group.recordIds.at(-1)!)) {
        groups.push({ batch, recordIds: [id] })
      } else group.recordIds.push(id)
    }
    return groups.map(({ batch, recordIds }) => ({ ...batch, ...noNumber, recordIds }))
  }
}

const noNumber = { producerId: -1, epoch: -1, baseSequence: -1 }

/** Behind a batch without a number, no broker has taken another one of its partition. */
const withoutVoidNumbers = (batches: readonly NumberedBatch[]): NumberedBatch[] => {
  const gaps = new Set<string>()
  return batches.map((batch) => {
    const partition = `${batch.topic}-${batch.partition}`
    if (batch.baseSequence < 0) gaps.add(partition)
    return gaps.has(partition) ? { ...batch, ...noNumber } : batch
  })
}

/** Cuts the torn end off; a file that never was a segment is removed. */
export const cutTornEnd = async (
  files: FileSystem,
  directory: string,
  { segment, offset }: TornEnd,
): Promise<void> => {
  const path = `${directory}/${segmentName(segment)}`
  try {
    if (offset < segmentHeaderBytes) {
      await files.remove(path)
      return
    }
    const file = await files.open(path, 'update')
    try {
      await file.truncate(offset)
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (error) {
    throw fileFailed('cutting off the torn end', path, error)
  }
}
