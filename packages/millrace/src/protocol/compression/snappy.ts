// Owns the snappy codec: the package `snappy` (native, on Node's thread pool), or `snappyjs` on
// this thread if there is no native binding. The library is loaded when it is first used. Caller:
// codecs.ts.
//
// Invariant: a batch is written as one raw block, as librdkafka and franz-go do. Java writes
// Xerial's framing and reads both forms; this reader also accepts both.
//
//   Xerial: 82 'SNAPPY' 0 | int32 version | int32 lowest version | (int32 size | raw block)*

import { damaged, damagedBecause, libraryCodec, loadedOnce, tooLong } from './codec.ts'
import { requireLibrary } from './library.ts'

interface SnappyLibrary {
  compress(bytes: Uint8Array): Promise<Uint8Array>
  compressSync(bytes: Uint8Array): Uint8Array
  /** The caller has checked the block's stated length before. */
  uncompressSync(bytes: Uint8Array): Uint8Array
}

interface NativeSnappy {
  compress(bytes: Uint8Array, options: { copyOutputData: boolean }): Promise<Buffer>
  compressSync(bytes: Uint8Array, options: { copyOutputData: boolean }): Buffer
  uncompressSync(bytes: Uint8Array, options: { copyOutputData: boolean }): Buffer
}

interface PortableSnappy {
  compress(bytes: Uint8Array): Uint8Array
  uncompress(bytes: Uint8Array): Uint8Array
}

// Copying is faster than external buffers here, and Electron does not allow external buffers.
const copied = { copyOutputData: true }

const loadNative = (): SnappyLibrary => {
  const native = requireLibrary('snappy') as NativeSnappy
  return {
    compress: (bytes) => native.compress(bytes, copied),
    compressSync: (bytes) => native.compressSync(bytes, copied),
    uncompressSync: (bytes) => native.uncompressSync(bytes, copied),
  }
}

/** Without native code, on this thread. */
export const loadPortableSnappy = (): SnappyLibrary => {
  const portable = requireLibrary('snappyjs') as PortableSnappy
  return {
    compress: async (bytes) => portable.compress(bytes),
    compressSync: (bytes) => portable.compress(bytes),
    uncompressSync: (bytes) => portable.uncompress(bytes),
  }
}

const library = loadedOnce(
  'snappy',
  "the package 'snappy' (or 'snappyjs')",
  loadNative,
  loadPortableSnappy,
)

/** The original length that a raw block states: an unsigned varint at its start. */
const blockBytes = (block: Uint8Array): number => {
  let length = 0
  for (let index = 0; index < 5; index += 1) {
    const byte = block[index]
    if (byte === undefined) break
    length += (byte & 0x7f) * 2 ** (7 * index)
    if (byte < 0x80) {
      // Snappy expands 3 bytes to at most 64. A larger stated length would only allocate memory.
      if (length > block.length * 22 + 64) throw damaged('snappy', `a block of ${length} bytes`)
      return length
    }
  }
  throw damaged('snappy', 'a block without a length')
}

const uncompressBlock = (block: Uint8Array, maxBytes: number): Uint8Array => {
  const length = blockBytes(block)
  if (length > maxBytes) throw tooLong('snappy', maxBytes)
  let original: Uint8Array
  try {
    original = library().uncompressSync(block)
  } catch (cause) {
    throw damagedBecause('snappy', cause)
  }
  if (original.length !== length) throw damaged('snappy', 'a block shorter than its stated length')
  return original
}

const xerialMagic = Buffer.from('82534e4150505900', 'hex')
const xerialHeaderBytes = 16

const uncompressXerial = (bytes: Buffer, maxBytes: number): Uint8Array => {
  const blocks: Uint8Array[] = []
  let totalBytes = 0
  let offset = xerialHeaderBytes
  while (offset < bytes.length) {
    // Concatenated streams repeat the header.
    if (bytes.subarray(offset, offset + xerialMagic.length).equals(xerialMagic)) {
      offset += xerialHeaderBytes
      continue
    }
    if (bytes.length - offset < 4) throw damaged('snappy', 'a frame that was cut off')
    const size = bytes.readUInt32BE(offset)
    offset += 4
    if (size > bytes.length - offset) throw damaged('snappy', 'a frame that was cut off')
    const block = uncompressBlock(bytes.subarray(offset, offset + size), maxBytes - totalBytes)
    blocks.push(block)
    totalBytes += block.length
    offset += size
  }
  return blocks.length === 1 ? blocks[0]! : Buffer.concat(blocks, totalBytes)
}

export const snappyCodec = libraryCodec({
  id: 2,
  name: 'snappy',
  levelProblem: (level) => (level === undefined ? null : 'snappy has no levels'),
  library,
  decompress: (bytes, maxBytes) => {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    return bytes.length >= xerialHeaderBytes &&
      buffer.subarray(0, xerialMagic.length).equals(xerialMagic)
      ? uncompressXerial(buffer, maxBytes)
      : uncompressBlock(buffer, maxBytes)
  },
})
