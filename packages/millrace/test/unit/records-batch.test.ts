// Record batches: what is encoded is decoded, what does not fit is rejected, and the layout is
// Kafka's.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { codecById, codecOf, compressionTypes } from '../../src/protocol/compression/codecs.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'
import { crc32c, portableCrc32c } from '../../src/protocol/records/crc.ts'
import type { RecordToEncode } from '../../src/protocol/records/encode-batch.ts'
import { encodeBatch, patchCrc } from '../../src/protocol/records/encode-batch.ts'
import { batchHeaderBytes, batchOffsets } from '../../src/protocol/records/layout.ts'
import {
  decodeBatchHeader,
  decodeRecords,
  iterateRecords,
  splitBatches,
  verifyCrc,
} from '../../src/protocol/records/record-batch.ts'

const areaOf = (batch: Uint8Array): Uint8Array => batch.subarray(batchHeaderBytes)
const malformed = (pattern: RegExp) => (error: unknown) =>
  error instanceof KafkaError && error.code === 'MALFORMED_RESPONSE' && pattern.test(error.message)
const text = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : Buffer.from(bytes).toString()

const sample: readonly RecordToEncode[] = [
  { key: 'k1', value: 'v1', timestamp: 1_700_000_000_000 },
  {
    key: null,
    value: null,
    timestamp: 1_700_000_000_500,
    headers: [
      ['trace', 'abc'],
      ['trace', null],
      ['ünïcode', Uint8Array.of(0, 255)],
      ['', ''],
    ],
  },
  { key: '', value: '', timestamp: 1_699_999_999_999 },
]

/** The sample's record area with one change, in a batch whose header fits otherwise. */
const decodeChanged = (change: (area: Buffer) => Uint8Array, recordCount = 3): unknown => {
  const header = { ...decodeBatchHeader(encodeBatch(sample)), recordCount }
  return decodeRecords(header, change(Buffer.from(areaOf(encodeBatch(sample)))))
}

test('a batch is decoded as it was encoded, header and records', () => {
  const batch = encodeBatch(sample, {
    baseOffset: 2 ** 40,
    partitionLeaderEpoch: 7,
    producerId: 2 ** 50,
    producerEpoch: 32767,
    baseSequence: 2147483647,
    transactional: true,
  })
  const header = decodeBatchHeader(batch)
  assert.ok(verifyCrc(batch))
  assert.deepEqual(
    { ...header, crc: 0 },
    {
      baseOffset: 2 ** 40,
      batchBytes: batch.length,
      partitionLeaderEpoch: 7,
      crc: 0,
      attributes: 0x10,
      codecId: 0,
      logAppendTime: false,
      transactional: true,
      control: false,
      deleteHorizon: false,
      lastOffsetDelta: 2,
      baseTimestamp: 1_700_000_000_000,
      maxTimestamp: 1_700_000_000_500,
      producerId: 2 ** 50,
      producerEpoch: 32767,
      baseSequence: 2147483647,
      recordCount: 3,
    },
  )
  const records = decodeRecords(header, areaOf(batch))
  assert.deepEqual(
    records.map((record) => [record.offset - 2 ** 40, record.timestamp - 1_700_000_000_000]),
    [
      [0, 0],
      [1, 500],
      [2, -1],
    ],
  )
  assert.deepEqual(
    records.map((record) => [text(record.key), text(record.value)]),
    [
      ['k1', 'v1'],
      [null, null],
      ['', ''],
    ],
  )
  assert.deepEqual(
    records[1]?.headers.map(({ key, value }) => [key, text(value)]),
    [
      ['trace', 'abc'],
      ['trace', null],
      ['ünïcode', Buffer.from([0, 255]).toString()],
      ['', ''],
    ],
  )
})

test('any records survive encoding and decoding with every codec', async () => {
  for (const name of compressionTypes) await codecOf(name).load()
  const bytes = fc.option(fc.uint8Array({ maxLength: 300 }), { nil: null })
  const fields = {
    key: bytes,
    value: bytes,
    headers: fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), bytes), { maxLength: 5 }),
    timestamp: fc.integer({ min: -1, max: 2 ** 50 }),
  }
  const record = fc.record(fields, { noNullPrototype: true })
  fc.assert(
    fc.property(
      fc.array(record, { minLength: 1, maxLength: 30 }),
      fc.constantFrom(...compressionTypes),
      (records, compression) => {
        const batch = encodeBatch(records, { compression })
        assert.ok(verifyCrc(batch))
        const header = decodeBatchHeader(batch)
        const area = codecById(header.codecId).decompress(areaOf(batch), 1_000_000)
        const decoded = decodeRecords(header, area).map(({ key, value, headers, timestamp }) => ({
          key: key && new Uint8Array(key),
          value: value && new Uint8Array(value),
          headers: headers.map((each) => [each.key, each.value && new Uint8Array(each.value)]),
          timestamp,
        }))
        assert.deepEqual(decoded, records)
      },
    ),
    { numRuns: 200 },
  )
})

test('keys and values are views of the batch', () => {
  const batch = encodeBatch([{ key: 'key', value: 'value' }])
  const [record] = decodeRecords(decodeBatchHeader(batch), areaOf(batch))
  assert.equal(record?.value?.buffer, batch.buffer)
})

test('with LogAppendTime each record has the time of the batch', () => {
  const batch = encodeBatch(sample, { logAppendTime: true, maxTimestamp: 1234 })
  const records = decodeRecords(decodeBatchHeader(batch), areaOf(batch))
  assert.deepEqual(
    records.map((record) => record.timestamp),
    [1234, 1234, 1234],
  )
})

test('a fetch response is split into whole batches, the rest is counted', () => {
  const one = encodeBatch(sample, { baseOffset: 10 })
  const other = encodeBatch([{ value: 'x'.repeat(500) }], { baseOffset: 13 })
  const both = Buffer.concat([one, other])
  for (let size = 0; size <= both.length; size += 1) {
    const { batches, truncatedBytes } = splitBatches(both.subarray(0, size))
    const count = size === both.length ? 2 : size >= one.length ? 1 : 0
    assert.equal(batches.length, count, `${size} bytes`)
    assert.equal(truncatedBytes, size - [0, one.length, both.length][count]!)
  }
  assert.deepEqual(
    splitBatches(both).batches.map((batch) => decodeBatchHeader(batch).baseOffset),
    [10, 13],
  )
  assert.equal(decodeBatchHeader(both, one.length).baseOffset, 13)
})

test('a batch length below the header is malformed, not an endless loop', () => {
  for (const length of [-1, 0, 48, -2147483648]) {
    const batch = Buffer.from(encodeBatch(sample))
    batch.writeInt32BE(length, batchOffsets.batchLength)
    assert.throws(() => splitBatches(batch), malformed(/a batch of/))
    assert.throws(() => decodeBatchHeader(batch), malformed(/a batch of/))
  }
})

test('a flipped bit after the CRC is an error; base offset and epoch may change', () => {
  const batch = Buffer.from(encodeBatch(sample))
  for (let index = 0; index < batch.length; index += 1) {
    const changed = Buffer.from(batch)
    changed[index]! ^= 1 << (index % 8)
    const outsideTheSum = index < batchOffsets.crc
    assert.equal(verifyCrc(changed), outsideTheSum, `byte ${index}`)
    patchCrc(changed)
    assert.ok(verifyCrc(changed))
  }
  assert.equal(verifyCrc(batch.subarray(0, 60)), false)
})

test('a header that is cut off, of another format or out of bounds is malformed', () => {
  const batch = Buffer.from(encodeBatch(sample))
  const changed = (change: (copy: Buffer) => void): Buffer => {
    const copy = Buffer.from(batch)
    change(copy)
    return copy
  }
  for (let size = 0; size < batchHeaderBytes; size += 1) {
    assert.throws(() => decodeBatchHeader(batch.subarray(0, size)), malformed(/wanted/))
  }
  assert.throws(() => decodeBatchHeader(batch, batch.length + 5), malformed(/wanted/))
  const magicOne = changed((copy) => copy.writeInt8(1, batchOffsets.magic))
  assert.throws(() => decodeBatchHeader(magicOne), malformed(/format version 1/))
  const negative = changed((copy) => copy.writeInt32BE(-1, batchOffsets.recordCount))
  assert.throws(() => decodeBatchHeader(negative), malformed(/-1 records/))
  const backwards = changed((copy) => copy.writeInt32BE(-1, batchOffsets.lastOffsetDelta))
  assert.throws(() => decodeBatchHeader(backwards), malformed(/last offset delta/))
})

test('more or fewer records than the header says, and trailing bytes, are malformed', () => {
  assert.throws(() => decodeChanged((area) => area, 2), malformed(/bytes more than expected/))
  assert.throws(() => decodeChanged((area) => area, 4), malformed(/./))
  assert.throws(() => decodeChanged((area) => area, 2 ** 31 - 1), malformed(/records in/))
  const trailing = (area: Buffer): Buffer => Buffer.concat([area, Buffer.alloc(1)])
  assert.throws(() => decodeChanged(trailing), malformed(/1 bytes more/))
})

test('a record whose length does not fit its fields is malformed', () => {
  // Record 0: length 10 (zigzag 20), attributes, two deltas, length 2, k1, length 2, v1, no
  // headers.
  assert.equal(areaOf(encodeBatch(sample))[0], 20)
  const withByte = (index: number, value: number) => (area: Buffer) => {
    area[index] = value
    return area
  }
  assert.throws(() => decodeChanged(withByte(0, 22)), malformed(/more than expected/))
  assert.throws(() => decodeChanged(withByte(0, 18)), malformed(/wanted/))
  assert.throws(() => decodeChanged(withByte(0, 0x01)), malformed(/a part of -1/))
  assert.throws(() => decodeChanged(withByte(4, 0x03)), malformed(/a length of -2/))
  assert.throws(() => decodeChanged(withByte(4, 0x7e)), malformed(/./))
  assert.throws(() => decodeChanged(withByte(10, 0x01)), malformed(/-1 headers/))
})

test('offset deltas that go back or beyond the last one are malformed', () => {
  const backwards = encodeBatch([{ offsetDelta: 1 }, { offsetDelta: 1 }])
  const beyond = encodeBatch([{ offsetDelta: 5 }, { offsetDelta: 3 }])
  const compacted = encodeBatch([{ offsetDelta: 2 }, { offsetDelta: 7 }], { baseOffset: 100 })
  const decode = (batch: Uint8Array) => decodeRecords(decodeBatchHeader(batch), areaOf(batch))
  assert.throws(() => decode(backwards), malformed(/offset delta 1 after 1/))
  assert.throws(() => decode(beyond), malformed(/offset delta 5 after -1, the last being 3/))
  assert.deepEqual(
    decode(compacted).map((record) => record.offset),
    [102, 107],
  )
})

test('mutated batches give records or a KafkaError, never anything else', () => {
  const batch = Buffer.from(encodeBatch(sample))
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(batch.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      (changes) => {
        const changed = Buffer.from(batch)
        for (const [index, value] of changes) changed[index] = value
        try {
          const header = decodeBatchHeader(changed)
          let count = 0
          for (const record of iterateRecords(header, areaOf(changed))) {
            assert.ok(record.offsetDelta <= header.lastOffsetDelta)
            count += 1
          }
          assert.equal(count, header.recordCount)
        } catch (error) {
          assert.ok(error instanceof KafkaError, `${error}`)
          assert.equal(error.code, 'MALFORMED_RESPONSE')
        }
      },
    ),
    { numRuns: 2000 },
  )
})

test('a batch without records is rejected', () => {
  assert.throws(() => encodeBatch([]), { code: 'INVALID_ARGUMENT' })
})

test('CRC-32C gives the published values, native, portable, and piece by piece', () => {
  for (const crc of [crc32c, portableCrc32c]) {
    assert.equal(crc(Buffer.from('123456789')), 0xe3069283)
    assert.equal(crc(Buffer.alloc(32)), 0x8a9136aa)
    assert.equal(crc(Buffer.alloc(32, 0xff)), 0x62a8ab43)
    assert.equal(crc(new Uint8Array(0)), 0)
  }
  const long = Buffer.alloc(2000, 'some text that is repeated')
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1000 }), fc.nat(2000), (start, cut) => {
      const bytes = Buffer.concat([start, long])
      const whole = portableCrc32c(bytes)
      assert.equal(crc32c(bytes), whole)
      assert.equal(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut))), whole)
    }),
  )
})
