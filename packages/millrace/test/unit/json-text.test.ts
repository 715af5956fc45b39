// JSON text holds all of a value: what JSON.stringify would empty or drop is converted, or rejected
// with the field's name. `JSON.stringify` is the reference for everything else.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import vm from 'node:vm'
import fc from 'fast-check'
import { jsonSerializer, KafkaError, toJsonText, typedTopics } from '../../src/index.ts'
import { RecordingProducer } from '../../src/testing.ts'

class Point {
  readonly x = 1
  readonly y = 2
}

class Hidden {
  readonly #units = 5
  get units() {
    return this.#units
  }
}

class Copied {
  readonly units = 5
  toJSON = (): object => ({ ...this, at: new Date(0) })
}

class Tags extends Set<string> {}

const own = (fields: object): object => Object.assign(Object.create(null), fields)

test('maps, sets, long numbers and typed arrays are written with all of their content', () => {
  const written: [value: unknown, json: string][] = [
    [new Map([['a', 1]]), '{"a":1}'],
    [{ a: [{ b: new Map([[7, new Set(['x'])]]) }] }, '{"a":[{"b":{"7":["x"]}}]}'],
    [{ tags: new Tags(['x']) }, '{"tags":["x"]}'],
    [{ foreign: vm.runInNewContext('new Map([["a", new Set([1])]])') }, '{"foreign":{"a":[1]}}'],
    [{ total: 2n ** 60n, s: '"' }, '{"total":1152921504606846976,"s":"\\""}'],
    [{ vector: new Float32Array([0.5, 2]) }, '{"vector":[0.5,2]}'],
    [{ ids: new BigInt64Array([2n ** 60n]) }, '{"ids":[1152921504606846976]}'],
    [
      { at: new Date(0), p: new Point(), no: undefined },
      '{"at":"1970-01-01T00:00:00.000Z","p":{"x":1,"y":2}}',
    ],
    [new Copied(), '{"units":5,"at":"1970-01-01T00:00:00.000Z"}'],
    [[own({ a: new Map() }), {}, []], '[{"a":{}},{},[]]'],
    [{ text: new String('a'), yes: new Boolean(true) }, '{"text":"a","yes":true}'],
    [JSON.parse('{"__proto__":{"a":1},"b":1}'), '{"__proto__":{"a":1},"b":1}'],
    [new Map([['__proto__', new Set([1])]]), '{"__proto__":[1]}'],
  ]
  for (const [value, json] of written) assert.equal(toJsonText(value), json)
})

test('a value without a JSON form is rejected by the name of its field', () => {
  const circular: Record<string, unknown> = { list: Array.from({ length: 1000 }, () => ({})) }
  circular.child = [circular]
  let deep: unknown = 1
  for (let depth = 0; depth < 1001; depth++) deep = { a: deep }
  const rejected: [value: unknown, message: RegExp][] = [
    [undefined, /^the value must be JSON data, got undefined$/],
    [new Hidden(), /^the value must be JSON data, got Hidden$/],
    [{ lines: [{ price: Number.NaN }] }, /^lines\.0\.price must be a finite number, got NaN$/],
    [{ a: Number.POSITIVE_INFINITY }, /^a must be a finite number, got Infinity$/],
    [{ a: [1, undefined] }, /^a\.1 must be JSON data, got undefined$/],
    [{ a: Array(1) }, /^a\.0 must be JSON data, got undefined$/],
    [{ a: Promise.resolve(1) }, /^a must be JSON data \(is an await missing\?\), got Promise$/],
    [{ a: () => 1 }, /^a must be JSON data, got a function$/],
    [{ a: /x/ }, /^a must be JSON data, got RegExp$/],
    [{ a: new WeakMap() }, /^a must be JSON data, got WeakMap$/],
    [{ a: new Error('x') }, /^a must be JSON data, got Error$/],
    [{ a: Buffer.from('a') }, /^a must be JSON data \(bytes have to be encoded as text\), got Buf/],
    [{ a: new Uint8Array(1) }, /^a must be JSON data \(bytes .*, got Uint8Array$/],
    [{ a: new DataView(new ArrayBuffer(1)) }, /^a must be JSON data \(bytes .*, got DataView$/],
    [{ a: new ArrayBuffer(1) }, /^a must be JSON data \(bytes .*, got ArrayBuffer$/],
    [{ a: new Float64Array([Number.NaN]) }, /^a\.0 must be a finite number, got NaN$/],
    [{ a: new Date(Number.NaN) }, /^a must be a valid Date, got Date$/],
    [new Map([[{}, 1]]), /^the keys of the value must be text, got Object$/],
    [circular, /^child\.0 must be data without itself in it, got Object$/],
    [deep, /^a\.a\.a\.a\.a… must be nested at most 1000 levels$/],
    [{ 'a\x1b[2J': /x/ }, /^a\\x1b\[2J must be JSON data, got RegExp$/],
  ]
  for (const [value, message] of rejected) {
    assert.throws(
      () => toJsonText(value),
      (error: Error) => {
        assert.match(error.message, message)
        return error instanceof TypeError
      },
    )
  }
})

test('a toJSON of BigInt.prototype is called, as by JSON.stringify', () => {
  const prototype = BigInt.prototype as { toJSON?: unknown }
  prototype.toJSON = function (this: bigint) {
    return `${this}n`
  }
  try {
    assert.equal(toJsonText({ a: 5n }), '{"a":"5n"}')
  } finally {
    delete prototype.toJSON
  }
})

test('plain data is written as JSON.stringify writes it', () => {
  const plain = fc.jsonValue({ maxDepth: 6 })
  fc.assert(fc.property(plain, (value) => toJsonText(value) === JSON.stringify(value)))
  const mapped = fc.dictionary(fc.string(), fc.jsonValue())
  const both = (data: object): boolean =>
    toJsonText(new Map(Object.entries(data))) === JSON.stringify({ ...data })
  fc.assert(fc.property(mapped, both))
})

test('jsonSerializer loses nothing of a value: with a schema, and in a batch', async () => {
  const producer = new RecordingProducer()
  const schema = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value: object) => ({ value: new Map(Object.entries(value)) }),
    },
  } as const
  const topics = typedTopics(producer, {
    plain: { key: jsonSerializer(), value: jsonSerializer() },
    checked: { value: jsonSerializer(schema as never) },
  })
  const { results } = await topics.sendBatch([
    { topic: 'plain', key: new Set(['k']), value: { orders: new Map([['a', 1]]) } },
    { topic: 'plain', value: { orders: [new Hidden()] } },
    { topic: 'checked', value: { a: 1 } as never },
  ])
  assert.deepEqual(
    producer.records.map(({ key, value }) => [key?.toString(), value?.toString()]),
    [
      ['["k"]', '{"orders":{"a":1}}'],
      [undefined, '{"a":1}'],
    ],
  )
  const failed = results[1]
  assert.ok(failed instanceof KafkaError)
  assert.equal(failed.code, 'SERIALIZATION_FAILED')
  assert.match(failed.message, /: orders\.0 must be JSON data, got Hidden$/)
})
