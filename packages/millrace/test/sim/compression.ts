// Codecs compress on a thread pool, whose moments no seed decides. Here they do it on the virtual
// clock: the result comes a little later, and the bytes are read only then, so that a caller that
// changes them is found out.

import type { Codec } from '../../src/protocol/compression/codec.ts'
import { codecOf, compressionTypes } from '../../src/protocol/compression/codecs.ts'
import type { Clock } from '../../src/runtime/clock.ts'
import { type Random, randomBelow } from '../../src/runtime/random.ts'
import type { Patches } from './patch.ts'

// On Node 20 a codec must be loaded before it compresses at once, which takes real time.
for (const type of compressionTypes) await codecOf(type).load()

export const compressInVirtualTime = (patches: Patches, clock: Clock, random: Random): void => {
  for (const type of compressionTypes) {
    const codec: Codec = codecOf(type)
    patches.method(codec, 'compress', () => (bytes, level, done) => {
      clock.setTimer(randomBelow(random, 3), () => done(null, codec.compressSync(bytes, level)))
    })
  }
}
