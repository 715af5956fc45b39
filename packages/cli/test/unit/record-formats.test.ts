import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { KafkaError, type ProducerRecord } from 'millrace'
import { deadLetterOf, deadLineOf } from '../../src/produce/dead-letter.ts'
import { jsonFormat } from '../../src/produce/json-format.ts'
import { memberBytes } from '../../src/produce/json-span.ts'
import { LineError } from '../../src/produce/line-error.ts'
import { lineFormat } from '../../src/produce/record-format.ts'

const defaults = { topic: 'orders', key: null, headers: [], partition: undefined }

const line = (text: string, options: Parameters<typeof lineFormat>[1]) =>
  lineFormat(defaults, options)(Buffer.from(text))

const json = (text: string, encoded: Parameters<typeof jsonFormat>[1] = []) =>
  jsonFormat(defaults, encoded)(Buffer.from(text))

const text = (data: ProducerRecord['key']): string | null =>
  data === null || data === undefined ? null : Buffer.from(data).toString()

test('a line is the value, byte for byte: a carriage return stays', () => {
  const record = line('a\r', { keyDelimiter: undefined, nullMarker: undefined })
  assert.equal(text(record?.value), 'a\r')
  assert.equal(record?.key, null)
})

test('the key ends at the first key delimiter; a line without one has no key', () => {
  const options = { keyDelimiter: Buffer.from('::'), nullMarker: undefined }
  const record = line('k::v::w', options)
  assert.deepEqual([text(record?.key), text(record?.value)], ['k', 'v::w'])
  const empty = line('::v', options)
  assert.deepEqual([text(empty?.key), text(empty?.value)], ['', 'v'])
  const keyless = line('v', options)
  assert.deepEqual([text(keyless?.key), text(keyless?.value)], [null, 'v'])
})

test('exactly the null marker is null, as a value and as a key', () => {
  const options = { keyDelimiter: Buffer.from(':'), nullMarker: Buffer.from('NULL') }
  assert.deepEqual(line('NULL:NULL', options)?.value, null)
  assert.deepEqual(line('NULL:v', options)?.key, null)
  assert.equal(text(line('k:NULLS', options)?.value), 'NULLS')
  assert.equal(line('', { keyDelimiter: undefined, nullMarker: Buffer.from('') })?.value, null)
})

test('a JSON value that is no string is sent as the bytes of the line', () => {
  const value = '{"big": 12345678901234567890, "one": 1.0, "text": "}\\"]"}'
  assert.equal(text(json(`{ "key" : [1, 2] , "value": ${value} }`)?.value), value)
  assert.equal(text(json(`{ "key" : [1, 2] , "value": 1.50 }`)?.value), '1.50')
  assert.equal(text(json(`{ "key" : [1, 2] , "value": "a\\u0062" }`)?.value), 'ab')
  assert.equal(text(json(`{ "key" : [1, 2] , "value": 1 }`)?.key), '[1, 2]')
  assert.equal(json('{"value":null}')?.value, null)
  assert.equal(json(' \r'), null)
})

test('any value of any JSON object is found where it stands', () => {
  const anyValue = fc.jsonValue({ maxDepth: 4 })
  const indents = fc.constantFrom(undefined, 1, '\t')
  fc.assert(
    fc.property(fc.dictionary(fc.string(), anyValue), anyValue, indents, (rest, value, indent) => {
      const bytes = Buffer.from(JSON.stringify({ ...rest, value }, null, indent))
      const found = memberBytes(bytes, 'value').toString()
      const last: unknown = JSON.parse(bytes.toString()).value
      assert.deepEqual(JSON.parse(found), last)
      assert.equal(found, found.trim())
    }),
    { numRuns: 500 },
  )
})

test('of a repeated member, with an escaped name too, the last one counts', () => {
  const bytes = Buffer.from('{"value": 1, "v\\u0061lue" : {"value": 3} , "other": "value"}')
  assert.equal(memberBytes(bytes, 'value').toString(), '{"value": 3}')
})

test('fields set the record; headers of the command line come first', () => {
  const format = jsonFormat(
    { topic: 'orders', key: 'k0', headers: [['from', 'cli']], partition: 1 },
    [],
  )
  const full = format(
    Buffer.from(
      '{"topic":"t","key":"k","value":"v","partition":3,"timestamp":"2026-01-01T00:00:00Z",' +
        '"headers":{"a":["1",null],"b":{"base64":"AP8="},"c":7}}',
    ),
  )
  assert.deepEqual(full, {
    topic: 't',
    key: 'k',
    value: 'v',
    partition: 3,
    timestamp: Date.parse('2026-01-01T00:00:00Z'),
    headers: [
      ['from', 'cli'],
      ['a', '1'],
      ['a', null],
      ['b', Buffer.from([0, 255])],
      ['c', '7'],
    ],
  })
  // The same object is filled anew: nothing of the record before may stay.
  assert.deepEqual(format(Buffer.from('{"value":"w"}')), {
    topic: 'orders',
    key: 'k0',
    value: 'w',
    partition: 1,
    timestamp: undefined,
    headers: [['from', 'cli']],
  })
  assert.equal(format(Buffer.from('{"value":"w","key":null}'))?.key, null)
})

test('base64 is decoded where it was asked for, and refused where it is none', () => {
  assert.deepEqual(json('{"key":"AP8=","value":"x"}', ['key'])?.key, Buffer.from([0, 255]))
  assert.throws(() => json('{"value":"%"}', ['value']), /value is no base64/)
  assert.deepEqual(json('{"valueBase64":"AP8"}')?.value, Buffer.from([0, 255]))
})

for (const [content, expected] of [
  ['', null],
  ['{', /it is no JSON: /],
  ['[1]', /no JSON object/],
  ['{"key":"k"}', /value is missing/],
  ['{"vlaue":1}', /'vlaue' is no field of a record: did you mean value\?/],
  ['{"value":1,"partition":-1}', /partition is -1: expected a whole number from 0/],
  ['{"value":1,"timestamp":"soon"}', /timestamp is 'soon': no date/],
  ['{"value":1,"headers":[["a"]]}', /headers as an array holds pairs/],
  ['{"value":1,"headers":{"a":{"b":1}}}', /header a is neither/],
  ['{"value":1,"valueBase64":""}', /both value and valueBase64/],
  ['{"value":1,"topic":7}', /topic is missing/],
] as const) {
  test(`the line ${content || '(blank)'}: ${expected ?? 'nothing to send'}`, () => {
    if (expected === null) assert.equal(json(content), null)
    else {
      assert.throws(
        () => json(content),
        (error: unknown) => error instanceof LineError && expected.test(error.message),
      )
    }
  })
}

const anyBytes = fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes))
const anyData = fc.oneof(anyBytes, fc.string({ unit: 'binary' }), fc.constant(null))
const asBytes = (data: ProducerRecord['key']): Buffer | null =>
  data === null || data === undefined ? null : Buffer.from(data)

test('a dead letter, read again, is the record that failed: every byte of it', () => {
  const error = new KafkaError('BROKER_REJECTED', 'no', { attempts: 2, persisted: 'no' })
  const headers = fc.array(fc.tuple(fc.string({ unit: 'binary' }), anyData), { maxLength: 3 })
  fc.assert(
    fc.property(
      anyData,
      anyData,
      headers,
      fc.option(fc.nat(), { nil: undefined }),
      (key, value, pairs, timestamp) => {
        const record = {
          topic: 't',
          key,
          value,
          headers: pairs,
          partition: timestamp,
          timestamp,
        }
        const letter = deadLetterOf(record, error, 9)
        assert.ok(letter.endsWith('\n') && letter.indexOf('\n') === letter.length - 1)
        const again = json(letter.trimEnd())
        assert.deepEqual(asBytes(again?.key), asBytes(key))
        assert.deepEqual(asBytes(again?.value), asBytes(value))
        assert.equal(again?.partition, timestamp)
        assert.equal(again?.timestamp, timestamp)
        const found = (again?.headers ?? []) as typeof pairs
        assert.deepEqual(
          found.map(([name, data]) => [name, asBytes(data)]),
          pairs.map(([name, data]) => [name, asBytes(data)]),
        )
      },
    ),
    { numRuns: 300 },
  )
})

test('a dead letter says why; of bytes that are no record it keeps the bytes', () => {
  const error = new KafkaError('DELIVERY_TIMEOUT', 'late', { persisted: 'maybe', attempts: 3 })
  assert.deepEqual(JSON.parse(deadLetterOf({ topic: 't', value: 'v' }, error, 4)), {
    topic: 't',
    value: 'v',
    line: 4,
    error: {
      code: 'DELIVERY_TIMEOUT',
      persisted: 'maybe',
      message: 'late',
      kind: 'retriable',
      attempts: 3,
    },
  })
  const mishap = { code: 'INVALID_RECORD', message: 'it is no JSON', persisted: 'no' } as const
  assert.deepEqual(JSON.parse(deadLineOf(Buffer.from([0xff]), mishap, 5)), {
    rawBase64: '/w==',
    line: 5,
    error: mishap,
  })
})
