// Which subject and which schema a record is written with: by topic, by record, by a function that
// sees the record; several types in one topic; the latest schema or the given one; messages of
// generated code; rules that would have to be carried out.

import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { create, createFileRegistry, type DescMessage, fromBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { typedTopics } from 'millrace'
import { RecordingProducer } from 'millrace/testing'
import {
  avroSerializer,
  jsonSchemaSerializer,
  protobufSerializer,
  recordNameStrategy,
  SchemaRegistry,
  type SubjectContext,
  schemaDeserializer,
  selectSerializer,
  topicRecordNameStrategy,
} from '../../src/index.ts'
import { SchemaRegistryServer } from '../../src/testing.ts'

let server: SchemaRegistryServer
let registry: SchemaRegistry

beforeEach(async () => {
  server = await SchemaRegistryServer.start()
  registry = new SchemaRegistry({ url: server.url, retries: 0 })
})

afterEach(() => server.close())

const placed = {
  type: 'record',
  name: 'shop.Placed',
  fields: [{ name: 'id', type: 'string' }],
}
const paid = { type: 'record', name: 'shop.Paid', fields: [{ name: 'cents', type: 'long' }] }

const subjectsAsked = (): string[] => [
  ...new Set(server.requests.flatMap((one) => /\/subjects\/([^/?]+)/.exec(one)?.[1] ?? [])),
]

const valuesOf = (producer: RecordingProducer): Promise<unknown[]> => {
  const deserialize = schemaDeserializer({ registry })
  return Promise.all(
    producer.records.map(({ value, headers }) => deserialize(value as Uint8Array, { headers })),
  )
}

test('a subject is named by the topic, the record, or both', async () => {
  const producer = new RecordingProducer()
  const proto = 'syntax = "proto3"; package shop; message A {} message B { string id = 1; }'
  const titled = JSON.stringify({ title: 'Click', type: 'object' })
  const more = { registry, autoRegister: true }
  const topics = typedTopics(producer, {
    events: {
      key: avroSerializer<string>({ ...more, schema: '"string"' }),
      value: avroSerializer({ ...more, schema: placed, subject: recordNameStrategy }),
    },
    clicks: {
      value: jsonSchemaSerializer({ ...more, schema: titled, subject: topicRecordNameStrategy }),
    },
    protos: {
      value: protobufSerializer({
        ...more,
        schema: proto,
        messageType: 'B',
        subject: topicRecordNameStrategy,
      }),
    },
  })
  await topics.send({ topic: 'events', key: 'k', value: { id: 'a' } })
  await topics.send({ topic: 'clicks', value: {} })
  await topics.send({ topic: 'protos', value: { id: 'a' } })
  const expected = ['shop.Placed', 'events-key', 'clicks-Click', 'protos-shop.B']
  assert.deepEqual(subjectsAsked().sort(), expected.sort())
  const unnamed = avroSerializer({ registry, subject: recordNameStrategy })
  const wrong = typedTopics(producer, { t: { value: unnamed } })
  await assert.rejects(wrong.send({ topic: 't', value: 1 }), /a subject by record must have schema/)
})

test('a function that names the subject sees the record, its key, value and headers', async () => {
  for (const [name, schema] of Object.entries({ placed, paid })) {
    await server.register(name, { schema })
  }
  const seen: SubjectContext[] = []
  const value = avroSerializer<object>({
    registry,
    subject: (context) => {
      seen.push(context)
      return 'cents' in (context.value as object) ? 'paid' : 'placed'
    },
  })
  const producer = new RecordingProducer()
  const topics = typedTopics(producer, { events: { value } })
  const headers = { kind: 'x' }
  await topics.send({ topic: 'events', key: 'k', value: { id: 'a' }, headers })
  await topics.send({ topic: 'events', value: { cents: 2n ** 60n } })
  assert.deepEqual(await valuesOf(producer), [{ id: 'a' }, { cents: 2n ** 60n }])
  const { record, ...rest } = seen[0]!
  assert.deepEqual(record, { topic: 'events', key: 'k', value: { id: 'a' }, headers })
  assert.equal(rest.topic, 'events')
  assert.equal(rest.field, 'value')
})

test('several types in one topic, each with a serializer of its own', async () => {
  type Event = { kind: 'placed'; id: string } | { kind: 'clicked'; x: number }
  const more = { registry, autoRegister: true, subject: topicRecordNameStrategy }
  const schema = { ...placed, fields: [...placed.fields, { name: 'kind', type: 'string' }] }
  const value = selectSerializer<Event>(({ kind }) => kind, {
    placed: avroSerializer({ ...more, schema }),
    clicked: jsonSchemaSerializer({ ...more, schema: { title: 'Clicked' } }),
  })
  const producer = new RecordingProducer()
  const topics = typedTopics(producer, { events: { value } })
  await topics.send({ topic: 'events', value: { kind: 'placed', id: 'a' } })
  await topics.send({ topic: 'events', value: { kind: 'clicked', x: 1 } })
  assert.deepEqual(await valuesOf(producer), [
    { kind: 'placed', id: 'a' },
    { kind: 'clicked', x: 1 },
  ])
  await assert.rejects(
    topics.send({ topic: 'events', value: { kind: 'constructor' } as never }),
    /the serializer must be one of placed, clicked, got "constructor"/,
  )
})

test('useLatest writes with the latest schema, and requests have normalize', async () => {
  const given = { ...paid, fields: [{ name: 'cents', type: 'long', doc: 'never registered' }] }
  await server.register('t-value', { schema: paid })
  const note = { name: 'note', type: 'string', default: 'n' }
  const latest = { ...paid, fields: [...paid.fields, note] }
  const id = await server.register('t-value', { schema: latest })
  const producer = new RecordingProducer()
  const send = (options: object) => {
    const value = avroSerializer<object>({ registry, schema: given, ...options })
    return typedTopics(producer, { t: { value } }).send({ topic: 't', value: { cents: 1 } })
  }
  await assert.rejects(send({}), { code: 'SCHEMA_REGISTRY_REJECTED' })
  await send({ useLatest: true })
  assert.deepEqual(await valuesOf(producer), [{ cents: 1, note: 'n' }])
  assert.equal(Buffer.from(producer.records[0]?.value ?? '').readUInt32BE(1), id)
  await send({ normalize: true, autoRegister: true })
  assert.equal(server.requests.at(-1), 'POST /subjects/t-value/versions?normalize=true')
})

test('a latest schema with rules for writers is rejected, unless they are ignored', async () => {
  const rule = { name: 'encryptPII', kind: 'TRANSFORM', type: 'ENCRYPT', mode: 'WRITEREAD' }
  const ruleSet = { domainRules: [rule] }
  await server.register('t-value', { schema: paid, ruleSet })
  const producer = new RecordingProducer()
  const send = (options: object) => {
    const value = avroSerializer<object>({ registry, ...options })
    return typedTopics(producer, { t: { value } }).send({ topic: 't', value: { cents: 1 } })
  }
  await assert.rejects(send({}), {
    code: 'SERIALIZATION_FAILED',
    message: /must have no rules for writers \(or set ignoreRules\): encryptPII \(ENCRYPT\)/,
  })
  assert.equal(producer.records.length, 0)
  await send({ ignoreRules: true })
  assert.deepEqual(await valuesOf(producer), [{ cents: 1 }])
})

/** Descriptors as code that was generated from the files has them. */
const generated = async (): Promise<ReturnType<typeof createFileRegistry>> => {
  const line = 'syntax = "proto3"; package shop; message Line { string sku = 1; }'
  const order = `syntax = "proto3"; package shop; import "shop/line.proto";
    message Order { message Note { string text = 1; } repeated Line lines = 1; int64 cents = 2; }`
  const references = [{ name: 'shop/line.proto', subject: 'files-line', version: 1 }]
  const schemaType = 'PROTOBUF'
  const ids = [
    await server.register('files-line', { schema: line, schemaType }),
    await server.register('files-order', { schema: order, schemaType, references }),
  ]
  const file = await Promise.all(
    ids.map(async (id, index) => {
      const response = await fetch(`${server.url}/schemas/ids/${id}?format=serialized`)
      const { schema } = (await response.json()) as { schema: string }
      const found = fromBinary(FileDescriptorProtoSchema, Buffer.from(schema, 'base64'))
      return { ...found, name: ['shop/line.proto', 'shop/order.proto'][index]! }
    }),
  )
  return createFileRegistry({ $typeName: 'google.protobuf.FileDescriptorSet', file } as never)
}

test('messages of generated code are written with their own schema or the latest', async () => {
  const files = await generated()
  const [order, note] = ['shop.Order', 'shop.Order.Note'].map(
    (name) => files.getMessage(name) as DescMessage,
  )
  const producer = new RecordingProducer()
  const messages = [order!, note!] as never
  const topics = typedTopics(producer, {
    t: {
      value: protobufSerializer({
        registry,
        messages,
        autoRegister: true,
        subject: topicRecordNameStrategy,
      }),
    },
    latest: { value: protobufSerializer({ registry, messages, useLatest: true }) },
    strict: { value: protobufSerializer({ registry, messages }) },
  })
  const value = create(order!, { lines: [{ sku: 'a' }], cents: 2n ** 60n } as never)
  await topics.send({ topic: 't', value })
  await topics.send({ topic: 't', value: create(note!, { text: 'x' } as never) })
  const expected = { lines: [{ sku: 'a' }], cents: 2n ** 60n }
  assert.deepEqual(await valuesOf(producer), [expected, { text: 'x' }])
  assert.deepEqual(subjectsAsked().slice(0, 2), ['shop%2Fline.proto', 't-shop.Order'])
  await assert.rejects(topics.send({ topic: 'strict', value }), {
    code: 'SCHEMA_REGISTRY_REJECTED',
  })
  // In the latest file the message is in another place.
  const moved = `syntax = "proto3"; package shop; message Before { string a = 1; }
    message Order { message Note { string text = 1; } int64 cents = 2; }`
  await server.register('latest-value', { schema: moved, schemaType: 'PROTOBUF' })
  await topics.send({ topic: 'latest', value: create(order!, { cents: 5n } as never) })
  assert.deepEqual((await valuesOf(producer)).at(-1), { cents: 5 })
  await assert.rejects(
    topics.send({ topic: 't', value: { cents: 5n } }),
    /must be a message of shop\.Order, shop\.Order\.Note \(made by create\(\)\), got an object/,
  )
})

test('invalid options are rejected when the serializer is created', () => {
  const rejected: [options: unknown, message: RegExp][] = [
    [undefined, /options must be an object, got undefined$/],
    [{}, /registry must be a SchemaRegistry, got undefined$/],
    [{ registry: {} }, /registry must be a SchemaRegistry, got an object$/],
    [
      { registry, schemas: '"int"' },
      /unknown option "schemas"\. The options are: registry, schema/,
    ],
    [{ registry, schema: 5 }, /schema must be text or an object, got 5$/],
    [{ registry, autoRegister: 'yes' }, /autoRegister must be true or false, got "yes"$/],
    [{ registry, schemaIdIn: 'body' }, /schemaIdIn must be 'prefix' or 'header', got "body"$/],
    [
      { registry, latestMaxAgeMs: Number.NaN },
      /latestMaxAgeMs must be milliseconds from 0, got NaN/,
    ],
    [{ registry, subject: {} }, /subject must be a name or a function, got an object$/],
    [{ registry, messages: 'x' }, /messages must be an array of message descriptors, got "x"$/],
  ]
  type Make = (options: never) => unknown
  const makers: Make[] = [avroSerializer, jsonSchemaSerializer, protobufSerializer]
  for (const make of makers) {
    for (const [options, message] of rejected) {
      assert.throws(() => make(options as never), { code: 'INVALID_OPTION', message })
    }
  }
  assert.throws(() => schemaDeserializer({ registry, output: 'text' as never }), {
    code: 'INVALID_OPTION',
    message: /output must be 'values' or 'json', got "text"$/,
  })
})
