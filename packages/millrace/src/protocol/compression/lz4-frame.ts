// Owns the LZ4 frame format: it finds the blocks of a frame with their decompressed sizes, and
// writes blocks into a frame. Kafka uses one frame per batch with independent blocks; Java rejects
// linked ones. Caller: lz4.ts. Invariant: sizes are computed before anything is decompressed, so
// that a limit can be checked.
//
//   magic | FLG | BD | content size? | header checksum | (size, block, checksum?)* | 0 | checksum?

import { damaged } from './codec.ts'

const frameMagic = 0x184d2204
/** Set in the size of a block that is not compressed. */
const storedBit = 0x80000000
const flag = {
  independent: 0x20,
  blockSum: 0x10,
  contentBytes: 0x08,
  contentSum: 0x04,
  reserved: 0x02,
  dictionary: 0x01,
}

export interface Lz4Block {
  /** A view of the frame. */
  readonly bytes: Uint8Array
  readonly stored: boolean
  /** Size after decompression. */
  readonly originalBytes: number
}

/** The blocks of a frame; the bytes must contain exactly one. */
export const readLz4Frame = (bytes: Uint8Array): Lz4Block[] => {
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const need = (offset: number, size: number): void => {
    if (offset + size > frame.length) throw damaged('lz4', 'a frame that was cut off')
  }
  need(0, 7)
  if (frame.readUInt32LE(0) !== frameMagic) throw damaged('lz4', 'no frame begins here')
  const flags = frame[4]!
  if (flags >> 6 !== 1) throw damaged('lz4', `frame version ${flags >> 6}`)
  if ((flags & flag.independent) === 0) throw damaged('lz4', 'linked blocks')
  if ((flags & (flag.reserved | flag.dictionary)) !== 0) throw damaged('lz4', 'unknown flags')
  const blockBytesMax = blockBytesMaxOf(frame[5]!)
  let offset = 7 + ((flags & flag.contentBytes) === 0 ? 0 : 8)
  const sumBytes = (flags & flag.blockSum) === 0 ? 0 : 4
  const blocks: Lz4Block[] = []
  for (;;) {
    need(offset, 4)
    const sizeWord = frame.readUInt32LE(offset)
    offset += 4
    if (sizeWord === 0) break
    const stored = sizeWord >= storedBit
    const size = stored ? sizeWord - storedBit : sizeWord
    need(offset, size + sumBytes)
    const block = frame.subarray(offset, offset + size)
    const originalBytes = stored ? size : blockOriginalBytes(block)
    if (originalBytes > blockBytesMax) {
      throw damaged('lz4', `a block of ${originalBytes} bytes, ${blockBytesMax} allowed`)
    }
    blocks.push({ bytes: block, stored, originalBytes })
    offset += size + sumBytes
  }
  offset += (flags & flag.contentSum) === 0 ? 0 : 4
  if (offset !== frame.length) throw damaged('lz4', 'bytes after the end of the frame')
  return blocks
}

const blockBytesMaxOf = (descriptor: number): number => {
  const sizeId = (descriptor >> 4) & 0x07
  if (sizeId < 4) throw damaged('lz4', `block size id ${sizeId}`)
  return 2 ** (8 + 2 * sizeId)
}

/** Computes the decompressed size of a block from its sequences. */
const blockOriginalBytes = (block: Uint8Array): number => {
  const end = block.length
  let total = 0
  let offset = 0
  while (offset < end) {
    const token = block[offset]!
    offset += 1
    let literalBytes = token >> 4
    if (literalBytes === 15) {
      let more = 255
      while (more === 255 && offset < end) {
        more = block[offset]!
        literalBytes += more
        offset += 1
      }
    }
    offset += literalBytes
    total += literalBytes
    // The last sequence has literals only.
    if (offset >= end) break
    offset += 2
    let matchBytes = (token & 15) + 4
    if ((token & 15) === 15) {
      let more = 255
      while (more === 255 && offset < end) {
        more = block[offset]!
        matchBytes += more
        offset += 1
      }
    }
    total += matchBytes
  }
  if (offset !== end) throw damaged('lz4', 'a block that was cut off')
  return total
}

/** Size of the blocks for `writeLz4Frame`. */
export const lz4BlockBytes = 65_536

/**
 * Independent blocks of 64 KiB without checksums, and the checksum (xxHash32) of these two bytes.
 */
const frameHeader = Buffer.from('04224d18604082', 'hex')

/** A frame with blocks of up to `lz4BlockBytes`; a block that did not become smaller is stored. */
export const writeLz4Frame = (
  original: Uint8Array,
  compressBlock: (block: Uint8Array) => Uint8Array,
): Uint8Array => {
  const chunks: Uint8Array[] = [frameHeader]
  for (let offset = 0; offset < original.length; offset += lz4BlockBytes) {
    const block = original.subarray(offset, offset + lz4BlockBytes)
    const compressed = compressBlock(block)
    const stored = compressed.length >= block.length
    const size = Buffer.alloc(4)
    size.writeUInt32LE(stored ? block.length + storedBit : compressed.length)
    chunks.push(size, stored ? block : compressed)
  }
  chunks.push(Buffer.alloc(4))
  return Buffer.concat(chunks)
}
