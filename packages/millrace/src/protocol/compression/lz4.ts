// Owns the lz4 codec: the package `lz4-napi` (native, on Node's thread pool), or `lz4-wasm-nodejs`
// on this thread if there is no native binding. Caller: codecs.ts. Invariant: the library is loaded
// at first use.

import { damaged, damagedBecause, libraryCodec, loadedOnce, tooLong } from './codec.ts'
import { requireLibrary } from './library.ts'
import type { Lz4Block } from './lz4-frame.ts'
import { readLz4Frame, writeLz4Frame } from './lz4-frame.ts'

interface Lz4Library {
  compress(bytes: Uint8Array): Promise<Uint8Array>
  compressSync(bytes: Uint8Array): Uint8Array
  /** The frame was decoded, and its size compared with the limit, before this call. */
  decompress(frame: Buffer, blocks: readonly Lz4Block[]): Uint8Array
}

interface NativeLz4 {
  compressFrame(bytes: Uint8Array): Promise<Buffer>
  compressFrameSync(bytes: Buffer): Buffer
  decompressFrameSync(bytes: Buffer): Buffer
}

interface PortableLz4 {
  /** One block, preceded by its original size (uint32, little-endian). */
  compress(bytes: Uint8Array): Uint8Array
  decompress(bytes: Uint8Array): Uint8Array
}

const bufferOf = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const loadNative = (): Lz4Library => {
  const native = requireLibrary('lz4-napi') as NativeLz4
  return {
    compress: (bytes) => native.compressFrame(bytes),
    compressSync: (bytes) => native.compressFrameSync(bufferOf(bytes)),
    decompress: (frame) => native.decompressFrameSync(frame),
  }
}

const blockPrefixBytes = 4

/** Without native code, on this thread. It does not check the checksums of the frame. */
export const loadPortableLz4 = (): Lz4Library => {
  const portable = requireLibrary('lz4-wasm-nodejs') as PortableLz4
  const compressSync = (bytes: Uint8Array): Uint8Array =>
    writeLz4Frame(bytes, (block) => portable.compress(block).subarray(blockPrefixBytes))
  const decompressBlock = (block: Lz4Block): Uint8Array => {
    if (block.stored) return block.bytes
    const prefixed = Buffer.allocUnsafe(blockPrefixBytes + block.bytes.length)
    prefixed.writeUInt32LE(block.originalBytes)
    prefixed.set(block.bytes, blockPrefixBytes)
    return portable.decompress(prefixed)
  }
  return {
    compress: async (bytes) => compressSync(bytes),
    compressSync,
    decompress: (_frame, blocks) => Buffer.concat(blocks.map(decompressBlock)),
  }
}

const library = loadedOnce(
  'lz4',
  "the package 'lz4-napi' (or 'lz4-wasm-nodejs')",
  loadNative,
  loadPortableLz4,
)

/** Decompresses with the given library. */
export const decompressLz4 = (lz4: Lz4Library, bytes: Uint8Array, maxBytes: number): Uint8Array => {
  const blocks = readLz4Frame(bytes)
  const totalBytes = blocks.reduce((total, block) => total + block.originalBytes, 0)
  if (totalBytes > maxBytes) throw tooLong('lz4', maxBytes)
  let original: Uint8Array
  try {
    original = lz4.decompress(bufferOf(bytes), blocks)
  } catch (cause) {
    throw damagedBecause('lz4', cause)
  }
  if (original.length !== totalBytes) throw damaged('lz4', 'blocks of another size than counted')
  return original
}

export const lz4Codec = libraryCodec({
  id: 3,
  name: 'lz4',
  // Java's levels 1 to 17 select the slower variant LZ4HC, which no prebuilt library has.
  levelProblem: (level) =>
    level === undefined
      ? null
      : 'lz4 has its one fast level here: leave the level out, or use zstd',
  library,
  decompress: (bytes, maxBytes) => decompressLz4(library(), bytes, maxBytes),
})
