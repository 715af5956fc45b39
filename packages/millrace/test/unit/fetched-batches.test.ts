import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codecOf } from '../../src/protocol/compression/codecs.ts'
import { type BatchToEncode, encodeBatch } from '../../src/protocol/records/encode-batch.ts'
import { decodeFetched, type TopicBatch } from '../../src/protocol/records/fetched-batches.ts'

const batchOf = (count: number, batch: BatchToEncode): Uint8Array =>
  encodeBatch(
    Array.from({ length: count }, (_, index) => ({ value: `${batch.baseOffset}+${index}` })),
    batch,
  )

/** Two batches of three records each: offsets 10 to 15. */
const twoBatches = () =>
  Buffer.concat([batchOf(3, { baseOffset: 10 }), batchOf(3, { baseOffset: 13 })])

const decode = (bytes: Uint8Array, position: number, end: number): TopicBatch[] => [
  ...decodeFetched(4, bytes, position, end),
]

const offsetsOf = (batches: readonly TopicBatch[]): number[] =>
  batches.flatMap(({ records }) => records.map(({ offset }) => offset))

test('all records of all batches come, with partition and the offset after each batch', () => {
  const batches = decode(twoBatches(), 10, 16)
  assert.deepEqual(offsetsOf(batches), [10, 11, 12, 13, 14, 15])
  assert.deepEqual(
    batches.map(({ nextOffset }) => nextOffset),
    [13, 16],
  )
  const record = batches[1]?.records[2]
  assert.equal(record?.partition, 4)
  assert.equal(String(record?.value), '13+2')
})

test('records before the position and from the end on are skipped, inside a batch too', () => {
  assert.deepEqual(offsetsOf(decode(twoBatches(), 11, 15)), [11, 12, 13, 14])
  assert.deepEqual(offsetsOf(decode(twoBatches(), 13, 14)), [13])
  assert.deepEqual(offsetsOf(decode(twoBatches(), 16, 20)), [])
})

test('a truncated last batch is left for the next fetch', () => {
  const bytes = twoBatches()
  for (const size of [bytes.length - 1, bytes.length / 2 + 1, bytes.length / 2 + 61]) {
    assert.deepEqual(offsetsOf(decode(bytes.subarray(0, size), 10, 16)), [10, 11, 12])
  }
})

test('a damaged batch fails with its offset, after the valid ones before it', () => {
  const bytes = twoBatches()
  bytes[bytes.length - 2]! ^= 1
  const iterator = decodeFetched(4, bytes, 10, 16)
  const first = iterator.next()
  assert.ok(!first.done && first.value.nextOffset === 13)
  assert.throws(() => iterator.next(), {
    name: 'KafkaError',
    code: 'MALFORMED_RESPONSE',
    message: /checksum.*partition 4, offset 13/,
  })
})

test('a transaction marker has an offset but no records', () => {
  const mark = encodeBatch([{ key: Buffer.from([0, 0, 0, 1]), value: null }], {
    baseOffset: 13,
    control: true,
    transactional: true,
  })
  const bytes = Buffer.concat([batchOf(3, { baseOffset: 10 }), mark])
  const batches = decode(bytes, 10, 14)
  assert.deepEqual(offsetsOf(batches), [10, 11, 12])
  assert.equal(batches[1]?.nextOffset, 14)
})

for (const compression of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
  test(`records of a ${compression} batch are uncompressed`, async () => {
    await codecOf(compression).load()
    const [batch] = decode(batchOf(100, { baseOffset: 7, compression }), 7, 107)
    assert.equal(batch?.records.length, 100)
    assert.equal(String(batch?.records[99]?.value), '7+99')
    assert.notEqual(batch?.codecId, 0)
  })
}
