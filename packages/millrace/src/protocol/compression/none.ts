// Owns the codec `none`, which returns the given bytes, so that callers do not check for it.
// Caller: codecs.ts. Invariant: the bytes are not copied.

import type { Codec } from './codec.ts'
import { checkLevel, compressionFailed, respondLater, tooLong } from './codec.ts'

export const noneCodec: Codec = {
  id: 0,
  name: 'none',
  levelProblem: (level) => (level === undefined ? null : 'without compression there is no level'),
  load: async () => {},
  compress: (bytes, level, done) => {
    try {
      checkLevel(noneCodec, level)
      respondLater(done, null, bytes)
    } catch (cause) {
      respondLater(done, compressionFailed('none', cause), null)
    }
  },
  compressSync: (bytes, level) => {
    checkLevel(noneCodec, level)
    return bytes
  },
  decompress: (bytes, maxBytes) => {
    if (bytes.length > maxBytes) throw tooLong('none', maxBytes)
    return bytes
  },
}
