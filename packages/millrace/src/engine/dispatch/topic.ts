// Owns what all batches of one topic share: its name and id, the size limit of its batches, its
// codecs, and its counters. Callers: TopicState writes the id, Delivery the limit and the codecs;
// requests and responses read it. Invariant: the limit never increases.

import { TopicMeasurements } from '../metrics/measured.ts'
import type { CompressionSettings, TopicSettings } from '../settings.ts'

const zeroId = new Uint8Array(16)

const isSameId = (left: Uint8Array, right: Uint8Array): boolean => Buffer.compare(left, right) === 0

/** The batches of a topic never get smaller than this, for any rejection. */
const splitBatchBytesMin = 16 * 1024

export class Topic {
  readonly name: string
  readonly measurements = new TopicMeasurements()
  #id: Uint8Array = zeroId
  readonly lingerMs: number
  #batchBytes: number
  #codecs: TopicSettings['codecs']

  constructor(name: string, { batchBytes, lingerMs, codecs }: TopicSettings) {
    this.name = name
    this.lingerMs = lingerMs
    this.#batchBytes = batchBytes
    this.#codecs = codecs
  }

  /** 16 bytes; all zero if the broker has no topic ids. */
  get id(): Uint8Array {
    return this.#id
  }

  get hasId(): boolean {
    return !isSameId(this.#id, zeroId)
  }

  /** True if another topic was created under the name. */
  setId(id: Uint8Array): boolean {
    const isAnother = this.hasId && !isSameId(this.#id, id)
    this.#id = id
    return isAnother
  }

  hasSameId(id: Uint8Array): boolean {
    return isSameId(this.#id, id)
  }

  /** The size limit of its batches. */
  get batchBytes(): number {
    return this.#batchBytes
  }

  /** A batch of this size was too large for the broker. */
  shrinkBatches(rejectedBytes: number): void {
    const half = Math.max(splitBatchBytesMin, Math.ceil(rejectedBytes / 2))
    this.#batchBytes = Math.min(this.#batchBytes, half)
  }

  /** The codec for a leader with this version of Produce, -1 = not known; null = none. */
  compressionFor(produceVersion: number): CompressionSettings | null {
    const codecs = this.#codecs
    if (codecs.length === 1 || produceVersion < 0) return codecs[0]!
    const isTaken = (codec: CompressionSettings | null): boolean =>
      (codec?.produceVersionMin ?? 0) <= produceVersion
    const found = codecs.find(isTaken)
    return found === undefined ? codecs.at(-1)! : found
  }

  /** There is another codec than this one. */
  hasOtherCodec(codecId: number): boolean {
    return this.#codecs.length > 1 || (this.#codecs[0]?.codecId ?? 0) !== codecId
  }

  /** A broker does not support the codec: it is not used again. */
  rejectCodec(codecId: number): void {
    const others = this.#codecs.filter((codec) => (codec?.codecId ?? 0) !== codecId)
    if (others.length > 0) this.#codecs = others
  }
}
