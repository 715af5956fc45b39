// Owns one open segment file, and reads its blocks in order. Callers: recovery and the scan, which
// read whole segments; backlog and compaction, which read from a known block on. Invariant: a block
// is returned only if its checksum is correct.

import type { FileSystem, OpenFile } from '../runtime/file-system.ts'
import { fileFailed, unsupportedVersion } from './errors.ts'
import {
  type BlockHeader,
  blockHeaderBytes,
  decodeBlockHeader,
  decodeSegmentHeader,
  findMarker,
  formatVersion,
  isWhole,
  type SegmentHeader,
  segmentHeaderBytes,
} from './format.ts'

const chunkBytes = 1024 * 1024
const noBytes = Buffer.alloc(0)

export interface ReadBlock extends BlockHeader {
  /** Its offset in the file. */
  readonly offset: number
  /** The whole block with its header: the reader does not use the buffer again. */
  readonly bytes: Buffer
}

export class SegmentReader {
  readonly path: string
  readonly #file: OpenFile
  /** Where the next block begins. */
  #offset: number
  #chunk: Buffer = noBytes
  #chunkOffset = 0

  private constructor(path: string, file: OpenFile, offset: number) {
    this.path = path
    this.#file = file
    this.#offset = offset
  }

  /** Reads from the first block on, or from the block at `offset`. */
  static async open(
    files: FileSystem,
    path: string,
    offset = segmentHeaderBytes,
  ): Promise<SegmentReader> {
    try {
      return new SegmentReader(path, await files.open(path, 'read'), offset)
    } catch (error) {
      throw fileFailed('opening the file', path, error)
    }
  }

  get offset(): number {
    return this.#offset
  }

  /** Null = the file ends within its header, or the header is damaged. */
  async header(): Promise<SegmentHeader | null> {
    const header = decodeSegmentHeader(await this.#read(0, segmentHeaderBytes))
    if (header !== null && header.version !== formatVersion) {
      throw unsupportedVersion(this.path, header.version)
    }
    return header
  }

  async size(): Promise<number> {
    try {
      return (await this.#file.stat()).bytes
    } catch (error) {
      throw fileFailed('reading the size', this.path, error)
    }
  }

  /** The next block; null if no whole block begins here: at the end, or at damage. */
  async next(): Promise<ReadBlock | null> {
    const block = await this.#blockAt(this.#offset)
    if (block !== null) this.#offset += block.bytes.length
    // A block that is being written now may be whole at the next call.
    else this.#chunk = noBytes
    return block
  }

  /**
   * The first whole block after the current offset, to distinguish damage from an incomplete end.
   */
  async findLater(): Promise<ReadBlock | null> {
    let from = this.#offset + 1
    for (;;) {
      const bytes = await this.#read(from, chunkBytes)
      if (bytes.length < blockHeaderBytes) return null
      const index = findMarker(bytes, 0)
      if (index < 0) {
        from += bytes.length - 3
        continue
      }
      const block = await this.#blockAt(from + index)
      if (block !== null) return block
      from += index + 1
    }
  }

  /**
   * Moves behind the first whole block after the current offset, and returns it; null = there is
   * none.
   */
  async skipDamage(): Promise<ReadBlock | null> {
    const block = await this.findLater()
    if (block !== null) this.#offset = block.offset + block.bytes.length
    return block
  }

  async #blockAt(offset: number): Promise<ReadBlock | null> {
    const header = decodeBlockHeader(await this.#read(offset, blockHeaderBytes))
    if (header === null) return null
    const length = blockHeaderBytes + header.payloadBytes
    // A damaged length must not lead to an allocation that is larger than the file.
    if (header.payloadBytes > chunkBytes && offset + length > (await this.size())) return null
    const bytes = await this.#read(offset, length)
    return bytes.length === length && isWhole(bytes) ? { ...header, offset, bytes } : null
  }

  /**
   * Bytes from `offset` on: a view of the chunk that was read ahead; fewer at the end of the file.
   */
  async #read(offset: number, length: number): Promise<Buffer> {
    const start = offset - this.#chunkOffset
    if (start >= 0 && start + length <= this.#chunk.length) {
      return this.#chunk.subarray(start, start + length)
    }
    const chunk = Buffer.allocUnsafeSlow(Math.max(length, chunkBytes))
    let count: number
    try {
      count = await this.#file.read(chunk, offset)
    } catch (error) {
      throw fileFailed(`reading at byte ${offset}`, this.path, error)
    }
    this.#chunk = chunk.subarray(0, count)
    this.#chunkOffset = offset
    return this.#chunk.subarray(0, length)
  }

  async close(): Promise<void> {
    await this.#file.close().catch(() => {})
  }
}
