// What the serializers write is the wire format byte by byte, and the registry receives one
// request.

import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { type KafkaError, typedTopics } from 'millrace'
import { RecordingProducer } from 'millrace/testing'
import {
  avroSerializer,
  jsonSchemaSerializer,
  protobufSerializer,
  RegistryError,
  SchemaRegistry,
  type SchemaSerializerOptions,
  schemaDeserializer,
} from '../../src/index.ts'
import { SchemaRegistryServer } from '../../src/testing.ts'

interface Order {
  readonly id: string
  readonly total: number
}

const order: Order = { id: 'a', total: 7 }

const avroSchema = {
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'total', type: 'int' },
  ],
}

const jsonSchema = {
  type: 'object',
  properties: { id: { type: 'string' }, total: { type: 'integer' } },
  required: ['id', 'total'],
}

const proto = `syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
enum Kind { NONE = 0; SOME = 1; }
message Other { string id = 1; }
message Order {
  message Line { string sku = 1; }
  message Note { string text = 1; }
  string id = 1;
  int32 total = 2;
  repeated Line lines = 3;
  Kind kind = 4;
  google.protobuf.Timestamp placed_at = 5;
}
`

let server: SchemaRegistryServer
let registry: SchemaRegistry

beforeEach(async () => {
  server = await SchemaRegistryServer.start()
  registry = new SchemaRegistry({ url: server.url, retryBackoffMs: 1 })
})

afterEach(() => server.close())

const hexOf = (producer: RecordingProducer): string[] =>
  producer.records.map(({ value }) => Buffer.from(value ?? '').toString('hex'))

const header = (id: number): string => `00${id.toString(16).padStart(8, '0')}`

test('Avro: magic byte, id, then the fields; the registry has one request', async () => {
  const id = await server.register('orders-value', { schema: JSON.stringify(avroSchema) })
  const producer = new RecordingProducer()
  const topics = typedTopics(producer, { orders: { value: avroSerializer<Order>({ registry }) } })
  const sends = [order, order, { id: 'b', total: -1 }].map((value) =>
    topics.send({ topic: 'orders', value }),
  )
  await Promise.all(sends)
  assert.deepEqual(hexOf(producer), [
    `${header(id)}02610e`,
    `${header(id)}02610e`,
    `${header(id)}026201`,
  ])
  assert.deepEqual(server.requests, ['GET /subjects/orders-value/versions/latest'])
  // Once it is known, records are serialized within the call.
  assert.equal(topics.enqueue({ topic: 'orders', value: order }), true)
  const wrong = { id: 'c', total: 'seven' } as never
  await assert.rejects(topics.send({ topic: 'orders', value: wrong }), {
    code: 'SERIALIZATION_FAILED',
    message: /: total must be an int, got "seven"$/,
  })
})

test('JSON Schema: the text after the header, rejected if it is not valid', async () => {
  const id = await server.register('orders-value', {
    schema: JSON.stringify(jsonSchema),
    schemaType: 'JSON',
  })
  const producer = new RecordingProducer()
  const topics = typedTopics(producer, {
    orders: { value: jsonSchemaSerializer<Order>({ registry }) },
  })
  await topics.send({ topic: 'orders', value: order })
  const text = Buffer.from('{"id":"a","total":7}').toString('hex')
  assert.deepEqual(hexOf(producer), [header(id) + text])
  await assert.rejects(topics.send({ topic: 'orders', value: { id: 'a', total: 1.5 } }), {
    message: /total must be integer/,
  })
})

test('Protobuf: indexes of the message are between header and bytes', async () => {
  const id = await server.register('orders-value', { schema: proto, schemaType: 'PROTOBUF' })
  const producer = new RecordingProducer()
  const subject = 'orders-value'
  const topics = typedTopics(producer, {
    first: { value: protobufSerializer<{ id: string }>({ registry, subject }) },
    second: { value: protobufSerializer<Order>({ registry, subject, messageType: 'Order' }) },
    nested: {
      value: protobufSerializer<{ text: string }>({
        registry,
        subject,
        messageType: 'shop.Order.Note',
      }),
    },
  })
  await topics.send({ topic: 'first', value: { id: 'a' } })
  await topics.send({ topic: 'second', value: order })
  const full = { lines: [{ sku: 'a' }], kind: 1, placedAt: { seconds: 5 } }
  await topics.send({ topic: 'second', value: { ...order, ...full } })
  await topics.send({ topic: 'nested', value: { text: 'a' } })
  assert.deepEqual(hexOf(producer), [
    `${header(id)}000a0161`,
    `${header(id)}02020a01611007`,
    `${header(id)}02020a016110071a030a016120012a020805`,
    `${header(id)}0402020a0161`,
  ])
  const wrong: [object, RegExp][] = [
    [{ id: 'a', total: 'x' }, /: total must be an int32, got "x"$/],
    [{ id: 'a', totel: 7 }, /: shop.Order has no field "totel". Did you mean "total"\?$/],
    [
      { id: 'a', lines: [{ sku: 'b' }, { skew: 'b' }] },
      /: lines.1: shop.Order.Line has no field "skew"/,
    ],
  ]
  for (const [value, message] of wrong) {
    await assert.rejects(topics.send({ topic: 'second', value: value as never }), { message })
  }
})

test('a schema of your own: looked up, or registered where that is allowed', async () => {
  const producer = new RecordingProducer()
  const serializer = (options: Partial<SchemaSerializerOptions>) =>
    typedTopics(producer, {
      orders: { value: avroSerializer<Order>({ registry, schema: avroSchema, ...options }) },
    })
  await assert.rejects(
    serializer({}).send({ topic: 'orders', value: order }),
    (error: KafkaError) => {
      assert.equal(error.code, 'SCHEMA_REGISTRY_REJECTED')
      assert.equal(error.kind, 'rejected')
      assert.ok(error.cause instanceof RegistryError)
      assert.equal(error.cause.registryCode, 40401)
      return true
    },
  )
  await serializer({ autoRegister: true }).send({ topic: 'orders', value: order })
  await serializer({}).send({ topic: 'orders', value: order })
  assert.deepEqual(server.requests, [
    'POST /subjects/orders-value',
    'POST /subjects/orders-value/versions',
    'POST /subjects/orders-value',
  ])
  const added = await registry.version('orders-value', 1)
  assert.deepEqual(JSON.parse(added.schema), avroSchema)
  assert.deepEqual(hexOf(producer), [`${header(1)}02610e`, `${header(1)}02610e`])
  const subject = ({ topic }: { topic: string }) => `${topic}/ä`
  await serializer({ autoRegister: true, subject }).send({ topic: 'orders', value: order })
  assert.equal(server.requests.at(-1), 'POST /subjects/orders%2F%C3%A4/versions')
  const broken = serializer({ schema: '{"type":"recor"}', autoRegister: true })
  await assert.rejects(broken.send({ topic: 'orders', value: order }))
  assert.match(server.requests.at(-1) ?? '', /%2F%C3%A4/)
})

test('references are fetched, those of references first', async () => {
  const line = { type: 'record', name: 'shop.Line', fields: [{ name: 'sku', type: 'string' }] }
  const list = { type: 'record', name: 'shop.List', fields: [{ name: 'line', type: 'shop.Line' }] }
  const whole = {
    type: 'record',
    name: 'shop.Order',
    fields: [{ name: 'list', type: 'shop.List' }],
  }
  const place = (name: string) => ({ name: `shop.${name}`, subject: name, version: 1 })
  await server.register('Line', { schema: JSON.stringify(line) })
  await server.register('List', { schema: JSON.stringify(list), references: [place('Line')] })
  await server.register('orders-value', {
    schema: JSON.stringify(whole),
    references: [place('List')],
  })
  const producer = new RecordingProducer()
  const topics = typedTopics(producer, { orders: { value: avroSerializer({ registry }) } })
  await topics.send({ topic: 'orders', value: { list: { line: { sku: 'a' } } } })
  assert.deepEqual(hexOf(producer), [`${header(3)}0261`])
})

test('a registry that fails once is tried again, one that is down fails the record', async () => {
  await server.register('orders-value', { schema: JSON.stringify(avroSchema) })
  const producer = new RecordingProducer()
  const topics = typedTopics(producer, { orders: { value: avroSerializer<Order>({ registry }) } })
  for (const status of [500, 429, 503, 500]) server.fail({ status })
  await assert.rejects(topics.send({ topic: 'orders', value: order }), (error: KafkaError) => {
    assert.equal(error.code, 'SCHEMA_REGISTRY_UNAVAILABLE')
    assert.equal(error.kind, 'retriable')
    return true
  })
  assert.equal(server.requests.length, 4)
  server.fail({ status: 500 })
  await topics.send({ topic: 'orders', value: order })
  assert.equal(producer.records.length, 1)
  const nowhere = new SchemaRegistry({ url: 'http://127.0.0.1:1', retries: 0 })
  await assert.rejects(nowhere.version('s', 'latest'), (error: RegistryError) => {
    assert.equal(error.status, 0)
    assert.match(error.message, /127\.0\.0\.1:1 did not respond to GET.*ECONNREFUSED/)
    return error.retriable
  })
  const two = new SchemaRegistry({
    url: ['http://127.0.0.1:1', server.url],
    retryBackoffMs: 1,
  })
  assert.equal((await two.version('orders-value', 'latest')).id, 1)
})

test('an outdated latest schema is requested again, and used meanwhile', async () => {
  await server.register('orders-value', { schema: JSON.stringify(avroSchema) })
  const producer = new RecordingProducer()
  const topics = typedTopics(producer, {
    orders: { value: avroSerializer<Order>({ registry, latestMaxAgeMs: 0 }) },
  })
  await topics.send({ topic: 'orders', value: order })
  const fields = [...avroSchema.fields, { name: 'note', type: 'string', default: '' }]
  await server.register('orders-value', { schema: JSON.stringify({ ...avroSchema, fields }) })
  await topics.send({ topic: 'orders', value: order })
  while (!hexOf(producer).at(-1)?.startsWith(header(2))) {
    await topics.send({ topic: 'orders', value: order })
    await new Promise((resolve) => setImmediate(resolve))
  }
  await topics.send({ topic: 'orders', value: { ...order, note: 'n' } as Order })
  assert.equal(hexOf(producer)[1], `${header(1)}02610e`)
  assert.equal(hexOf(producer).at(-1), `${header(2)}02610e026e`)
})

test('options that cannot be read are an INVALID_OPTION', () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  const given = proxy as never
  for (const call of [
    () => avroSerializer(given),
    () => jsonSchemaSerializer(given),
    () => protobufSerializer(given),
    () => schemaDeserializer(given),
  ]) {
    assert.throws(call, {
      code: 'INVALID_OPTION',
      message: /: options could not be read: .*revoked/,
    })
  }
  assert.throws(() => new SchemaRegistry(proxy as never), { code: 'INVALID_OPTION' })
  const tls = proxy as never
  assert.throws(() => new SchemaRegistry({ url: 'https://a', tls }), { code: 'INVALID_OPTION' })
})
