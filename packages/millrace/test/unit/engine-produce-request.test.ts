// The Produce request is written by hand, so everything it can say is held against the schema: any
// records, in every version, decode to what was appended.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ProducerRecord, RecordHeaders } from '../../src/engine/record.ts'
import {
  decodeBatchHeader,
  decodeRecords,
  verifyCrc,
} from '../../src/protocol/records/record-batch.ts'
import { Bench } from './engine-kit.ts'

const data = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.uint8Array({ maxLength: 60 }),
  fc.string({ minLength: 100, maxLength: 400 }),
)
const header = fc.tuple(fc.string({ maxLength: 8 }), fc.option(data, { nil: null }))
const record = fc.record({
  topic: fc.constantFrom('t', 'topic.o', 'u'),
  partition: fc.nat(2),
  key: fc.option(data, { nil: null }),
  value: fc.option(data, { nil: null }),
  headers: fc.oneof(fc.constant(undefined), fc.array(header, { maxLength: 4 })),
  timestamp: fc.oneof(fc.nat(2 ** 31 - 1), fc.nat(2 ** 50), fc.constant(0)),
})

const toHex = (value: string | Uint8Array | null | undefined): string | null =>
  value === null || value === undefined ? null : Buffer.from(value as string).toString('hex')

const expected = (sent: ProducerRecord) => ({
  key: toHex(sent.key),
  value: toHex(sent.value),
  timestamp: sent.timestamp,
  headers: ((sent.headers ?? []) as (readonly [string, string | null])[]).map(([key, value]) => [
    key,
    toHex(value),
  ]),
})

const topics = { t: [1, 1, 1], 'topic.o': [1, 1, 1], u: [1, 1, 1] }

test('any records, in every version of the request, decode to what was appended', () => {
  fc.assert(
    fc.property(
      fc.array(record, { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 7, max: 13 }),
      (records, version) => {
        const bench = new Bench({}, topics)
        bench.link(1)!.produceVersion = version
        for (const name of Object.keys(topics)) bench.send('known', { topic: name })
        for (const [index, name] of Object.keys(topics).entries()) {
          bench.tellTopic(name, undefined, 0, index + 1)
        }
        for (const sent of records) bench.engine.append(sent as ProducerRecord, null)
        bench.giveId()
        bench.step()
        const request = bench.takeOne()
        assert.equal(request.call.version, version)
        const names = Object.keys(topics)
        for (const topicData of request.message.topicData) {
          const name = version >= 13 ? names[topicData.topicId[0]! - 1]! : topicData.name
          for (const { index, records: bytes } of topicData.partitionData) {
            const batch = decodeBatchHeader(bytes!)
            assert.ok(verifyCrc(bytes!), 'checksum')
            assert.equal(batch.batchBytes, bytes!.length)
            const decoded = decodeRecords(batch, bytes!.subarray(61)).map((one) => ({
              key: toHex(one.key),
              value: toHex(one.value),
              timestamp: one.timestamp,
              headers: one.headers.map(({ key, value }) => [key, toHex(value)]),
            }))
            const wanted = records.filter((sent) => sent.topic === name && sent.partition === index)
            const known = index === 0 ? 1 : 0
            assert.deepEqual(
              decoded.slice(known),
              wanted.map((sent) => expected(sent as never)),
            )
          }
        }
      },
    ),
    { numRuns: 300 },
  )
})

test('wrong records are rejected at once, naming the field and the value', () => {
  const bench = Bench.ready()
  const wrong: [Record<string, unknown>, RegExp][] = [
    [{ topic: '' }, /record\.topic must be .*, got an empty string/],
    [{ topic: 5 }, /record\.topic must be .*, got number 5/],
    [{ key: 5 }, /record\.key must be .*, got number 5/],
    [{ value: undefined }, /record\.value must be .*null for a tombstone, got undefined/],
    [{ value: undefined, messages: [] }, /Unknown field "messages".*call sendBatch\(messages/],
    [{ value: undefined, vaule: 'x' }, /Unknown field "vaule".*did you mean "value"/],
    [{ value: { a: 1 } }, /record\.value must be .*, got Object/],
    [{ value: new ArrayBuffer(1) }, /record\.value must be .*, got ArrayBuffer/],
    [{ partition: -1 }, /record\.partition must be .*, got number -1/],
    [{ partition: 1.5 }, /record\.partition must be .*, got number 1\.5/],
    [{ timestamp: Number.NaN }, /record\.timestamp must be .*, got number NaN/],
    [{ timestamp: '5' }, /record\.timestamp must be .*, got string/],
    [{ headers: 'x' }, /record\.headers must be .*, got string/],
    [{ headers: new Map([['a', 'b']]) }, /record\.headers must be .*, got Map/],
    [{ headers: new Date(0) }, /record\.headers must be .*, got Date/],
    [{ headers: [['a']] }, /record\.headers\[0\] must be .*, got Array/],
    [{ headers: { a: 5 } }, /record\.headers\["a"\] must be .*, got number 5/],
    [{ headers: [[5, 'x']] }, /record\.headers: a key must be .*, got number 5/],
  ]
  for (const [change, message] of wrong) {
    const bad = { topic: 't', value: 'x', ...change } as unknown as ProducerRecord
    assert.throws(() => bench.engine.tryAppend(bad, null), { code: 'INVALID_ARGUMENT', message })
  }
  assert.equal(bench.engine.readings.usedBytes, 0)
})

test('a record past maxRequestBytes is rejected with its size and the limit', () => {
  const bench = Bench.ready({ maxRequestBytes: 20_000 })
  const value = new Uint8Array(20_000)
  assert.throws(() => bench.engine.tryAppend({ topic: 't', value }, null), {
    code: 'RECORD_TOO_LARGE',
    message: /for topic "t" must be at most \d+ bytes \(maxRequestBytes 20000\), got 20005/,
  })
})

test('in header objects arrays repeat the key, null is sent as null, undefined is skipped', () => {
  const bench = Bench.ready()
  const headers: RecordHeaders = { a: ['1', null, '2'], b: undefined, c: new Uint8Array([0, 255]) }
  bench.engine.append({ topic: 't', partition: 0, value: null, headers }, null)
  bench.step()
  const bytes = bench.takeOne().message.topicData[0]!.partitionData[0]!.records!
  const [decoded] = decodeRecords(decodeBatchHeader(bytes), bytes.subarray(61))
  assert.deepEqual(
    decoded!.headers.map(({ key, value }) => [key, toHex(value)]),
    [
      ['a', '31'],
      ['a', null],
      ['a', '32'],
      ['c', '00ff'],
    ],
  )
})

test('the caller may change its bytes once the call returned, also when the record waits', () => {
  const bench = Bench.ready()
  const value = Buffer.from('before')
  const key = Buffer.from('key')
  bench.engine.append({ topic: 't', partition: 0, key, value }, null)
  bench.engine.append({ topic: 'new', partition: 0, key, value }, null)
  value.fill(0)
  key.fill(0)
  bench.tellTopic('new', [1])
  bench.step()
  for (const { partitionData } of bench.takeOne().message.topicData) {
    const bytes = partitionData[0]!.records!
    const [decoded] = decodeRecords(decodeBatchHeader(bytes), bytes.subarray(61))
    assert.deepEqual([toHex(decoded!.key), toHex(decoded!.value)], [toHex('key'), toHex('before')])
  }
})
