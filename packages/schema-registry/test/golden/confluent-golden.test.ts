// What Confluent's JavaScript and Python serializers (confluent/golden.json, made by
// confluent/regenerate.mjs) and Java serializers (confluent-java/) wrote is what ours write, byte
// for byte, with the id in front and with the GUID in a header; and ours reads theirs. Their
// deserializers read ours where the files are made. The same for Apicurio's Java serializers
// (apicurio/), which write Confluent's format, too.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  avroSerializer,
  jsonSchemaSerializer,
  protobufSerializer,
  type SchemaIdPlace,
  type SchemaReference,
  SchemaRegistry,
  schemaDeserializer,
} from '../../src/index.ts'
import { SchemaRegistryServer } from '../../src/testing.ts'
import {
  apicurioGoldens,
  type GoldenBytes,
  type GoldenCase,
  goldenCases,
  goldens,
  javaCases,
  javaGoldens,
  revived,
  textOf,
} from './confluent/cases.ts'

const registerAll = async (server: SchemaRegistryServer, one: GoldenCase): Promise<number> => {
  const { name, schemaType } = one
  const references: SchemaReference[] = []
  for (const reference of one.references ?? []) {
    const subject = `${name}-${reference.name}`
    await server.register(subject, {
      schema: textOf(reference.schema, one),
      schemaType,
      references: (reference.references ?? []).map((other) => ({
        ...{ name: other, subject: `${name}-${other}`, version: 1 },
      })),
    })
    if (reference.isIndirect !== true) {
      references.push({ name: reference.name, subject, version: 1 })
    }
  }
  return server.register(`${name}-value`, {
    schema: textOf(one.schema, one),
    schemaType,
    references,
  })
}

const serializerOf = (one: GoldenCase, registry: SchemaRegistry, schemaIdIn: SchemaIdPlace) => {
  const { messageType } = one
  if (one.schemaType === 'AVRO') return avroSerializer({ registry, schemaIdIn })
  if (one.schemaType === 'JSON') return jsonSchemaSerializer({ registry, schemaIdIn })
  return protobufSerializer<never>({ registry, schemaIdIn, messageType })
}

const hexOf = (bytes: unknown): string => Buffer.from(bytes as Uint8Array).toString('hex')

/** Python writes blanks into JSON, Java's Jackson escapes some characters. */
const isSame = (ours: string, theirs: string, { schemaType }: GoldenCase): void => {
  if (schemaType !== 'JSON') {
    assert.equal(ours, theirs)
    return
  }
  const start = theirs.startsWith('00') ? 10 : 0
  assert.equal(ours.slice(0, start), theirs.slice(0, start))
  const json = (hex: string) => JSON.parse(Buffer.from(hex.slice(start), 'hex').toString())
  assert.deepEqual(json(ours), json(theirs))
}

/** Writes the value of a case both ways, and compares with what others wrote. */
const compare = async (
  registry: SchemaRegistry,
  one: GoldenCase,
  others: readonly GoldenBytes[],
): Promise<void> => {
  const deserialize = schemaDeserializer({ registry })
  const value = revived(one.value) as never
  const topic = one.name
  const prefixed = await serializerOf(one, registry, 'prefix')(value, { topic, field: 'value' })
  const headers: [string, string | Uint8Array][] = []
  const addHeader = (name: string, content: string | Uint8Array) => {
    headers.push([name, content])
  }
  const inHeader = serializerOf(one, registry, 'header')
  const payload = await inHeader(value, { topic, field: 'value', addHeader })
  const own = await deserialize(prefixed as Uint8Array)
  for (const theirs of others) {
    isSame(hexOf(prefixed), theirs.prefix, one)
    isSame(hexOf(payload), theirs.payload, one)
    assert.deepEqual(
      headers.map(([name, content]) => [name, hexOf(content)]),
      [['__value_schema_id', theirs.header]],
    )
    assert.deepEqual(await deserialize(Buffer.from(theirs.prefix, 'hex')), own)
    const context = {
      headers: [['__value_schema_id', Buffer.from(theirs.header, 'hex')]] as const,
    }
    assert.deepEqual(await deserialize(Buffer.from(theirs.payload, 'hex'), context), own)
  }
}

test('our bytes are those of Confluent’s serializers, and theirs are read', async () => {
  await using server = await SchemaRegistryServer.start({ compatibility: 'NONE' })
  const registry = new SchemaRegistry({ url: server.url })
  let compared = 0
  for (const [index, one] of goldenCases.entries()) {
    const golden = goldens[index]!
    assert.equal(golden.name, one.name)
    assert.equal(await registerAll(server, one), golden.id, one.name)
    const others = [golden.javascript, golden.python].filter((each) => each !== undefined)
    compared += others.length
    await compare(registry, one, others)
  }
  assert.ok(compared >= 20)
})

test('our bytes are those of Confluent’s Java serializers, and theirs are read', async () => {
  await using server = await SchemaRegistryServer.start({ compatibility: 'NONE' })
  const registry = new SchemaRegistry({ url: server.url })
  assert.equal(javaGoldens.length, javaCases.length)
  for (const [index, one] of javaCases.entries()) {
    const golden = javaGoldens[index]!
    assert.equal(golden.name, one.name)
    assert.equal(await registerAll(server, one), golden.id, one.name)
    await compare(registry, one, [golden])
  }
})

/** As Confluent writes it: Apicurio does not shorten the path of the first message to a 0. */
const withShortPath = (hex: string, { schemaType }: GoldenCase): string =>
  schemaType === 'PROTOBUF' ? hex.replace(/^(00.{8})0200/, '$100') : hex

test('our bytes are those of Apicurio’s Java serializers, and theirs are read', async () => {
  await using server = await SchemaRegistryServer.start({ compatibility: 'NONE' })
  const registry = new SchemaRegistry({ url: server.url })
  const deserialize = schemaDeserializer({ registry })
  for (const [index, one] of goldenCases.entries()) {
    await registerAll(server, one)
    const { name, prefix } = apicurioGoldens[index]!
    assert.equal(name, one.name)
    // Apicurio writes Avro's length before bytes that are the whole value; Confluent does not.
    if (name === 'avro-bytes-alone') continue
    const context = { topic: name, field: 'value' } as const
    const ours = await serializerOf(one, registry, 'prefix')(revived(one.value) as never, context)
    isSame(hexOf(ours), withShortPath(prefix, one), one)
    const read = await deserialize(Buffer.from(prefix, 'hex'))
    assert.deepEqual(read, await deserialize(ours as Uint8Array), name)
  }
})
