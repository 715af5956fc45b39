import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { KafkaError, type ProducerRecord } from 'millrace'
import { deadLetterOf, unreadableLetterOf } from '../../src/produce/dead-letter.ts'
import { jsonFormat } from '../../src/produce/json-format.ts'
import { jsonMembers } from '../../src/produce/json-span.ts'
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

test('a JSON value that is not a string is sent as the bytes of the line', () => {
  const value = '{"big": 12345678901234567890, "one": 1.0, "text": "}\\"]"}'
  assert.equal(text(json(`{ "key" : [1, 2] , "value": ${value} }`)?.value), value)
  assert.equal(text(json(`{ "key" : [1, 2] , "value": 1.50 }`)?.value), '1.50')
  assert.equal(text(json(`{ "key" : [1, 2] , "value": "a\\u0062" }`)?.value), 'ab')
  assert.equal(text(json(`{ "key" : [1, 2] , "value": 1 }`)?.key), '[1, 2]')
  assert.equal(json('{"value":null}')?.value, null)
  assert.equal(json(' \r'), null)
})

test('each member of any JSON object or array is found where it stands', () => {
  const anyValue = fc.jsonValue({ maxDepth: 4 })
  const longText = fc.string({ unit: fc.constantFrom('"', '\\', 'a'), maxLength: 100 })
  const someValue = fc.oneof(anyValue, longText)
  const holders = fc.oneof(fc.dictionary(fc.string(), someValue), fc.array(someValue))
  const indents = fc.constantFrom(undefined, 1, '\t')
  fc.assert(
    fc.property(holders, indents, (holder, indent) => {
      const bytes = Buffer.from(JSON.stringify(holder, null, indent))
      const found = jsonMembers(bytes).map((member) => {
        const text = bytes.toString('utf8', member.start, member.end)
        assert.equal(text, text.trim())
        return [member.name, JSON.parse(text)]
      })
      const parsed: object = JSON.parse(bytes.toString())
      const entries = Object.entries(parsed)
      const names = entries.map(([name]) => (Array.isArray(parsed) ? null : name))
      assert.deepEqual(
        found,
        entries.map(([, value], at) => [names[at], value]),
      )
    }),
    { numRuns: 500 },
  )
})

test('a repeated member is found each time, with an escaped name too', () => {
  const bytes = Buffer.from('{"value": 1, "v\\u0061lue" : {"value": 3} , "1": "value"}')
  assert.deepEqual(
    jsonMembers(bytes).map((member) => [
      member.name,
      bytes.toString('utf8', member.start, member.end),
    ]),
    [
      ['value', '1'],
      ['value', '{"value": 3}'],
      ['1', '"value"'],
    ],
  )
})

// A file in Latin-1 was sent with exit code 0, and each such byte became U+FFFD, so that
// two keys were one. A header lost the digits of its number, and "5" was a day of 2001.
test('a value that parsing would change is rejected, or sent as it stands', () => {
  const latin1 = Buffer.from('{"key":"\ufffdRen\u00e9","value":"1"}', 'utf8')
  const broken = Buffer.concat([latin1.subarray(0, 14), Buffer.from([0xe9]), latin1.subarray(16)])
  const format = jsonFormat(defaults, [])
  assert.equal(format(latin1)?.key, '\ufffdRen\u00e9')
  assert.throws(() => format(broken), /must be UTF-8, got the byte 0xe9 at position 15/)
  assert.throws(() => format(latin1.subarray(0, 15)), /must be UTF-8, got the byte 0xc3/)
  const headers = json(
    '{"value":"","headers":{"id":12345678901234567890,"b":[1.50,true],"1":"x","b":"again"}}',
  )?.headers as readonly (readonly [string, string])[]
  assert.deepEqual(
    headers.map(([name, value]) => [name, String(value)]),
    [
      ['id', '12345678901234567890'],
      ['b', '1.50'],
      ['b', 'true'],
      ['1', 'x'],
      ['b', 'again'],
    ],
  )
})

for (const [content, expected] of [
  ['{"value":"1","value":"2"}', /the field 'value' must occur once/],
  ['{"value":"\\ud83d"}', /value must be Unicode text, got half of a surrogate pair/],
  ['{"value":"","headers":{"\\udc00":""}}', /the name of a header must be Unicode text/],
  ['{"value":"","headers":{"a":"\\udc00"}}', /header a must be Unicode text/],
  ['{"value":"","headers":{"a":{"base64":"AA==","base64":"AQ=="}}}', /header a must be a string/],
  ['{"value":1,"partition":0.99999999999999999999}', /in digits, got 0.99999999999999999999/],
  ['{"value":1,"timestamp":9007199254740993}', /to 2251799813685248 in digits, got 9007199254/],
  ['{"value":1,"partition":2147483648}', /partition must be .* to 2147483647 in digits, got 2147/],
  ['{"value":1,"timestamp":1e300}', /in digits, got 1e300/],
  ['{"value":1,"timestamp":"5"}', /with time and time zone, .* got '5' \(a number stands without/],
  ['{"value":1,"timestamp":"2026-01-31"}', /time zone, such as 2026-01-31T12:00:00Z, got/],
  ['{"value":1,"timestamp":"2026-01-31T12:00:00"}', /time zone/],
  ['{"value":1,"timestamp":"01/02/2026"}', /time zone/],
  ['{"value":1,"timestamp":"2026-02-30T12:00:00Z"}', /must be a date that exists/],
  ['{"value":1,"timestamp":"2026-01-31T24:00:00Z"}', /must be a date that exists/],
  ['{"value":1,"timestamp":"2026-01-31T12:00:00.1234Z"}', /not be finer than milliseconds/],
  ['{"value":1,"timestamp":"1969-12-31T23:59:59Z"}', /must not be before 1970/],
] as const) {
  test(`the line ${content} is rejected: it has no one meaning`, () => {
    assert.throws(
      () => json(content),
      (error: unknown) => error instanceof LineError && expected.test(error.message),
    )
  })
}

test('a date with a time zone is one moment', () => {
  const timestamp = (text: string) => json(`{"value":1,"timestamp":"${text}"}`)?.timestamp
  const noon = Date.UTC(2026, 0, 31, 12)
  assert.equal(timestamp('2026-01-31T12:00:00Z'), noon)
  assert.equal(timestamp('2026-01-31T12:00Z'), noon)
  assert.equal(timestamp('2026-01-31 12:00:00.120000+00:00'), noon + 120)
  assert.equal(timestamp('2026-01-31T17:30:00.001+05:30'), noon + 1)
  assert.equal(timestamp('2026-01-31T11:00:00-01:00'), noon)
  assert.equal(timestamp('2024-02-29T00:00:00Z'), Date.UTC(2024, 1, 29))
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
      ['c', Buffer.from('7')],
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

test('base64 is decoded if the flag says so, and rejected if it is not valid', () => {
  assert.deepEqual(json('{"key":"AP8=","value":"x"}', ['key'])?.key, Buffer.from([0, 255]))
  assert.throws(() => json('{"value":"%"}', ['value']), /value must be base64/)
  assert.deepEqual(json('{"valueBase64":"AP8"}')?.value, Buffer.from([0, 255]))
})

for (const [content, expected] of [
  ['', null],
  ['{', /the line must be JSON: /],
  ['[1]', /must be a JSON object, got an array/],
  ['{"key":"k"}', /value is missing/],
  ['{"vlaue":1}', /unknown field 'vlaue': did you mean value\?/],
  [
    '{"value":1,"partition":-1}',
    /partition must be a whole number from 0 to 2147483647 in digits, got -1/,
  ],
  [
    '{"value":1,"timestamp":"soon"}',
    /timestamp must be a date with time and time zone, .* got 'soon'/,
  ],
  ['{"value":1,"headers":[["a"]]}', /headers as an array must hold pairs/],
  ['{"value":1,"headers":{"a":{"b":1}}}', /header a must be a string, null or/],
  ['{"value":1,"valueBase64":""}', /must have value or valueBase64, got both/],
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

test('a dead letter has the reason; of bytes that are not a record it keeps the bytes', () => {
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
  const failure = { code: 'INVALID_RECORD', message: 'it is not JSON', persisted: 'no' } as const
  assert.deepEqual(JSON.parse(unreadableLetterOf(Buffer.from([0xff]), failure, 5)), {
    rawBase64: '/w==',
    line: 5,
    error: failure,
  })
})
