// Owns the recovery of a directory: it reads every segment that an earlier process left, in order.
// An incomplete end is cut off, because it was never reported as taken. Other damage is an error
// that names the file and the byte. Caller: Spool, when it opens.
//
// A batch is unfinished if it is the last batch that contains its records, and none of them is
// settled. It may be in Kafka's log, so it is sent again with the same sequence number. A batch
// that lost records, or shares records with a later batch, was rejected by the broker. Its
// remaining records, and all batches with later numbers, are not in Kafka's log: they get new
// numbers, in order. Invariant: a copy counts only if the record's file was removed; otherwise the
// process ended before it removed the file.

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

/** The position of a block, where reading can start. */
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

/** An incomplete end: `bytes` from `offset` on are not a block. */
export interface TornEnd {
  readonly segment: number
  readonly offset: number
  readonly bytes: number
}

export interface Recovered {
  readonly segments: readonly SegmentFile[]
  readonly states: RecordStates
  /** Records whose files were removed, oldest first: an earlier process had them in memory. */
  readonly copies: readonly BlockRecord[]
  /** When the oldest of them was taken. */
  readonly copiesSince: number
  /**
   * Batches that may be in Kafka's log, and the remaining records of rejected ones (with
   * baseSequence -1), oldest records first.
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
  /** The last batch that contains the record, for batches that are not settled. */
  readonly #batchOf = new Map<number, number>()
  /** The rejected batch that contained each of these records. */
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

  /** Reads the directory without changing it. */
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
      // The number of a segment that was never complete is used again.
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

  /** Its first block is written together with the header, so nothing in it was durable. */
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

  /** A batch that lost records was rejected: it is not in Kafka's log. */
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
   * A batch with a settled record was settled or rejected as a whole. That record may have been in
   * a removed segment, so only the rest of the batch is known.
   */
  #unfinished(): NumberedBatch[] {
    const numbered = [...this.#batches.values()].filter(({ recordIds }) =>
      recordIds.every((id) => !this.#states.isSettled(id)),
    )
    const first = (batch: NumberedBatch): number => batch.recordIds[0] ?? 0
    const all = [...numbered, ...this.#unnumbered(numbered)]
    return withoutVoidNumbers(all.sort((a, b) => first(a) - first(b)))
  }

  /**
   * The remaining records of rejected batches; a group ends where a later numbered batch begins.
   */
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

/**
 * Batches of a partition that follow a batch without a number get new numbers too: no broker has
 * accepted them.
 */
const withoutVoidNumbers = (batches: readonly NumberedBatch[]): NumberedBatch[] => {
  const gaps = new Set<string>()
  return batches.map((batch) => {
    const partition = `${batch.topic}-${batch.partition}`
    if (batch.baseSequence < 0) gaps.add(partition)
    return gaps.has(partition) ? { ...batch, ...noNumber } : batch
  })
}

/** Cuts off the incomplete end; a file that was never a segment is removed. */
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
