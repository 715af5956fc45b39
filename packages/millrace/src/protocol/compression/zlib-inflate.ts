// Owns decompression with node:zlib and a size limit. Callers: the gzip and zstd codecs. Invariant:
// not more than `maxBytes` are decompressed.

import type { CompressionType } from './codec.ts'
import { damaged, damagedBecause, tooLong } from './codec.ts'

/** Fewer thread changes than with zlib's 16 KiB. */
export const zlibChunkBytes = 65_536

/** The result of zlib's sync functions with `info: true`; their types declare a Buffer. */
export interface Inflated {
  readonly buffer: Uint8Array
  /** `bytesWritten` is the number of input bytes that were read. */
  readonly engine: { readonly bytesWritten: number }
}

type Inflate = (
  bytes: Uint8Array,
  options: { readonly maxOutputLength: number; readonly info: true },
) => unknown

/** All bytes decompressed, at most `maxBytes`. */
export const inflate = (
  name: CompressionType,
  inflateSync: Inflate,
  bytes: Uint8Array,
  maxBytes: number,
): Uint8Array => {
  const parts: Uint8Array[] = []
  let totalBytes = 0
  let rest = bytes
  // Node decompresses all members of gzip in one call, but stops after the first frame of zstd.
  do {
    const { buffer, engine } = inflateOnce(name, inflateSync, rest, maxBytes - totalBytes)
    totalBytes += buffer.length
    if (totalBytes > maxBytes) throw tooLong(name, maxBytes)
    if (engine.bytesWritten === 0) throw damaged(name, 'nothing that can be decompressed')
    parts.push(buffer)
    rest = rest.subarray(engine.bytesWritten)
  } while (rest.length > 0)
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts, totalBytes)
}

const inflateOnce = (
  name: CompressionType,
  inflateSync: Inflate,
  bytes: Uint8Array,
  maxBytes: number,
): Inflated => {
  try {
    // zlib's limit must be at least 1.
    return inflateSync(bytes, { maxOutputLength: Math.max(1, maxBytes), info: true }) as Inflated
  } catch (cause) {
    const tooMuch = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
    throw tooMuch ? tooLong(name, maxBytes) : damagedBecause(name, cause)
  }
}
