// CRC-32C (Castagnoli), the checksum of record batches; node:zlib only has the other polynomial.
// The native library does 4 GB/s, the portable one (used where there is no binding for the
// platform, or a bundle left it behind) 1 GB/s. Nothing here throws when the binding is missing.

import portable from 'crc-32/crc32c.js'
import { requireLibrary } from '../compression/library.ts'

interface NativeCrc {
  crc32c(bytes: Uint8Array, initial: number): number
}

/** Below this size the call into the native library costs more than the sum itself. */
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

/** Which implementation sums large batches: `'native'`, or `'portable'` without a binding. */
export const crcImplementation = (): 'native' | 'portable' => {
  if (native === undefined) native = loadNative()
  return native === null ? 'portable' : 'native'
}

/** CRC-32C without the native library; `initial` is the sum of the bytes before. */
export const portableCrc32c = (bytes: Uint8Array, initial = 0): number =>
  portable.buf(bytes, initial) >>> 0

/** CRC-32C of the bytes, unsigned; `initial` is the sum of the bytes before these. */
export const crc32c = (bytes: Uint8Array, initial = 0): number => {
  if (bytes.length < nativeBytesMin) return portableCrc32c(bytes, initial)
  if (native === undefined) native = loadNative()
  return native === null ? portableCrc32c(bytes, initial) : native.crc32c(bytes, initial)
}
