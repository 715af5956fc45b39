// Owns the gzip codec: node:zlib, on Node's thread pool. Caller: codecs.ts. Invariant: its levels
// are those of the Java client.

import { nodeZlib } from '../../runtime/lazy-builtins.ts'
import type { Codec, CompressDone } from './codec.ts'
import { checkLevel, compressionFailed, rangeProblem, respondLater } from './codec.ts'
import { inflate, zlibChunkBytes } from './zlib-inflate.ts'

const optionsOf = (level: number | undefined) => ({
  level: level ?? -1,
  chunkSize: zlibChunkBytes,
})

export const gzipCodec: Codec = {
  id: 1,
  name: 'gzip',
  // Level 0 does not compress; Java rejects it too.
  levelProblem: (level) =>
    level === -1 ? null : (rangeProblem(level, 1, 9)?.concat(', or -1 for the default') ?? null),
  load: async () => {},
  compress: (bytes: Uint8Array, level: number | undefined, done: CompressDone): void => {
    try {
      checkLevel(gzipCodec, level)
      nodeZlib().gzip(bytes, optionsOf(level), (error, compressed) => {
        if (error) done(compressionFailed('gzip', error), null)
        else done(null, compressed)
      })
    } catch (cause) {
      respondLater(done, compressionFailed('gzip', cause), null)
    }
  },
  compressSync: (bytes, level) => {
    checkLevel(gzipCodec, level)
    return nodeZlib().gzipSync(bytes, optionsOf(level))
  },
  decompress: (bytes, maxBytes) => inflate('gzip', nodeZlib().gunzipSync, bytes, maxBytes),
}
