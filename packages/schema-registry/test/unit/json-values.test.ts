// What a JSON Schema judges is what is written: dates, maps and long numbers are converted before,
// what JSON would drop or empty is rejected. References are found by the names that schemas use.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jsonSchemaSerializer, type SchemaReference, type SchemaRegistry } from '../../src/index.ts'

const serialize = async (
  schema: unknown,
  value: unknown,
  files: Readonly<Record<string, unknown>> = {},
): Promise<string> => {
  const registry = {
    lookUp: async () => 1,
    resolve: async (references: readonly SchemaReference[]) =>
      references.map(({ name }) => [name, JSON.stringify(files[name])]),
  } as unknown as SchemaRegistry
  const references = Object.keys(files).map((name) => ({ name, subject: name, version: 1 }))
  const text = JSON.stringify(schema)
  const serializer = jsonSchemaSerializer({ registry, schema: text, references })
  const bytes = await serializer(value, { topic: 't', field: 'value' })
  return Buffer.from(bytes as Uint8Array)
    .subarray(5)
    .toString()
}

const object = { type: 'object' }
const text = { type: 'string' }

class Money {
  readonly #units = 5
  toJSON() {
    return { units: this.#units }
  }
}

class Hidden {
  readonly #units = 5
  get units() {
    return this.#units
  }
}

test('dates, maps, instances and long numbers become JSON data before the check', async () => {
  const written: [schema: unknown, value: unknown, json: string][] = [
    [text, new Date(0), '"1970-01-01T00:00:00.000Z"'],
    [object, new Map([['a', 1]]), '{"a":1}'],
    [{ type: 'array' }, new Set([1]), '[1]'],
    [{ ...object, required: ['units'] }, new Money(), '{"units":5}'],
    [{ ...object, additionalProperties: false }, { a: undefined }, '{}'],
    [{ type: 'integer' }, 2n ** 60n, '1152921504606846976'],
    [
      { properties: { n: { minimum: 5 } } },
      { n: 2n ** 60n, s: '"' },
      '{"n":1152921504606846976,"s":"\\""}',
    ],
    [true, JSON.parse('{"__proto__":1}'), '{"__proto__":1}'],
  ]
  for (const [schema, value, json] of written) assert.equal(await serialize(schema, value), json)
})

test('a value without its validated JSON form is rejected with its path', async () => {
  const circular: { self?: object } = {}
  circular.self = circular
  const rejected: [schema: unknown, value: unknown, message: RegExp][] = [
    [object, new Date(0), /^the value must be object/],
    [object, new Hidden(), /^the value must be JSON data, got Hidden/],
    [
      true,
      { a: Promise.resolve(1) },
      /^a must be JSON data \(is an await missing\?\), got Promise/,
    ],
    [true, { a: [1, undefined] }, /^a\.1 must be JSON data, got undefined/],
    [true, { a: () => 1 }, /^a must be JSON data, got a function/],
    [true, { a: Number.NaN }, /^a must be a finite number, got NaN/],
    [true, { a: Buffer.from('a') }, /^a must be JSON data \(bytes have to be encoded as text\)/],
    [true, { a: new Date(Number.NaN) }, /^a must be a valid Date/],
    [true, new Map([[{}, 1]]), /^the keys of the value must be text, got Object/],
    [true, circular, /^self must be data without itself in it, got Object/],
    [{ properties: { n: { maximum: 5 } } }, { n: 2n ** 60n }, /^n must be <= 5/],
    [{ ...object, additionalProperties: false }, { vaule: 1 }, /must NOT have additional.*"vaule"/],
  ]
  for (const [schema, value, message] of rejected) {
    await assert.rejects(serialize(schema, value), (error: TypeError) => {
      assert.match(error.message, message)
      return error instanceof TypeError
    })
  }
})

test('relative references are found, also behind references', async () => {
  const base = 'https://example.com/schemas'
  const sku = { $id: `${base}/parts/sku.json`, type: 'string' }
  const line = { $id: `${base}/line.json`, properties: { sku: { $ref: 'parts/sku.json' } } }
  const order = { $id: `${base}/order.json`, items: { $ref: 'line.json' } }
  const { $id: _, ...anonymousSku } = sku
  const { $id: __, ...anonymousLine } = line
  const sets: Record<string, unknown>[] = [
    { 'parts/sku.json': sku, 'line.json': line },
    { 'parts/sku.json': anonymousSku, 'line.json': anonymousLine },
    { [sku.$id]: anonymousSku, [line.$id]: line },
    { 'registered-sku': sku, 'registered-line': line },
  ]
  for (const files of sets) {
    assert.equal(await serialize(order, [{ sku: 'a' }], files), '[{"sku":"a"}]')
    await assert.rejects(serialize(order, [{ sku: 5 }], files), /^TypeError: 0\.sku must be string/)
  }
})

test('each draft is validated by its own rules', async () => {
  const draft = (name: string) => `http://json-schema.org/${name}/schema#`
  const limit = { minimum: 5, exclusiveMinimum: true }
  const old = { $schema: draft('draft-04'), id: 'http://example.com/a', ...limit }
  assert.equal(await serialize(old, 6), '6')
  await assert.rejects(serialize(old, 5), /must be > 5/)
  for (const $schema of [draft('draft-06'), draft('draft-07')]) {
    const schema = { $schema, exclusiveMinimum: 5, contains: {} }
    await assert.rejects(serialize(schema, 5), /must be > 5/)
  }
  for (const $schema of ['2019-09', '2020-12']) {
    const schema = { $schema: `https://json-schema.org/draft/${$schema}/schema`, minContains: 1 }
    assert.equal(await serialize({ ...schema, dependentRequired: { a: ['b'] } }, {}), '{}')
    await assert.rejects(serialize({ ...schema, dependentRequired: { a: ['b'] } }, { a: 1 }), /b/)
  }
})

test('a schema may have thousands of properties', async () => {
  const names = Array.from({ length: 2500 }, (_, index) => `field${index}`)
  const properties = Object.fromEntries(names.map((name) => [name, { type: 'integer' }]))
  const schema = { ...object, properties, additionalProperties: false }
  assert.equal(await serialize(schema, { field2499: 1 }), '{"field2499":1}')
  await assert.rejects(
    serialize(schema, { field1: 1, field2499: 'x' }),
    /field2499 must be integer/,
  )
})
