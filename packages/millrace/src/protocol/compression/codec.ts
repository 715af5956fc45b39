// What a codec is, and the errors that all of them share. codecs.ts lists them; each has a file of
// its own. Kafka compresses the record area of a batch as a whole, the header stays plain.

import { nextTick } from '../../runtime/timers.ts'
import { messageOf } from '../../runtime/value-kinds.ts'
import { KafkaError } from '../kafka-error.ts'

/** Kafka's codecs. `'zstd'` needs brokers of Kafka 2.1 or newer (KIP-110). */
export type CompressionType = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

export type CompressDone = (error: KafkaError | null, compressed: Uint8Array | null) => void

export interface Codec {
  /** Its number in a batch's attributes. */
  readonly id: number
  readonly name: CompressionType
  /** What is wrong with a level, as a clause that names the bound; null = nothing. */
  levelProblem(level: number | undefined): string | null
  /**
   * Loads the library behind the codec, so that a missing one is known before the first batch:
   * rejects with a COMPRESSION_FAILED that names the remedy. Without it, the first use loads.
   */
  load(): Promise<void>
  /**
   * Compresses off the main thread where the library can. `done` is called once, in a later turn;
   * the bytes stay unchanged until then. The result belongs to the caller (`none`: as given).
   */
  compress(bytes: Uint8Array, level: number | undefined, done: CompressDone): void
  /** On this thread, for tests and tools. */
  compressSync(bytes: Uint8Array, level: number | undefined): Uint8Array
  /**
   * The original bytes. Damaged ones, or more than `maxBytes` of them, are a MALFORMED_RESPONSE;
   * the bound holds before the memory is taken. The result is the caller's (`none`: as given).
   */
  decompress(bytes: Uint8Array, maxBytes: number): Uint8Array
}

const reasonOf = (cause: unknown): string => messageOf(cause).split('\n', 1)[0]!

/** The codec's library could not be loaded. */
export const libraryMissing = (
  name: CompressionType,
  packages: string,
  cause: unknown,
): KafkaError => {
  const platform = `${process.platform}-${process.arch}, Node ${process.versions.node}`
  return new KafkaError(
    'COMPRESSION_FAILED',
    `${name}: ${packages} could not be loaded on ${platform} (${reasonOf(cause)}); install it ` +
      '(in a bundle: leave it external and ship it), or choose another codec',
    { kind: 'usage', cause },
  )
}

/** The native library, or the portable one where that does not load; loaded by the first call. */
export const loadedOnce = <Library>(
  name: CompressionType,
  packages: string,
  loadNative: () => Library,
  loadPortable: () => Library,
): (() => Library) => {
  let loaded: Library | undefined
  return () => {
    if (loaded !== undefined) return loaded
    try {
      loaded = loadNative()
    } catch (nativeCause) {
      try {
        loaded = loadPortable()
      } catch {
        throw libraryMissing(name, packages, nativeCause)
      }
    }
    return loaded
  }
}

/** The library failed to compress. */
export const compressionFailed = (name: CompressionType, cause: unknown): KafkaError =>
  cause instanceof KafkaError
    ? cause
    : new KafkaError('COMPRESSION_FAILED', `${name}: ${reasonOf(cause)}`, { cause })

/** Bytes that came from elsewhere are not what the codec can read. */
export const damaged = (name: CompressionType, reason: string, cause?: unknown): KafkaError =>
  new KafkaError(
    'MALFORMED_RESPONSE',
    `Malformed ${name} data: ${reason}`,
    cause === undefined ? {} : { cause },
  )

/** The library failed to decompress. */
export const damagedBecause = (name: CompressionType, cause: unknown): KafkaError =>
  cause instanceof KafkaError ? cause : damaged(name, reasonOf(cause), cause)

export const tooLong = (name: CompressionType, maxBytes: number): KafkaError =>
  damaged(name, `it decompresses to more than ${maxBytes} bytes`)

/** Throws the usage error of a bad level. */
export const checkLevel = (codec: Codec, level: number | undefined): void => {
  const problem = codec.levelProblem(level)
  if (problem !== null) {
    throw new KafkaError('INVALID_OPTION', `compression ${codec.name}: ${problem}`)
  }
}

/** A level that may be any whole number between two bounds. */
export const rangeProblem = (level: number | undefined, min: number, max: number): string | null =>
  level === undefined || (Number.isInteger(level) && level >= min && level <= max)
    ? null
    : `level ${String(level)} is not a whole number from ${min} to ${max}`

/** Calls `done` in a later turn; what it throws is not swallowed by a promise. */
export const respondLater = (
  done: CompressDone,
  error: KafkaError | null,
  compressed: Uint8Array | null,
): void => {
  nextTick(done, error, compressed)
}

/** Calls back with the result of the promise. */
export const respondWith = (
  name: CompressionType,
  promise: Promise<Uint8Array>,
  done: CompressDone,
): void => {
  promise.then(
    (compressed) => respondLater(done, null, compressed),
    (cause: unknown) => respondLater(done, compressionFailed(name, cause), null),
  )
}

/** What differs between the codecs whose library takes no level per call. */
interface LibraryCodecParts {
  readonly id: number
  readonly name: CompressionType
  levelProblem(level: number | undefined): string | null
  /** Loads the library at the first call. */
  library(): {
    compress(bytes: Uint8Array): Promise<Uint8Array>
    compressSync(bytes: Uint8Array): Uint8Array
  }
  decompress(bytes: Uint8Array, maxBytes: number): Uint8Array
}

/** A codec of a library without levels: snappy, lz4. */
export const libraryCodec = (parts: LibraryCodecParts): Codec => {
  const { id, name, library } = parts
  const codec: Codec = {
    id,
    name,
    levelProblem: parts.levelProblem,
    load: async () => {
      library()
    },
    compress: (bytes, level, done) => {
      try {
        checkLevel(codec, level)
        respondWith(name, library().compress(bytes), done)
      } catch (cause) {
        respondLater(done, compressionFailed(name, cause), null)
      }
    },
    compressSync: (bytes, level) => {
      checkLevel(codec, level)
      return library().compressSync(bytes)
    },
    decompress: parts.decompress,
  }
  return codec
}
