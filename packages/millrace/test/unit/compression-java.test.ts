// Batches that Java's client made, with each codec, are read by ours byte for byte
// (test/golden/compression-batches/regenerate.mjs writes the file). The other direction, Java
// reading ours, is check-with-java.ts there, run by hand, and the tests with a real Kafka.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { codecById, compressionTypes, decompress } from '../../src/protocol/compression/codecs.ts'
import { decompressLz4, loadPortableLz4 } from '../../src/protocol/compression/lz4.ts'
import { portableZstd } from '../../src/protocol/compression/zstd.ts'
import { encodeBatch } from '../../src/protocol/records/encode-batch.ts'
import { batchHeaderBytes } from '../../src/protocol/records/layout.ts'
import type { BatchRecord } from '../../src/protocol/records/record-batch.ts'
import {
  decodeBatchHeader,
  decodeRecords,
  verifyCrc,
} from '../../src/protocol/records/record-batch.ts'
import { goldenFile } from '../golden/golden-file.ts'

interface Golden {
  readonly codec: string
  readonly name: string
  readonly batch: Buffer
}

const goldens: readonly Golden[] = readFileSync(goldenFile('compression-batches.txt'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => {
    const [codec = '', name = '', hex = ''] = line.split(' ')
    return { codec, name, batch: Buffer.from(hex, 'hex') }
  })

const few = [
  { key: 'order-1', value: '{"id":1,"currency":"EUR"}', timestamp: 1_700_000_000_000 },
  {
    key: null,
    value: '{"id":2,"currency":"EUR"}',
    timestamp: 1_700_000_000_005,
    headers: [
      ['trace', 'abc'],
      ['trace', null],
      ['grün', Uint8Array.of(0, 0xff)],
    ] as const,
  },
  { key: 'order-3', value: null, timestamp: 1_699_999_999_997 },
  { key: '', value: '', timestamp: 1_700_000_000_007 },
]
const largeValue = Uint8Array.from({ length: 150_000 }, (_, index) => Math.floor(index / 1000))
const large = [{ key: 'large', value: largeValue, timestamp: 1_700_000_000_000 }]

const hex = (bytes: Uint8Array | string | null): string | null =>
  bytes === null ? null : Buffer.from(bytes as Uint8Array).toString('hex')
const shown = (record: BatchRecord) => ({
  offset: record.offset,
  timestamp: record.timestamp,
  key: hex(record.key),
  value: hex(record.value),
  headers: record.headers.map(({ key, value }) => [key, hex(value)]),
})

test('the golden file has batches of all codecs', () => {
  assert.deepEqual([...new Set(goldens.map(({ codec }) => codec))], [...compressionTypes])
  assert.equal(goldens.length, 2 * compressionTypes.length - 1)
})

test("every batch of Java has a valid CRC and decodes to Java's records", () => {
  for (const { codec, name, batch } of goldens) {
    assert.ok(verifyCrc(batch), `${codec} ${name}`)
    const header = decodeBatchHeader(batch)
    assert.equal(codecById(header.codecId).name, codec)
    const area = decompress(header.codecId, batch.subarray(batchHeaderBytes), 200_000)
    const expected = (name === 'few' ? few : large).map((record, index) => ({
      offset: 42 + index,
      timestamp: record.timestamp,
      key: hex(record.key),
      value: hex(record.value),
      headers: ('headers' in record ? (record.headers ?? []) : []).map(([key, value]) => [
        key,
        hex(value),
      ]),
    }))
    assert.deepEqual(decodeRecords(header, area).map(shown), expected, `${codec} ${name}`)
  }
})

test('an uncompressed batch of ours has the same bytes as Java’s', () => {
  const golden = goldens.find(({ codec, name }) => codec === 'none' && name === 'few')
  assert.ok(golden)
  const { baseOffset, partitionLeaderEpoch } = decodeBatchHeader(golden.batch)
  const ours = encodeBatch(few, { baseOffset, partitionLeaderEpoch })
  assert.equal(hex(ours), hex(golden.batch))
})

test('the portable libraries read what Java wrote, too', () => {
  const portable: Record<string, (bytes: Uint8Array) => Uint8Array> = {
    lz4: (bytes) => decompressLz4(loadPortableLz4(), bytes, 200_000),
    zstd: (bytes) => portableZstd().decompress(bytes, 200_000),
  }
  for (const { codec, name, batch } of goldens) {
    const read = portable[codec]
    if (read === undefined) continue
    const area = batch.subarray(batchHeaderBytes)
    const expected = decompress(decodeBatchHeader(batch).codecId, area)
    assert.equal(hex(read(area)), hex(expected), `${codec} ${name}`)
  }
})

test('Java’s snappy is in Xerial’s framing, and a cut in it is an error', () => {
  const golden = goldens.find(({ codec, name }) => codec === 'snappy' && name === 'large')
  assert.ok(golden)
  const area = golden.batch.subarray(batchHeaderBytes)
  assert.equal(area.toString('latin1', 1, 7), 'SNAPPY')
  for (const size of [20, 100, area.length - 1]) {
    assert.throws(() => decompress(2, area.subarray(0, size)), { code: 'MALFORMED_RESPONSE' })
  }
  assert.throws(() => decompress(2, area, 149_000), { code: 'MALFORMED_RESPONSE' })
})
