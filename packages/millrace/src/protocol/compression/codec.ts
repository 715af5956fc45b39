// Owns the interface of a compression codec, and the errors and helpers that all codecs share.
// Callers: the codecs, each in its own file; codecs.ts lists them. Invariant: Kafka compresses the
// records of a batch as a whole and never the header.

import { nextTick } from '../../runtime/timers.ts'
import { messageOf } from '../../runtime/value-kinds.ts'
import { KafkaError } from '../kafka-error.ts'

/** Kafka's codecs. `'zstd'` needs brokers of Kafka 2.1 or newer (KIP-110). */
export type CompressionType = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

export type CompressDone = (error: KafkaError | null, compressed: Uint8Array | null) => void

export interface Codec {
  /** Its number in the attributes of a batch. */
  readonly id: number
  readonly name: CompressionType
  /** The problem with a level, as a clause that names the limit; null = none. */
  levelProblem(level: number | undefined): string | null
  /**
   * Loads the library of the codec, so that a missing one is detected before the first batch:
   * rejects with COMPRESSION_FAILED and a remedy. Otherwise the library is loaded at first use.
   */
  load(): Promise<void>
  /**
   * Compresses on another thread if the library supports it. `done` is called once, in a later
   * turn; the bytes must not change until then. The result belongs to the caller (`none`: the given
   * bytes).
   */
  compress(bytes: Uint8Array, level: number | undefined, done: CompressDone): void
  /** Compresses on this thread, for tests and tools. */
  compressSync(bytes: Uint8Array, level: number | undefined): Uint8Array
  /**
   * The decompressed bytes. Damaged bytes, or more than `maxBytes` of them, are a
   * MALFORMED_RESPONSE; the limit is checked before memory is allocated. The result belongs to the
   * caller (`none`: the given bytes).
   */
  decompress(bytes: Uint8Array, maxBytes: number): Uint8Array
}

const reasonOf = (cause: unknown): string => messageOf(cause).split('\n', 1)[0]!

/** The error if the codec's library cannot be loaded. */
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

/** The native library, or the portable one if it cannot be loaded; loaded by the first call. */
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

/** The error if the library failed to compress. */
export const compressionFailed = (name: CompressionType, cause: unknown): KafkaError =>
  cause instanceof KafkaError
    ? cause
    : new KafkaError('COMPRESSION_FAILED', `${name}: ${reasonOf(cause)}`, { cause })

/** The error if received bytes are not in the codec's format. */
export const damaged = (name: CompressionType, reason: string, cause?: unknown): KafkaError =>
  new KafkaError(
    'MALFORMED_RESPONSE',
    `Malformed ${name} data: ${reason}`,
    cause === undefined ? {} : { cause },
  )

/** The error if the library failed to decompress. */
export const damagedBecause = (name: CompressionType, cause: unknown): KafkaError =>
  cause instanceof KafkaError ? cause : damaged(name, reasonOf(cause), cause)

export const tooLong = (name: CompressionType, maxBytes: number): KafkaError =>
  damaged(name, `it decompresses to more than ${maxBytes} bytes`)

/** Throws the usage error of an invalid level. */
export const checkLevel = (codec: Codec, level: number | undefined): void => {
  const problem = codec.levelProblem(level)
  if (problem !== null) {
    throw new KafkaError('INVALID_OPTION', `compression ${codec.name}: ${problem}`)
  }
}

/** The problem with a level that may be any whole number between two limits. */
export const rangeProblem = (level: number | undefined, min: number, max: number): string | null =>
  level === undefined || (Number.isInteger(level) && level >= min && level <= max)
    ? null
    : `level ${String(level)} is not a whole number from ${min} to ${max}`

/** Calls `done` in a later turn, outside a promise, so that its errors are not swallowed. */
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

/** The parts of a codec whose library has no level per call. */
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

/** Creates a codec from a library without levels: snappy, lz4. */
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
