// Each codec gives back what it got, within bounds, off the main thread's turn, and says what is
// wrong.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Codec, CompressionType } from '../../src/protocol/compression/codec.ts'
import { codecById, codecOf, compressionTypes } from '../../src/protocol/compression/codecs.ts'
import { requireLibrary } from '../../src/protocol/compression/library.ts'
import { decompressLz4, loadPortableLz4 } from '../../src/protocol/compression/lz4.ts'
import { readLz4Frame } from '../../src/protocol/compression/lz4-frame.ts'
import { loadPortableSnappy } from '../../src/protocol/compression/snappy.ts'
import { portableZstd } from '../../src/protocol/compression/zstd.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'
import { seededRandom } from '../../src/runtime/random.ts'

const codecs = compressionTypes.map(codecOf)
const compressing = codecs.filter((codec) => codec.name !== 'none')

const compress = (codec: Codec, bytes: Uint8Array, level?: number): Promise<Uint8Array> =>
  new Promise((resolve, reject) => {
    let returned = false
    codec.compress(bytes, level, (error, compressed) => {
      assert.ok(returned, 'done is called in a later turn')
      if (compressed === null) reject(error)
      else resolve(compressed)
    })
    returned = true
  })

const thrownBy = (action: () => unknown): KafkaError => {
  try {
    action()
  } catch (error) {
    assert.ok(error instanceof KafkaError, `${error}`)
    return error
  }
  return assert.fail('it did not throw')
}

const noise = (size: number, seed: number): Uint8Array => {
  const random = seededRandom(seed)
  return Uint8Array.from({ length: size }, () => random.next() * 256)
}
const json = (count: number): Buffer =>
  Buffer.from(
    Array.from({ length: count }, (_, id) =>
      JSON.stringify({ id, customer: `customer-${id % 97}`, amount: (id * 31) % 1000 }),
    ).join('\n'),
  )

const samples: readonly (readonly [string, Uint8Array])[] = [
  ['nothing', new Uint8Array(0)],
  ['one byte', Uint8Array.of(42)],
  ['zeros', new Uint8Array(3_000_000)],
  ['noise', noise(200_000, 1)],
  ['JSON', json(20_000)],
  ['exactly one block of 64 KiB', json(2000).subarray(0, 65_536)],
  ['a view into other bytes', json(2000).subarray(17, 50_017)],
  ['noise, then zeros', Buffer.concat([noise(70_000, 2), Buffer.alloc(70_000)])],
]

test('the codecs have the numbers of Kafka', () => {
  const ids = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 }
  for (const name of compressionTypes) {
    assert.equal(codecOf(name).id, ids[name])
    assert.equal(codecById(ids[name]).name, name)
  }
  for (const id of [-1, 5, 7]) {
    assert.equal(thrownBy(() => codecById(id)).code, 'MALFORMED_RESPONSE')
  }
})

test('every codec round-trips, compressed in a later turn or in this one', async () => {
  for (const codec of codecs) {
    await codec.load()
    for (const [what, original] of samples) {
      const before = Buffer.from(original)
      for (const compressed of [
        await compress(codec, original),
        codec.compressSync(original, undefined),
      ]) {
        assert.ok(before.equals(original), 'the input is unchanged')
        const restored = codec.decompress(compressed, original.length)
        assert.ok(before.equals(restored), `${codec.name} of ${what}`)
      }
    }
  }
})

test('every codec round-trips any bytes', async () => {
  for (const codec of compressing) {
    await codec.load()
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 3000 }),
        fc.integer({ min: 1, max: 40 }),
        (part, times) => {
          const original = Buffer.concat(Array<Uint8Array>(times).fill(part))
          const restored = codec.decompress(
            codec.compressSync(original, undefined),
            original.length,
          )
          assert.ok(original.equals(restored))
        },
      ),
      { numRuns: 50 },
    )
  }
})

test('every codec makes JSON at least twice smaller', async () => {
  for (const codec of compressing) {
    const original = json(5000)
    assert.ok((await compress(codec, original)).length * 2 < original.length, codec.name)
  }
})

test('decompression stops at its bound: one byte more is an error', async () => {
  const original = Buffer.alloc(20_000_000)
  for (const codec of compressing) {
    const bomb = await compress(codec, original)
    assert.ok(bomb.length < 1_000_000)
    for (const maxBytes of [0, 1000, original.length - 1]) {
      const error = thrownBy(() => codec.decompress(bomb, maxBytes))
      assert.equal(error.code, 'MALFORMED_RESPONSE')
      assert.match(error.message, new RegExp(`${codec.name}.*more than ${maxBytes} bytes`))
    }
    assert.equal(codec.decompress(bomb, original.length).length, original.length)
  }
  for (const codec of codecs) {
    const one = await compress(codec, Uint8Array.of(7))
    assert.equal(codec.decompress(one, 1).length, 1)
    assert.throws(() => codec.decompress(one, 0), { code: 'MALFORMED_RESPONSE' }, codec.name)
  }
})

test('mutated bytes give an error or other bytes, and never more than the bound', async () => {
  const original = json(300)
  const maxBytes = 2 * original.length
  for (const codec of compressing) {
    const compressed = await compress(codec, original)
    const random = seededRandom(codec.id)
    for (let round = 0; round < 500; round += 1) {
      const mutated = Buffer.from(compressed)
      for (let count = 0; count <= round % 3; count += 1) {
        mutated[Math.floor(random.next() * mutated.length)] = Math.floor(random.next() * 256)
      }
      const input = round % 5 ? mutated : mutated.subarray(0, random.next() * mutated.length)
      try {
        assert.ok(codec.decompress(input, maxBytes).length <= maxBytes)
      } catch (error) {
        assert.ok(error instanceof KafkaError, `${codec.name}: ${error}`)
        assert.equal(error.code, 'MALFORMED_RESPONSE')
      }
    }
  }
})

test('compressed data that was cut off anywhere is an error', async () => {
  const original = json(40)
  const portable = portableZstd()
  const reads: [Codec, Codec['decompress']][] = compressing.map((codec) => [
    codec,
    codec.decompress,
  ])
  reads.push([codecOf('zstd'), portable.decompress])
  for (const [codec, decompress] of reads) {
    const compressed = await compress(codec, original)
    for (let size = 0; size < compressed.length; size += 1) {
      const cut = compressed.subarray(0, size)
      const error = thrownBy(() => decompress(cut, 10 * original.length))
      assert.equal(error.code, 'MALFORMED_RESPONSE', `${codec.name}, ${size} bytes`)
    }
  }
})

test('bytes that are not compressed data are an error', () => {
  for (const codec of compressing) {
    for (const input of [new Uint8Array(0), noise(5, 3), noise(500, 4), Buffer.from('{"id":1}')]) {
      const error = thrownBy(() => codec.decompress(input, 1_000_000))
      assert.equal(error.code, 'MALFORMED_RESPONSE', codec.name)
    }
  }
})

test('bytes after the end of the compressed data are an error', async () => {
  for (const codec of compressing) {
    const compressed = await compress(codec, json(10))
    const longer = Buffer.concat([compressed, Buffer.from('more')])
    assert.equal(thrownBy(() => codec.decompress(longer, 100_000)).code, 'MALFORMED_RESPONSE')
  }
})

test('levels within the bounds work, others are a usage error that names the bound', async () => {
  const cases: Record<CompressionType, [good: number[], bad: number[], bound: RegExp]> = {
    none: [[], [1], /no level/],
    gzip: [[-1, 1, 9], [0, 10, -2, 1.5, Number.NaN], /from 1 to 9, or -1/],
    snappy: [[], [1], /no levels/],
    lz4: [[], [0, 1, 9], /leave the level out/],
    zstd: [[-131072, -5, 1, 3, 19, 22], [-131073, 23, 1.5], /from -131072 to 22/],
  }
  const original = json(2000)
  for (const codec of codecs) {
    const [good, bad, bound] = cases[codec.name]
    for (const level of [undefined, ...good]) {
      assert.equal(codec.levelProblem(level), null)
      const compressed = await compress(codec, original, level)
      assert.ok(original.equals(codec.decompress(compressed, original.length)))
    }
    for (const level of bad) {
      assert.match(codec.levelProblem(level) ?? '', bound)
      const error = thrownBy(() => codec.compressSync(original, level))
      assert.equal(error.code, 'INVALID_OPTION')
      assert.match(error.message, bound)
      await assert.rejects(compress(codec, original, level), { code: 'INVALID_OPTION' })
    }
  }
})

test('a higher level of gzip and zstd compresses better', async () => {
  const original = json(10_000)
  for (const [name, low, high] of [
    ['gzip', 1, 9],
    ['zstd', -50, 19],
  ] as const) {
    const larger = await compress(codecOf(name), original, low)
    assert.ok((await compress(codecOf(name), original, high)).length < larger.length, name)
  }
})

test("the portable snappy and the native one read each other's output", async () => {
  const portable = loadPortableSnappy()
  const codec = codecOf('snappy')
  for (const [what, original] of samples) {
    assert.ok(Buffer.from(original).equals(codec.decompress(portable.compressSync(original), 4e6)))
    const native = await compress(codec, original)
    assert.ok(Buffer.from(original).equals(portable.uncompressSync(native)), what)
  }
})

test("the portable lz4 and the native one read each other's output", async () => {
  const portable = loadPortableLz4()
  const codec = codecOf('lz4')
  for (const [what, original] of samples) {
    const frame = await portable.compress(original)
    assert.ok(Buffer.from(original).equals(codec.decompress(frame, original.length)), what)
    const native = await compress(codec, original)
    assert.ok(Buffer.from(original).equals(decompressLz4(portable, native, original.length)), what)
  }
})

test("the portable zstd and Node’s own read each other's output", async () => {
  const portable = portableZstd()
  assert.throws(() => portable.compressSync(json(1), 3), { code: 'INVALID_STATE' })
  await portable.load()
  const codec = codecOf('zstd')
  for (const [what, original] of samples) {
    for (const level of original.length > 1_000_000 ? [undefined] : [undefined, -7, 19]) {
      const own = portable.compressSync(original, level)
      assert.ok(Buffer.from(original).equals(codec.decompress(own, original.length)), what)
    }
    const native = await compress(codec, original)
    assert.ok(Buffer.from(original).equals(portable.decompress(native, original.length)), what)
    assert.throws(() => portable.decompress(native, original.length - 1), {
      code: 'MALFORMED_RESPONSE',
    })
  }
})

test('lz4 frames have independent blocks and no dictionary, as Java wants them', async () => {
  const blocks = readLz4Frame(await compress(codecOf('lz4'), json(20_000)))
  assert.equal(
    blocks.reduce((total, block) => total + block.originalBytes, 0),
    json(20_000).length,
  )
  const linked = Buffer.from(await compress(codecOf('lz4'), json(10)))
  linked[4]! &= ~0x20
  assert.match(thrownBy(() => readLz4Frame(linked)).message, /linked blocks/)
})

test('an lz4 block that ends inside a sequence is malformed in a whole frame', async () => {
  const frame = Buffer.from(await compress(codecOf('lz4'), json(10)))
  const blockStart = 7 + 4
  const block = frame.subarray(blockStart, frame.length - 4)
  const inLiterals = Buffer.concat([
    frame.subarray(0, blockStart),
    block.subarray(0, 3),
    Buffer.alloc(4),
  ])
  inLiterals.writeUInt32LE(3, 7)
  assert.match(thrownBy(() => readLz4Frame(inLiterals)).message, /a block that was cut off/)
})

test('several gzip members or zstd frames in a row decompress to one text', async () => {
  for (const name of ['gzip', 'zstd'] as const) {
    const codec = codecOf(name)
    const parts = await Promise.all(
      ['one ', 'two'].map((part) => compress(codec, Buffer.from(part))),
    )
    assert.equal(Buffer.from(codec.decompress(Buffer.concat(parts), 7)).toString(), 'one two')
    assert.throws(() => codec.decompress(Buffer.concat(parts), 6), { code: 'MALFORMED_RESPONSE' })
  }
})

test('a missing package is an error of Node that the codec explains', () => {
  assert.throws(() => requireLibrary('millrace-no-such-package'), { code: 'MODULE_NOT_FOUND' })
})
