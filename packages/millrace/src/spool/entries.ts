// Owns the format of a block's entries, which are in the order of the events:
//   topic    a name that later entries of this block refer to by index
//   record   a record that was taken; its id is one more than that of the record before it
//   batch    a batch that will be sent: its records, producer id, epoch and sequence number
//   settled  a batch that needs no further attempt: it was acknowledged, or it failed
//   dropped  single records that failed
//   copy     a record of an older file, which is then removed (compaction.ts); it keeps its id
//   carried  the batch of such a record, copied from its first entry, with that entry's time
// Ids are written as ranges, because the ids of a batch are mostly consecutive. Callers: LogWriter
// writes with BlockBuilder; recovery and the backlog read with `readEntries`. Invariant: a new or
// changed entry needs a new format version (format.ts).

import type { ProducerId } from '../protocol/producer-id.ts'
import { blockHeaderBytes, sealBlock } from './format.ts'
import {
  producerIdBytesMax,
  VarintReader,
  varintBytesMax,
  writeProducerId,
  writeSigned,
  writeUnsigned,
} from './varints.ts'

const kinds = {
  topic: 1,
  record: 2,
  batch: 3,
  settled: 4,
  dropped: 5,
  copy: 6,
  carried: 7,
} as const

/** Key, value and headers of a record, encoded as in a record batch. */
export interface RecordContent {
  readonly contentBytes: number
  /** Writes them at `position`; returns the position after them. */
  write(target: Buffer, position: number): number
}

/** A record of the spool. */
export interface SpooledRecord {
  readonly id: number
  readonly topic: string
  /** -1 = the partitioner chooses when the record is sent. */
  readonly partition: number
  readonly timestamp: number
  readonly content: Uint8Array
}

/** A record inside a block: its content is `block[start, end)`. */
export class BlockRecord implements SpooledRecord {
  readonly id: number
  readonly topic: string
  readonly partition: number
  readonly timestamp: number
  readonly block: Buffer
  readonly start: number
  readonly end: number

  constructor(
    id: number,
    topic: string,
    partition: number,
    timestamp: number,
    block: Buffer,
    start: number,
    end: number,
  ) {
    this.id = id
    this.topic = topic
    this.partition = partition
    this.timestamp = timestamp
    this.block = block
    this.start = start
    this.end = end
  }

  /** A view of the block. */
  get content(): Buffer {
    return this.block.subarray(this.start, this.end)
  }

  /** The record with a copy of its bytes. */
  copy(): BlockRecord {
    const { id, topic, partition, timestamp } = this
    const content = Buffer.from(this.content)
    return new BlockRecord(id, topic, partition, timestamp, content, 0, content.length)
  }
}

/** A batch that was sent or will be sent, with its sequence number. */
export interface NumberedBatch {
  readonly batchId: number
  readonly topic: string
  readonly partition: number
  readonly producerId: ProducerId
  readonly epoch: number
  readonly baseSequence: number
  /** When the entry was written, in milliseconds since the epoch. */
  readonly time: number
  /** Ids of its records, in their order. */
  readonly recordIds: readonly number[]
}

export interface EntryVisitor {
  /** `takenAt` is the time of a copied record, if another visitor passes it on. */
  onRecord?(record: BlockRecord, takenAt?: number): void
  /** Called in place of `onRecord` if the content is not needed, which is much faster. */
  onRecordId?(id: number): void
  onBatch?(batch: NumberedBatch): void
  onCopy?(record: BlockRecord, takenAt: number): void
  onSettled?(batchId: number): void
  onDropped?(recordIds: readonly number[]): void
}

/** Collects the entries of one block. */
export class BlockBuilder {
  #bytes: Buffer
  #size = blockHeaderBytes
  readonly firstRecordId: number
  readonly time: number
  recordCount = 0
  readonly #topics = new Map<string, number>()
  #lastTopic = ''
  #lastTopicIndex = -1

  constructor(bytes: Buffer, firstRecordId: number, time: number) {
    this.#bytes = bytes
    this.firstRecordId = firstRecordId
    this.time = time
  }

  get size(): number {
    return this.#size
  }

  get isEmpty(): boolean {
    return this.#size === blockHeaderBytes
  }

  /** The entries so far, with the header's space: a view that later entries may invalidate. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#size)
  }

  /** The buffer, which can be used again after the block is written. */
  get buffer(): Buffer {
    return this.#bytes
  }

  addRecord(topic: string, partition: number, timestamp: number, content: RecordContent): void {
    const index = this.#topicIndex(topic)
    const { contentBytes } = content
    this.#reserve(1 + 4 * varintBytesMax + contentBytes)
    const bytes = this.#bytes
    let position = this.#size
    bytes[position++] = kinds.record
    position = writeUnsigned(bytes, position, index)
    position = writeUnsigned(bytes, position, partition + 1)
    position = writeSigned(bytes, position, timestamp - this.time)
    position = writeUnsigned(bytes, position, contentBytes)
    this.#size = content.write(bytes, position)
    this.recordCount++
  }

  addCopy(record: BlockRecord, takenAt: number): void {
    const { id, topic, partition, timestamp, block, start, end } = record
    const index = this.#topicIndex(topic)
    this.#reserve(1 + 6 * varintBytesMax + end - start)
    const bytes = this.#bytes
    let position = this.#size
    bytes[position++] = kinds.copy
    position = writeUnsigned(bytes, position, id)
    position = this.#writeTime(position, takenAt)
    position = writeUnsigned(bytes, position, index)
    position = writeUnsigned(bytes, position, partition + 1)
    position = writeSigned(bytes, position, timestamp - this.time)
    position = writeUnsigned(bytes, position, end - start)
    this.#size = position + block.copy(bytes, position, start, end)
  }

  addBatch(batch: Omit<NumberedBatch, 'time'>): void {
    this.#addBatch(kinds.batch, batch, this.time)
  }

  addCarried(batch: NumberedBatch): void {
    this.#addBatch(kinds.carried, batch, batch.time)
  }

  #addBatch(kind: number, batch: Omit<NumberedBatch, 'time'>, time: number): void {
    const index = this.#topicIndex(batch.topic)
    this.#reserve(1 + producerIdBytesMax + (8 + 2 * batch.recordIds.length) * varintBytesMax)
    const bytes = this.#bytes
    let position = this.#size
    bytes[position++] = kind
    if (kind === kinds.carried) position = this.#writeTime(position, time)
    position = writeUnsigned(bytes, position, batch.batchId)
    position = writeUnsigned(bytes, position, index)
    position = writeUnsigned(bytes, position, batch.partition)
    position = writeProducerId(bytes, position, batch.producerId)
    position = writeUnsigned(bytes, position, batch.epoch)
    position = writeUnsigned(bytes, position, batch.baseSequence)
    this.#size = this.#writeIds(position, batch.recordIds)
  }

  addSettled(batchId: number): void {
    this.#reserve(1 + varintBytesMax)
    this.#bytes[this.#size] = kinds.settled
    this.#size = writeUnsigned(this.#bytes, this.#size + 1, batchId)
  }

  addDropped(recordIds: readonly number[]): void {
    this.#reserve(1 + (1 + 2 * recordIds.length) * varintBytesMax)
    this.#bytes[this.#size] = kinds.dropped
    this.#size = this.#writeIds(this.#size + 1, recordIds)
  }

  /** Ends the block; the returned bytes are those of the file. */
  seal(block: number): Buffer {
    const { bytes, firstRecordId, time } = this
    sealBlock(bytes, { block, firstRecordId, time })
    return bytes
  }

  /** A time before the block's time; after a change of the clock, the block's time. */
  #writeTime(position: number, time: number): number {
    return writeUnsigned(this.#bytes, position, Math.max(0, this.time - time))
  }

  #writeIds(position: number, ids: readonly number[]): number {
    const bytes = this.#bytes
    position = writeUnsigned(bytes, position, ids.length)
    let next = this.firstRecordId
    for (let index = 0; index < ids.length; ) {
      const first = ids[index]!
      let length = 1
      while (index + length < ids.length && ids[index + length] === first + length) length++
      position = writeSigned(bytes, position, first - next)
      position = writeUnsigned(bytes, position, length)
      next = first + length
      index += length
    }
    return position
  }

  #topicIndex(topic: string): number {
    if (topic === this.#lastTopic) return this.#lastTopicIndex
    let index = this.#topics.get(topic)
    if (index === undefined) {
      index = this.#topics.size
      this.#topics.set(topic, index)
      this.#addTopic(topic)
    }
    this.#lastTopic = topic
    this.#lastTopicIndex = index
    return index
  }

  #addTopic(topic: string): void {
    const length = Buffer.byteLength(topic)
    this.#reserve(1 + varintBytesMax + length)
    this.#bytes[this.#size] = kinds.topic
    const position = writeUnsigned(this.#bytes, this.#size + 1, length)
    this.#size = position + this.#bytes.write(topic, position)
  }

  #reserve(bytes: number): void {
    const needed = this.#size + bytes
    if (needed <= this.#bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length))
    this.#bytes.copy(grown, 0, 0, this.#size)
    this.#bytes = grown
  }
}

/** Where the entries begin: from the block's header, or from its builder. */
export interface BlockStart {
  readonly firstRecordId: number
  readonly time: number
}

/**
 * Calls the visitor for each entry of a block. Throws a RangeError if the bytes are not entries:
 * with a correct checksum this is a defect of the program that wrote them. Returns one more than
 * the id of the last record.
 */
export const readEntries = (block: Buffer, start: BlockStart, visitor: EntryVisitor): number => {
  const reader = new VarintReader(block, blockHeaderBytes)
  const topics: string[] = []
  let nextId = start.firstRecordId
  const topic = (): string => {
    const name = topics[reader.unsigned()]
    if (name === undefined) throw new RangeError('an entry names a topic that is not in the block')
    return name
  }
  while (!reader.isAtEnd) {
    const kind = reader.byte()
    if (kind === kinds.record) {
      if (visitor.onRecord === undefined) skipRecord(reader)
      else visitor.onRecord(readRecord(reader, block, topic(), nextId, start.time))
      visitor.onRecordId?.(nextId)
      nextId++
    } else if (kind === kinds.topic) {
      topics.push(Buffer.from(reader.take(reader.unsigned())).toString())
    } else if (kind === kinds.batch) {
      const batch = readBatch(reader, topic, start.firstRecordId, start.time)
      visitor.onBatch?.(batch)
    } else if (kind === kinds.carried) {
      const time = start.time - reader.unsigned()
      const batch = readBatch(reader, topic, start.firstRecordId, time)
      visitor.onBatch?.(batch)
    } else if (kind === kinds.copy) {
      const id = reader.unsigned()
      const takenAt = start.time - reader.unsigned()
      const record = readRecord(reader, block, topic(), id, start.time)
      visitor.onCopy?.(record, takenAt)
    } else if (kind === kinds.settled) {
      const batchId = reader.unsigned()
      visitor.onSettled?.(batchId)
    } else if (kind === kinds.dropped) {
      const ids = readIds(reader, start.firstRecordId)
      visitor.onDropped?.(ids)
    } else throw new RangeError(`there is no entry of kind ${kind}`)
  }
  return nextId
}

const readRecord = (
  reader: VarintReader,
  block: Buffer,
  topic: string,
  id: number,
  blockTime: number,
): BlockRecord => {
  const partition = reader.unsigned() - 1
  const timestamp = blockTime + reader.signed()
  const length = reader.unsigned()
  const start = reader.position
  reader.skip(length)
  return new BlockRecord(id, topic, partition, timestamp, block, start, reader.position)
}

const skipRecord = (reader: VarintReader): void => {
  reader.unsigned() // topic
  reader.unsigned() // partition
  reader.unsigned() // timestamp
  reader.skip(reader.unsigned())
}

const readBatch = (
  reader: VarintReader,
  topic: () => string,
  firstRecordId: number,
  time: number,
): NumberedBatch => ({
  batchId: reader.unsigned(),
  topic: topic(),
  partition: reader.unsigned(),
  producerId: reader.producerId(),
  epoch: reader.unsigned(),
  baseSequence: reader.unsigned(),
  time,
  recordIds: readIds(reader, firstRecordId),
})

const readIds = (reader: VarintReader, firstRecordId: number): number[] => {
  const count = reader.unsigned()
  const ids: number[] = []
  let next = firstRecordId
  while (ids.length < count) {
    next += reader.signed()
    const length = reader.unsigned()
    if (length === 0 || ids.length + length > count) throw new RangeError('a run of ids is wrong')
    for (let index = 0; index < length; index++) ids.push(next++)
  }
  return ids
}
