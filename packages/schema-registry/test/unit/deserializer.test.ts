// What the serializers wrote is read back: all formats, id in front or GUID in a header.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Serializer } from 'millrace'
import {
  avroSerializer,
  jsonSchemaSerializer,
  protobufSerializer,
  type RegisteredSchema,
  type SchemaRegistry,
  schemaDeserializer,
} from '../../src/index.ts'

const guid = '89791762-2336-4186-9674-299b90a802e2'

const registryOf = (schema: string, schemaType: string): SchemaRegistry => {
  const found = { id: 7, guid, schema, schemaType, references: [], writeRules: [] }
  const give = async () => found as unknown as RegisteredSchema
  const resolve = async () => []
  return { version: give, schemaById: give, schemaByGuid: give, resolve } as never
}

type Written = readonly [bytes: Uint8Array, headers: [string, unknown][]]

const write = async (serializer: Serializer<never>, value: unknown): Promise<Written> => {
  const headers: [string, unknown][] = [['__value_schema_id', 'an older one']]
  const addHeader = (name: string, content: unknown) => {
    headers.push([name, content])
  }
  const bytes = await serializer(value as never, { topic: 't', field: 'value', addHeader })
  return [bytes as Uint8Array, headers]
}

const avro = JSON.stringify({
  type: 'record',
  name: 'shop.Event',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'price', type: { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 } },
    { name: 'raw', type: ['null', 'bytes'] },
    { name: 'counts', type: { type: 'map', values: 'long' } },
    { name: 'either', type: ['int', 'double'] },
  ],
})
const avroValue = {
  id: 2n ** 60n,
  at: new Date(1),
  price: '-12.30',
  raw: Buffer.from('ab'),
  counts: { a: 1 },
  either: { double: 1.5 },
}

const proto = `syntax = "proto3"; package shop; import "google/protobuf/any.proto";
  enum Color { NONE = 0; RED = 1; }
  message Other { int32 a = 1; }
  message Event { int64 id = 1; repeated Color colors = 2; bytes raw = 3; map<string, int64> n = 4;
    string text = 5; google.protobuf.Any any = 6; }`
const protoValue = {
  id: 2n ** 60n,
  colors: ['RED'],
  raw: Buffer.from('ab'),
  n: { a: 1 },
  text: '',
  any: { typeUrl: 'example.com/shop.Other', value: Buffer.from([8, 1]) },
}

test('what was written is read back, with the id in front or the GUID in a header', async () => {
  for (const schemaIdIn of ['prefix', 'header'] as const) {
    const cases: [SchemaRegistry, (registry: SchemaRegistry) => Serializer<never>, unknown][] = [
      [registryOf(avro, 'AVRO'), (registry) => avroSerializer({ registry, schemaIdIn }), avroValue],
      [
        registryOf(proto, 'PROTOBUF'),
        (registry) => protobufSerializer({ registry, schemaIdIn, messageType: 'shop.Event' }),
        protoValue,
      ],
      [
        registryOf('{}', 'JSON'),
        (registry) => jsonSchemaSerializer({ registry, schemaIdIn }),
        { a: [1, null] },
      ],
      [
        registryOf('"bytes"', 'AVRO'),
        (registry) => avroSerializer({ registry, schemaIdIn }),
        Buffer.from('ab'),
      ],
    ]
    for (const [registry, serializer, value] of cases) {
      const [bytes, headers] = await write(serializer(registry), value)
      const deserialize = schemaDeserializer({ registry })
      const context = schemaIdIn === 'header' ? { headers } : {}
      assert.deepEqual(await deserialize(bytes, context), value)
      if (schemaIdIn === 'prefix') continue
      assert.equal(headers.length, 2)
      assert.deepEqual(await deserialize(bytes, { headers: Object.fromEntries(headers) }), value)
      assert.deepEqual(await deserialize(bytes, { headers: new Map(headers) }), value)
    }
  }
})

test('tools get what JSON can hold', async () => {
  const registry = registryOf(avro, 'AVRO')
  const [bytes] = await write(avroSerializer({ registry }), avroValue)
  const deserialize = schemaDeserializer({ registry, output: 'json' })
  assert.deepEqual(await deserialize(bytes), {
    id: '1152921504606846976',
    at: '1970-01-01T00:00:00.001Z',
    price: '-12.30',
    raw: 'YWI=',
    counts: { a: 1 },
    either: { double: 1.5 },
  })
})

test('a tombstone is null, a value without a schema id is rejected', async () => {
  const deserialize = schemaDeserializer({ registry: registryOf(proto, 'PROTOBUF') })
  assert.equal(await deserialize(null), null)
  const rejected: [number[], RegExp][] = [
    [[], /must begin with a schema's id \(0x00\) or GUID \(0x01\), got no bytes/],
    [[0x7b, 1, 2, 3, 4, 5], /got 0x7b/],
    [[0, 0, 0], /the schema's id must have 4 bytes, got 2/],
    [[1, 0, 0], /the schema's GUID must have 16 bytes, got 2/],
    [[0, 0, 0, 0, 7], /the indexes of the Protobuf message are cut off/],
    [[0, 0, 0, 0, 7, 2, 40], /no message at the indexes 20/],
    [[0, 0, 0, 0, 7, 1], /must have 0 to 100 indexes, got -1/],
    [[0, 0, 0, 0, 7, 2, 2, 8], /index out of range/],
  ]
  for (const [bytes, message] of rejected) {
    await assert.rejects(deserialize(Uint8Array.from(bytes)), message)
  }
  const ofJson = schemaDeserializer({ registry: registryOf('{}', 'JSON') })
  await assert.rejects(ofJson(Buffer.from('\0\0\0\0\u0007{"a":')), {
    name: 'TypeError',
    message: /^the value must be JSON: /,
  })
})
