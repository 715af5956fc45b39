// Decompressing by node:zlib with a bound, for gzip and zstd.

import type { CompressionType } from './codec.ts'
import { damaged, damagedBecause, tooLong } from './codec.ts'

/** Fewer trips between the threads than with zlib's 16 KiB. */
export const zlibChunkBytes = 65_536

/** What zlib's sync functions return with `info: true`; the types say a Buffer. */
export interface Inflated {
  readonly buffer: Uint8Array
  /** `bytesWritten` counts what it took of the input. */
  readonly engine: { readonly bytesWritten: number }
}

type Inflate = (
  bytes: Uint8Array,
  options: { readonly maxOutputLength: number; readonly info: true },
) => unknown

/** All of the bytes, decompressed, and not more than `maxBytes`. */
export const inflate = (
  name: CompressionType,
  inflateSync: Inflate,
  bytes: Uint8Array,
  maxBytes: number,
): Uint8Array => {
  const parts: Uint8Array[] = []
  let totalBytes = 0
  let rest = bytes
  // Node takes all members of gzip in one go, but stops after the first frame of zstd.
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
    // zlib's bound must be at least 1.
    return inflateSync(bytes, { maxOutputLength: Math.max(1, maxBytes), info: true }) as Inflated
  } catch (cause) {
    const tooMuch = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
    throw tooMuch ? tooLong(name, maxBytes) : damagedBecause(name, cause)
  }
}
