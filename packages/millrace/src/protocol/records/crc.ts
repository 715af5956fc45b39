// Owns CRC-32C (Castagnoli), the checksum of record batches; node:zlib has the other polynomial
// only. The native library computes 4 GB/s, the portable one 1 GB/s; the portable one is used
// without a binding for the platform, or in a bundle without it. Callers: engine/, spool/,
// records/, the in-process cluster. Invariant: a missing binding never throws.

import portable from 'crc-32/crc32c.js'
import { requireLibrary } from '../compression/library.ts'

interface NativeCrc {
  crc32c(bytes: Uint8Array, initial: number): number
}

/** Below this size the native call costs more than the checksum itself. */
const nativeBytesMin = 256

const loadNative = (): NativeCrc | null => {
  try {
    const library = requireLibrary('@node-rs/crc32') as NativeCrc
    // The published check value: a binding that returns another value is not used.
    return library.crc32c(Buffer.from('123456789'), 0) === 0xe3069283 ? library : null
  } catch {
    return null
  }
}

/** Loaded by the first large batch; null = no binding. */
let native: NativeCrc | null | undefined

/** The implementation for large batches: `'native'`, or `'portable'` without a binding. */
export const crcImplementation = (): 'native' | 'portable' => {
  if (native === undefined) native = loadNative()
  return native === null ? 'portable' : 'native'
}

/** CRC-32C without the native library; `initial` is the checksum of the preceding bytes. */
export const portableCrc32c = (bytes: Uint8Array, initial = 0): number =>
  portable.buf(bytes, initial) >>> 0

/** CRC-32C of the bytes, unsigned; `initial` is the checksum of the preceding bytes. */
export const crc32c = (bytes: Uint8Array, initial = 0): number => {
  if (bytes.length < nativeBytesMin) return portableCrc32c(bytes, initial)
  if (native === undefined) native = loadNative()
  return native === null ? portableCrc32c(bytes, initial) : native.crc32c(bytes, initial)
}
