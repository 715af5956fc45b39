// Writes golden.json: what Confluent's JavaScript and Python serializers make of cases.json, with
// the schema's id in front and in a header; and lets their deserializers read our bytes. They are
// not among the dependencies, so they are named:   npm install --prefix FOLDER
// @confluentinc/schemaregistry   pip install 'confluent-kafka[avro,json,protobuf,schemaregistry]'
// node packages/schema-registry/test/golden/confluent/regenerate.mjs FOLDER python3
// Confluent's Java serializers are in ../confluent-java.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const dist = resolve(here, '../../../dist')
const [folder, python = 'python3'] = process.argv.slice(2)
const theirs = createRequire(join(resolve(folder), 'index.js'))
const confluent = theirs('@confluentinc/schemaregistry')
const { createFileRegistry, fromBinary, fromJson, toJson } = theirs('@bufbuild/protobuf')
const wellKnown = theirs('@bufbuild/protobuf/wkt')
const millrace = await import(join(dist, 'index.js'))
const { SchemaRegistryServer } = await import(join(dist, 'testing.js'))

const cases = JSON.parse(readFileSync(join(here, 'cases.json'), 'utf8'))

/** Values with their tags turned into something else. */
const revive = (value, forms) => {
  if (Array.isArray(value)) return value.map((one) => revive(one, forms))
  if (typeof value !== 'object' || value === null) return value
  const [[tag, content] = ['', '']] = Object.entries(value)
  if (Object.hasOwn(forms, tag)) return forms[tag](content)
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, revive(one, forms)]))
}

const plain = {
  $long: BigInt,
  $bytes: (hex) => Buffer.from(hex, 'hex'),
  $date: (text) => new Date(text),
  $timestamp: (text) => new Date(text),
  $decimal: (text) => text,
}

const protoJson = {
  ...plain,
  $long: (text) => text,
  $bytes: (hex) => Buffer.from(hex, 'hex').toString('base64'),
  $timestamp: (text) => text,
}

const server = await SchemaRegistryServer.start({ compatibility: 'NONE' })
const client = confluent.SchemaRegistryClient.newClient({ baseURLs: [server.url] })
const registry = new millrace.SchemaRegistry({ url: server.url })

const textOf = (schema, { schemaType }) =>
  schemaType === 'PROTOBUF' ? schema : JSON.stringify(schema)

const descriptorOf = async (id, name) => {
  const response = await fetch(`${server.url}/schemas/ids/${id}?format=serialized`)
  const { schema } = await response.json()
  const file = fromBinary(wellKnown.FileDescriptorProtoSchema, Buffer.from(schema, 'base64'))
  file.name = name
  return file
}

/** Registers a case's schemas, those that it refers to first. */
const prepare = async (one) => {
  const topic = one.name
  const references = []
  const files = [wellKnown.file_google_protobuf_timestamp, wellKnown.file_google_protobuf_wrappers]
  const descriptors = []
  const add = async (subject, name, schema, refersTo) => {
    const { schemaType } = one
    const id = await server.register(subject, { schema, schemaType, references: refersTo })
    if (schemaType === 'PROTOBUF') descriptors.push(await descriptorOf(id, name))
    return id
  }
  for (const { name, schema } of one.references ?? []) {
    const subject = `${one.name}-${name}`
    await add(subject, name, textOf(schema, one), [])
    references.push({ name, subject, version: 1 })
  }
  const text = textOf(one.schema, one)
  const id = await add(`${topic}-value`, `${one.name}.proto`, text, references)
  const version = await (await fetch(`${server.url}/subjects/${topic}-value/versions/1`)).json()
  return { ...one, topic, references, text, id, guid: version.guid, files, descriptors }
}

const messageOf = ({ files, descriptors, messageType }) => {
  const set = [...files.map(({ proto }) => proto), ...descriptors]
  return createFileRegistry({
    $typeName: 'google.protobuf.FileDescriptorSet',
    file: set,
  }).getMessage(messageType)
}

const places = {
  prefix: confluent.PrefixSchemaIdSerializer,
  header: confluent.HeaderSchemaIdSerializer,
}

const theirSerializer = (one, place) => {
  const config = { useLatestVersion: true, schemaIdSerializer: places[place] }
  const kind = confluent.SerdeType.VALUE
  if (one.schemaType === 'AVRO') {
    const serializer = new confluent.AvroSerializer(client, kind, config)
    return [serializer, revive(one.value, plain)]
  }
  if (one.schemaType === 'JSON') {
    const serializer = new confluent.JsonSerializer(client, kind, { ...config, validate: true })
    return [serializer, one.value]
  }
  const message = messageOf(one)
  const serializer = new confluent.ProtobufSerializer(client, kind, {
    ...config,
    registry: theirs('@bufbuild/protobuf').createMutableRegistry(message),
  })
  return [serializer, fromJson(message, revive(one.value, protoJson))]
}

const byJavaScript = async (one) => {
  const bytes = {}
  const [prefixed, value] = theirSerializer(one, 'prefix')
  bytes.prefix = (await prefixed.serialize(one.topic, value)).toString('hex')
  const [inHeader, again] = theirSerializer(one, 'header')
  const headers = {}
  bytes.payload = (await inHeader.serialize(one.topic, again, headers)).toString('hex')
  bytes.header = Buffer.from(headers.__value_schema_id).toString('hex')
  return bytes
}

const ourBytes = async (one) => {
  const options = { registry, messageType: one.messageType }
  const make = {
    AVRO: millrace.avroSerializer,
    JSON: millrace.jsonSchemaSerializer,
    PROTOBUF: millrace.protobufSerializer,
  }[one.schemaType]
  return make(options)(revive(one.value, plain), { topic: one.topic, field: 'value' })
}

const readByJavaScript = async (one, ours) => {
  const kind = confluent.SerdeType.VALUE
  const bytes = Buffer.from(ours)
  if (one.schemaType === 'AVRO') {
    const read = await new confluent.AvroDeserializer(client, kind, {}).deserialize(
      one.topic,
      bytes,
    )
    const expected = revive(one.value, plain)
    assert.deepEqual(JSON.parse(JSON.stringify(read)), JSON.parse(JSON.stringify(expected)))
  } else if (one.schemaType === 'JSON') {
    const deserializer = new confluent.JsonDeserializer(client, kind, {})
    assert.deepEqual(await deserializer.deserialize(one.topic, bytes), one.value)
  } else {
    const deserializer = new confluent.ProtobufDeserializer(client, kind, {})
    const read = await deserializer.deserialize(one.topic, bytes)
    const message = messageOf(one)
    const expected = fromJson(message, revive(one.value, protoJson))
    assert.deepEqual(toJson(message, read), toJson(message, expected))
  }
}

const byPython = (prepared) => {
  const { toBinary } = theirs('@bufbuild/protobuf')
  const theirCases = prepared.filter((one) => !one.without?.includes('python'))
  const task = theirCases.map(
    ({ name, topic, schemaType, messageType, references, text, ...rest }) => ({
      ...{ name, topic, schemaType, messageType, references, text, value: rest.value },
      ours: Buffer.from(rest.ours).toString('hex'),
      json: revive(rest.value, protoJson),
      descriptors: rest.descriptors.map((one) =>
        Buffer.from(toBinary(wellKnown.FileDescriptorProtoSchema, one)).toString('hex'),
      ),
    }),
  )
  const input = JSON.stringify({ url: server.url, cases: task })
  return new Promise((done, fail) => {
    const child = spawnAsync(python, [join(here, 'confluent.py')], input)
    child.then((text) => done(JSON.parse(text)), fail)
  })
}

const spawnAsync = async (command, args, input) => {
  const { spawn } = await import('node:child_process')
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(input)
  let text = ''
  for await (const chunk of child.stdout) text += chunk
  return text
}

const prepared = []
for (const one of cases) {
  const ready = await prepare(one)
  prepared.push({ ...ready, ours: await ourBytes(ready) })
}
const results = await byPython(prepared)
const golden = []
for (const one of prepared) {
  const { name, id, guid } = one
  const entry = { name, id, guid }
  const python = results.find((result) => result.name === name)
  if (python !== undefined) {
    const { reads, name: _, ...bytes } = python
    assert.ok(reads, `${name}: Confluent's Python deserializer reads something else`)
    entry.python = bytes
  }
  if (!one.without?.includes('javascript')) {
    entry.javascript = await byJavaScript(one)
    await readByJavaScript(one, one.ours)
  }
  golden.push(entry)
  console.log(name, Object.keys(entry).slice(3).join(', '))
}
writeFileSync(join(here, 'golden.json'), `${JSON.stringify(golden, null, 2)}\n`)
await server.close()
