// Keys stay where the former client put them: our partitioners against what the original libraries
// returned (test/golden/partitioner-vectors/regenerate.mjs writes the file).

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { PartitionerName } from '../../src/engine/partitioner/partitioner.ts'
import { createPartitioner } from '../../src/engine/partitioner/partitioner.ts'
import { crc32, fnv1a, murmur2 } from '../../src/engine/partitioner/partitioner-hashes.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import { goldenFile } from '../golden/golden-file.ts'

type Hashing = 'java' | 'consistent_random' | 'fnv1a' | 'kafkajs_legacy'
/** `null` = the library chose at random. */
type Row = { readonly key: string } & Readonly<Record<Hashing, readonly number[] | null>>
interface Vectors {
  readonly counts: readonly number[]
  readonly keys: readonly Row[]
}

const vectors = JSON.parse(readFileSync(goldenFile('partitioner-vectors.json'), 'utf8')) as Vectors

const comparePartitions = (name: PartitionerName & Hashing): number => {
  let compared = 0
  for (const row of vectors.keys) {
    const expected = row[name]
    if (expected === null) continue
    const key = Buffer.from(row.key, 'hex')
    // The key lies in the middle of other bytes, as it does in the engine.
    const bytes = Buffer.concat([Buffer.from([0xaa, 0xbb, 0xcc]), key, Buffer.from([0xdd, 0xee])])
    const actual = vectors.counts.map((partitionCount) =>
      createPartitioner(name, seededRandom(1))().partition(
        { name: 'topic', partitionCount, available: [], preferred: [], loadOf: () => 0 },
        bytes,
        3,
        3 + key.length,
        100,
      ),
    )
    assert.deepEqual(actual, expected, `${name} of ${row.key}`)
    compared += 1
  }
  return compared
}

test('the vectors cover at least 60 keys, lengths 0 to 17 and 8 partition counts', () => {
  assert.ok(vectors.keys.length >= 60)
  const lengths = new Set(vectors.keys.map((row) => row.key.length / 2))
  for (let length = 0; length <= 17; length += 1) assert.ok(lengths.has(length))
  assert.deepEqual(vectors.counts, [1, 2, 3, 6, 7, 12, 100, 1000])
})

test('java puts every key, the empty one too, where the Java client puts it', () => {
  assert.equal(comparePartitions('java'), vectors.keys.length)
})

test('consistent_random puts every key but the empty one where librdkafka puts it', () => {
  assert.equal(comparePartitions('consistent_random'), vectors.keys.length - 1)
  assert.equal(vectors.keys.find((row) => row.key === '')?.consistent_random, null)
})

test('fnv1a puts every key, the empty one too, where sarama puts it', () => {
  assert.equal(comparePartitions('fnv1a'), vectors.keys.length)
})

test('kafkajs_legacy puts every key, the empty one too, where kafkajs 1 puts it', () => {
  assert.equal(comparePartitions('kafkajs_legacy'), vectors.keys.length)
})

test('the hash functions give the published values of their definitions', () => {
  const hash = (of: typeof murmur2, text: string): number => {
    const bytes = Buffer.from(text)
    return of(bytes, 0, bytes.length)
  }
  assert.equal(hash(murmur2, '21'), -973932308 & 0x7fffffff)
  assert.equal(hash(murmur2, 'foobar'), -790332482 & 0x7fffffff)
  assert.equal(hash(murmur2, 'a-little-bit-long-string'), -985981536 & 0x7fffffff)
  assert.equal(hash(murmur2, 'abc'), 479470107)
  assert.equal(hash(crc32, '123456789'), 0xcbf43926)
  assert.equal(hash(fnv1a, 'foobar') >>> 0, 0xbf9cf968)
})
