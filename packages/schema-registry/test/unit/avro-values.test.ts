// What callers give for Avro fields is converted or rejected with the field's name; longs keep all
// their digits, logical types have a form of their own, unions choose the branch that a value fits.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { avroSerializer, type SchemaRegistry } from '../../src/index.ts'

const registry = { lookUp: async () => 1, resolve: async () => [] } as unknown as SchemaRegistry

const serialize = async (schema: unknown, value: unknown): Promise<string> => {
  const serializer = avroSerializer({ registry, schema: JSON.stringify(schema) })
  const bytes = await serializer(value, { topic: 't', field: 'value' })
  return Buffer.from(bytes as Uint8Array)
    .subarray(5)
    .toString('hex')
}

const record = (fields: Readonly<Record<string, unknown>>, name = 'shop.Event') => ({
  type: 'record',
  name,
  fields: Object.entries(fields).map(([field, type]) => ({ name: field, type })),
})

const logical = (type: string, logicalType: string, more: object = {}) => ({
  type,
  logicalType,
  ...more,
})

test('longs beyond 2^53, bytes, maps and sets are written as they are', async () => {
  const written: [schema: unknown, value: unknown, hex: string][] = [
    ['long', 2n ** 53n + 1n, '8280808080808020'],
    ['long', -(2n ** 63n), 'ffffffffffffffffff01'],
    ['long', 5, '0a'],
    [{ type: 'long' }, 5n, '0a'],
    [['null', 'long'], 2n ** 60n, '02808080808080808020'],
    [record({ id: 'long' }), { id: 2n ** 60n }, '808080808080808020'],
    [{ type: 'map', values: 'int' }, new Map([['a', 1]]), '0202610200'],
    [{ type: 'array', items: 'int' }, new Set([1]), '020200'],
    [record({ raw: 'bytes' }), { raw: new Uint8Array([1]) }, '0201'],
    [record({ at: { type: 'fixed', name: 'F', size: 2 } }), { at: Buffer.from('ab') }, '6162'],
    // Confluent's serializers write a schema of bytes alone without Avro's length.
    ['bytes', Buffer.from('ab'), '6162'],
  ]
  for (const [schema, value, hex] of written) assert.equal(await serialize(schema, value), hex)
})

test('logical types take a Date, text or the plain form', async () => {
  const day = new Date('2024-02-29T12:00:00.001Z')
  const decimal = logical('bytes', 'decimal', { precision: 6, scale: 2 })
  const written: [schema: unknown, value: unknown, hex: string][] = [
    [logical('int', 'date'), day, '8cb502'],
    [logical('int', 'date'), new Date(-1), '01'],
    [logical('long', 'timestamp-millis'), day, '82d8e2cbbe63'],
    [logical('long', 'timestamp-millis'), 5, '0a'],
    [logical('long', 'timestamp-micros'), new Date(1), 'd00f'],
    [['null', logical('long', 'timestamp-millis')], day, '0282d8e2cbbe63'],
    [record({ a: decimal }), { a: '12.3' }, '0404ce'],
    [record({ a: decimal }), { a: -1.28 }, '0280'],
    [record({ a: decimal }), { a: 1.28 }, '040080'],
    [record({ a: { ...decimal, type: 'fixed', name: 'D', size: 4 } }), { a: '-0.01' }, 'ffffffff'],
    [
      logical('fixed', 'uuid', { name: 'U', size: 16 }),
      '00112233-4455-6677-8899-aabbccddeeff',
      '00112233445566778899aabbccddeeff',
    ],
  ]
  for (const [schema, value, hex] of written) assert.equal(await serialize(schema, value), hex)
})

const paid = record({ id: 'string' }, 'shop.Paid')
const sent = record({ id: 'string', to: 'string' }, 'shop.Sent')
const same = record({ id: 'string' }, 'shop.Same')

test('a union takes the branch that the value fits, or that it names', async () => {
  const written: [schema: unknown, value: unknown, hex: string][] = [
    [[paid, sent], { id: 'a' }, '000261'],
    [[paid, sent], { id: 'a', to: 'b' }, '0202610262'],
    [[paid, same], { 'shop.Same': { id: 'a' } }, '020261'],
    [['int', 'string', 'double'], 5, '000a'],
    [['int', 'string', 'double'], 0.5, '04000000000000e03f'],
    [['float', 'double'], 0.1, '029a9999999999b93f'],
    [['long', 'string'], '123', '0206313233'],
    [['null', { type: 'map', values: 'string' }], { map: 'x' }, '0202066d6170027800'],
    [['null', 'string'], { string: 'x' }, '020278'],
  ]
  for (const [schema, value, hex] of written) assert.equal(await serialize(schema, value), hex)
})

class Point {
  readonly #x = 1
  get x() {
    return this.#x
  }
}

test('a value that does not fit is rejected with the name of its field', async () => {
  const defaults = {
    type: 'record',
    name: 'Defaults',
    fields: [{ name: 'n', type: 'int', default: 0 }],
  }
  const rejected: [schema: unknown, value: unknown, message: RegExp][] = [
    [
      'long',
      2 ** 53,
      /^the value must be a bigint \(a number is exact only within ±2\^53\), got 90/,
    ],
    ['long', 2n ** 63n, /^the value must be a long, got 9223372036854775808n/],
    ['int', 1.5, /^the value must be an int, got 1\.5/],
    ['float', 1e39, /^the value must be a float of 32 bits/],
    ['string', '\udfff', /without lone surrogates/],
    ['boolean', 'true', /^the value must be a boolean, got "true"/],
    [record({ a: record({ b: 'int' }, 'B') }), { a: { b: 'x' } }, /^a\.b must be an int, got "x"/],
    [record({ a: defaults }), { a: new Date() }, /^a must be .*Defaults, got an instance of Date/],
    [record({ a: defaults }), { a: new Map([['n', 1]]) }, /^a must be .*, got an instance of Map/],
    [record({ a: defaults }), { a: new Point() }, /^a must be .*, got an instance of Point/],
    [defaults, { m: 1 }, /^Defaults has no field "m". Did you mean "n"\?/],
    [{ type: 'map', values: 'int' }, new Point(), /^the value must be a Map or an object/],
    [{ type: 'map', values: 'int' }, { a: undefined }, /^a must be an int, got undefined/],
    [{ type: 'array', items: 'int' }, [1, undefined], /^1 must be an int, got undefined/],
    [{ type: 'enum', name: 'E', symbols: ['A'] }, 'B', /^the value must be one of A, got "B"/],
    [
      record({ a: { type: 'fixed', name: 'F', size: 2 } }),
      { a: Buffer.alloc(3) },
      /^a must be bytes of length 2/,
    ],
    [['null', 'int'], 'x', /^the value must be an int, got "x"/],
    [['null', 'int', 'boolean'], 'x', /^the value must be one of null, int, boolean, got "x"/],
    [[paid, same], { id: 'a' }, /must be of one branch only \(name it: \{ "shop\.Paid": … \}\)/],
    [record({ a: ['null', 'int'] }), {}, /^a must be one of null, int, got undefined/],
    [logical('long', 'timestamp-millis'), new Date(Number.NaN), /^the value must be a valid Date/],
    [logical('string', 'uuid'), 'x', /^the value must be a UUID, got "x"/],
    [
      logical('bytes', 'decimal', { precision: 4, scale: 2 }),
      '1.234',
      /a decimal of 4 digits, 2 of/,
    ],
    [logical('bytes', 'decimal', { precision: 4, scale: 2 }), '123.00', /a decimal of 4 digits/],
    ['long', new Date(), /^the value must be a long, got an instance of Date/],
  ]
  for (const [schema, value, message] of rejected) {
    await assert.rejects(serialize(schema, value), (error: TypeError) => {
      assert.match(error.message, message)
      return error instanceof TypeError
    })
  }
})
