// Owns the zstd codec: node:zlib since Node 22.15, on its thread pool. Before that (Node 20) it
// uses WebAssembly (`@bokuweb/zstd-wasm`) to compress and JavaScript (`fzstd`) to decompress, both
// on this thread. Caller: codecs.ts. Invariant: the packages are loaded at first use.

import { nodeZlib } from '../../runtime/lazy-builtins.ts'
import { KafkaError } from '../kafka-error.ts'
import type { Codec, CompressDone } from './codec.ts'
import {
  checkLevel,
  compressionFailed,
  damaged,
  damagedBecause,
  libraryMissing,
  rangeProblem,
  respondLater,
  respondWith,
  tooLong,
} from './codec.ts'
import { requireLibrary } from './library.ts'
import type { Inflated } from './zlib-inflate.ts'
import { inflate, zlibChunkBytes } from './zlib-inflate.ts'
import type { ZlibWithZstdStreams } from './zstd-streams.ts'
import { ZstdStreams } from './zstd-streams.ts'

interface ZstdLibrary {
  readonly compress: (bytes: Uint8Array, level: number | undefined, done: CompressDone) => void
  readonly compressSync: (bytes: Uint8Array, level: number | undefined) => Uint8Array
  readonly decompress: (bytes: Uint8Array, maxBytes: number) => Uint8Array
  readonly load: () => Promise<void>
}

/** The limits of libzstd, which Java also has. */
const levelMin = -131_072
const levelMax = 22
const levelDefault = 3

interface ZstdOptions {
  readonly params?: Readonly<Record<number, number>>
  readonly chunkSize?: number
  readonly pledgedSrcSize?: number
  readonly maxOutputLength?: number
  readonly info?: boolean
}

/** Missing in the types of Node 20. */
interface ZlibWithZstd extends ZlibWithZstdStreams {
  zstdCompressSync(bytes: Uint8Array, options: ZstdOptions): Buffer
  zstdDecompressSync(bytes: Uint8Array, options: ZstdOptions): Inflated
}

const nodeZstd = (zlib: ZlibWithZstd) => {
  const { zstdCompressSync, zstdDecompressSync, constants } = zlib
  const streamsOf = new Map<number, ZstdStreams>()
  const streams = (level: number): ZstdStreams => {
    let found = streamsOf.get(level)
    if (found === undefined) {
      found = new ZstdStreams(zlib, level)
      streamsOf.set(level, found)
    }
    return found
  }
  const optionsOf = (bytes: Uint8Array, level: number | undefined): ZstdOptions => ({
    // Keeps the tables small, and readers know from the frame how much memory to allocate.
    pledgedSrcSize: bytes.length,
    params: { [constants.ZSTD_c_compressionLevel]: level ?? levelDefault },
    chunkSize: zlibChunkBytes,
  })
  const library: ZstdLibrary = {
    compress: (bytes, level, done) =>
      streams(level ?? levelDefault).compress(bytes, (error, compressed) => {
        done(error === null ? null : compressionFailed('zstd', error), compressed)
      }),
    compressSync: (bytes, level) => zstdCompressSync(bytes, optionsOf(bytes, level)),
    decompress: (bytes, maxBytes) => inflate('zstd', zstdDecompressSync, bytes, maxBytes),
    load: async () => {},
  }
  return library
}

interface WasmZstd {
  /** Compiles the module; the functions below work after it has resolved. */
  init(): Promise<void>
  compress(bytes: Uint8Array, level: number): Uint8Array
}

interface PortableUnzstd {
  Decompress: new (
    onData: (chunk: Uint8Array) => void,
  ) => { push(bytes: Uint8Array, final: boolean): void }
}

const compileWasm = async (): Promise<WasmZstd> => {
  try {
    const wasm = requireLibrary('@bokuweb/zstd-wasm') as WasmZstd
    await wasm.init()
    return wasm
  } catch (cause) {
    throw libraryMissing('zstd', "the package '@bokuweb/zstd-wasm' (or Node 22.15)", cause)
  }
}

/** One per process: a second `init` would replace the memory of the first. */
let compiling: Promise<WasmZstd> | undefined

/** The library without Node's own zstd. */
export const portableZstd = (): ZstdLibrary => {
  let wasm: WasmZstd | undefined
  const load = async (): Promise<WasmZstd> => {
    compiling ??= compileWasm()
    wasm = await compiling
    return wasm
  }

  return {
    compress: (bytes, level, done) => {
      const compressed = load().then((library) => library.compress(bytes, level ?? levelDefault))
      respondWith('zstd', compressed, done)
    },
    compressSync: (bytes, level) => {
      if (wasm === undefined) {
        throw new KafkaError('INVALID_STATE', 'zstd: await load() before compressSync on Node 20')
      }
      return wasm.compress(bytes, level ?? levelDefault)
    },
    decompress: decompressPortable,
    load: async () => {
      await load()
    },
  }
}

const decompressPortable = (bytes: Uint8Array, maxBytes: number): Uint8Array => {
  let library: PortableUnzstd
  try {
    library = requireLibrary('fzstd') as PortableUnzstd
  } catch (cause) {
    throw libraryMissing('zstd', "the package 'fzstd' (or Node 22.15)", cause)
  }
  // fzstd does not accept the encoding of empty content.
  if (bytes.length === 0) throw damaged('zstd', 'no bytes')
  const chunks: Uint8Array[] = []
  let totalBytes = 0
  try {
    const stream = new library.Decompress((chunk) => {
      totalBytes += chunk.length
      if (totalBytes > maxBytes) throw tooLong('zstd', maxBytes)
      chunks.push(chunk)
    })
    stream.push(bytes, true)
  } catch (cause) {
    throw damagedBecause('zstd', cause)
  }
  return Buffer.concat(chunks, totalBytes)
}

let loadedLibrary: ZstdLibrary | null = null

const library = (): ZstdLibrary => {
  const zlib = nodeZlib()
  loadedLibrary ??=
    'zstdCompress' in zlib ? nodeZstd(zlib as unknown as ZlibWithZstd) : portableZstd()
  return loadedLibrary
}

export const zstdCodec: Codec = {
  id: 4,
  name: 'zstd',
  levelProblem: (level) => rangeProblem(level, levelMin, levelMax),
  load: () => library().load(),
  compress: (bytes, level, done) => {
    try {
      checkLevel(zstdCodec, level)
      library().compress(bytes, level, done)
    } catch (cause) {
      respondLater(done, compressionFailed('zstd', cause), null)
    }
  },
  compressSync: (bytes, level) => {
    checkLevel(zstdCodec, level)
    return library().compressSync(bytes, level)
  },
  decompress: (bytes, maxBytes) => library().decompress(bytes, maxBytes),
}
