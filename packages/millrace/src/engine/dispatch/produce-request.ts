// Owns the encoding of Produce requests, versions 7 to 13: from 9 flexible, from 13 with topic ids.
// It is written by hand for speed, without the schema. Caller: ProduceInFlight. Invariants: batches
// are included as views and not copied; a property test decodes the requests with the schema.

import { topicIdFrom } from '../../protocol/api/00-produce.ts'
import { unsignedVarintSize } from '../../protocol/bytes/varint.ts'
import type { QueuedBatch } from './partition-queue.ts'
import type { Topic } from './topic.ts'

const flexibleFrom = 9

/** Batches of one topic, in the order of the request. */
interface TopicGroup {
  readonly topic: Topic
  readonly batches: readonly QueuedBatch[]
}

/**
 * Writes the fields between the batches into one buffer, and pushes a view of it before each batch.
 */
class FieldWriter {
  readonly #bytes: Buffer
  readonly #chunks: Uint8Array[]
  #start = 0
  #position = 0

  constructor(capacity: number, chunks: Uint8Array[]) {
    this.#bytes = Buffer.allocUnsafe(capacity)
    this.#chunks = chunks
  }

  int16(value: number): void {
    this.#position = this.#bytes.writeInt16BE(value, this.#position)
  }

  int32(value: number): void {
    this.#position = this.#bytes.writeInt32BE(value, this.#position)
  }

  unsignedVarint(value: number): void {
    while (value > 0x7f) {
      this.#bytes[this.#position++] = (value & 0x7f) | 0x80
      value >>>= 7
    }
    this.#bytes[this.#position++] = value
  }

  text(value: string): void {
    this.#position += this.#bytes.write(value, this.#position, 'utf8')
  }

  nullableText(value: string | null, flexible: boolean): void {
    const bytes = value === null ? -1 : Buffer.byteLength(value)
    if (flexible) this.unsignedVarint(bytes + 1)
    else this.int16(bytes)
    if (value !== null) this.text(value)
  }

  raw(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#position)
    this.#position += bytes.length
  }

  /** Ends the current chunk: the bytes since the last break are pushed. */
  break(): void {
    if (this.#position > this.#start) {
      this.#chunks.push(this.#bytes.subarray(this.#start, this.#position))
    }
    this.#start = this.#position
  }
}

const groupByTopic = (batches: readonly QueuedBatch[]): readonly TopicGroup[] => {
  const { topic } = batches[0]!.queue
  if (batches.every((batch) => batch.queue.topic === topic)) return [{ topic, batches }]
  const groups = new Map<Topic, QueuedBatch[]>()
  for (const batch of batches) {
    const group = groups.get(batch.queue.topic)
    if (group === undefined) groups.set(batch.queue.topic, [batch])
    else group.push(batch)
  }
  return Array.from(groups, ([topic, ofTopic]) => ({ topic, batches: ofTopic }))
}

/** An upper limit of the fields' size, so that one allocation is sufficient. */
const fieldBytes = (
  groups: readonly TopicGroup[],
  batchCount: number,
  transactionalId: string | null,
): number => {
  let bytes = 32 + batchCount * 16 + 3 * (transactionalId?.length ?? 0)
  for (const { topic } of groups) bytes += 32 + 3 * topic.name.length
  return bytes
}

/**
 * The body of the request as chunks; those of batches are views that are valid until the batch
 * settles. `timeoutMs` is how long the leader may wait for its replicas.
 */
export const encodeProduceRequest = (
  version: number,
  acks: number,
  timeoutMs: number,
  batches: readonly QueuedBatch[],
  transactionalId: string | null = null,
): Uint8Array[] => {
  const groups = groupByTopic(batches)
  const chunks: Uint8Array[] = []
  const writer = new FieldWriter(fieldBytes(groups, batches.length, transactionalId), chunks)
  const flexible = version >= flexibleFrom
  writer.nullableText(transactionalId, flexible)
  writer.int16(acks)
  writer.int32(timeoutMs)
  if (flexible) writer.unsignedVarint(groups.length + 1)
  else writer.int32(groups.length)
  for (const group of groups) writeTopic(writer, chunks, group, version)
  if (flexible) writer.unsignedVarint(0)
  writer.break()
  return chunks
}

const writeTopic = (
  writer: FieldWriter,
  chunks: Uint8Array[],
  { topic, batches }: TopicGroup,
  version: number,
): void => {
  const flexible = version >= flexibleFrom
  if (version >= topicIdFrom) writer.raw(topic.id)
  else writer.nullableText(topic.name, flexible)
  if (flexible) writer.unsignedVarint(batches.length + 1)
  else writer.int32(batches.length)
  for (const batch of batches) {
    writer.int32(batch.queue.partition)
    if (flexible) writer.unsignedVarint(batch.wireBytes + 1)
    else writer.int32(batch.wireBytes)
    writer.break()
    batch.pushChunks(chunks)
    if (flexible) writer.unsignedVarint(0)
  }
  if (flexible) writer.unsignedVarint(0)
}

/** The maximum size that a batch adds to a request beside its own bytes. */
export const batchFieldBytesMax = 4 + unsignedVarintSize(2 ** 31) + 1
