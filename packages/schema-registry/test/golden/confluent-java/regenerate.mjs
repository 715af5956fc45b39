// Writes golden.json: what Confluent's Java serializers make of ../confluent/cases.json and of
// cases.json here; and lets their deserializers read our bytes. They are not on Maven Central, so
// they are compiled from their repository github.com/confluentinc/schema-registry, of which no code
// is copied here: build.sh says how. Then:
// node packages/schema-registry/test/golden/confluent-java/regenerate.mjs FOLDER

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'

const here = fileURLToPath(new URL('.', import.meta.url))
const dist = resolve(here, '../../../dist')
const [folder] = process.argv.slice(2)
const millrace = await import(join(dist, 'index.js'))
const { SchemaRegistryServer } = await import(join(dist, 'testing.js'))
const read = (name) => JSON.parse(readFileSync(join(here, name), 'utf8'))

const textOf = (schema) => (typeof schema === 'string' ? schema : JSON.stringify(schema))

/** Values with their tags turned into something else. */
const revive = (value, forms) => {
  if (Array.isArray(value)) return value.map((one) => revive(one, forms))
  if (typeof value !== 'object' || value === null) return value
  const [[tag, content] = ['', '']] = Object.entries(value)
  if (Object.hasOwn(forms, tag)) return forms[tag](content)
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, revive(one, forms)]))
}

const bytesOf = (hex) => Buffer.from(hex, 'hex')
const asGiven = {
  ...{ $long: BigInt, $number: Number, $bytes: bytesOf, $decimal: String },
  ...{ $date: (text) => new Date(text), $timestamp: (text) => new Date(text) },
}

/** As Protobuf's JSON has them. */
const protoJson = {
  ...{ $long: String, $number: String, $timestamp: String },
  $bytes: (hex) => bytesOf(hex).toString('base64'),
}

const server = await SchemaRegistryServer.start({ compatibility: 'NONE' })
const registry = new millrace.SchemaRegistry({ url: server.url })

const makers = {
  AVRO: millrace.avroSerializer,
  JSON: millrace.jsonSchemaSerializer,
  PROTOBUF: millrace.protobufSerializer,
}

/** Registers a case's schemas, those that it refers to first, and serializes its value. */
const taskOf = async ({ name, schemaType, messageType, schema, references = [], value }) => {
  const named = []
  for (const reference of references) {
    const subject = `${name}-${reference.name}`
    const refersTo = (reference.references ?? []).map((other) => ({
      ...{ name: other, subject: `${name}-${other}`, version: 1 },
    }))
    await server.register(subject, {
      ...{ schema: textOf(reference.schema), schemaType, references: refersTo },
    })
    named.push({ name: reference.name, subject, version: 1 })
  }
  const direct = named.filter((_, index) => references[index].isIndirect !== true)
  const input = { schema: textOf(schema), schemaType, references: direct }
  const id = await server.register(`${name}-value`, input)
  const make = (schemaIdIn) => makers[schemaType]({ registry, schemaIdIn, messageType })
  const given = revive(value, asGiven)
  const headers = new Map()
  const context = { topic: name, field: 'value' }
  const addHeader = (header, content) => headers.set(header, content)
  const ours = await make('prefix')(given, context)
  const payload = await make('header')(given, { ...context, addHeader })
  const hex = (bytes) => Buffer.from(bytes).toString('hex')
  const shown = schemaType === 'PROTOBUF' ? revive(value, protoJson) : value
  return {
    ...{ name, schemaType, messageType, id, value: shown },
    ...{ ours: hex(ours), ourPayload: hex(payload) },
    ourHeader: hex(headers.get('__value_schema_id')),
  }
}

/** Jackson escapes some characters, and writes some numbers in another way. */
const isSame = (schemaType, ours, theirs) => {
  if (schemaType !== 'JSON') return ours === theirs
  const start = theirs.startsWith('00') ? 10 : 0
  const json = (hex) => JSON.parse(bytesOf(hex.slice(start)).toString())
  const isEqualStart = ours.slice(0, start) === theirs.slice(0, start)
  return isEqualStart && isDeepStrictEqual(json(ours), json(theirs))
}

const byJava = async (cases) => {
  const classPath = [join(folder, 'classes'), join(folder, 'jars/*')].join(':')
  const program = join(here, 'ConfluentBytes.java')
  const child = spawn('java', ['-cp', classPath, program], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(JSON.stringify({ url: server.url, cases }))
  let text = ''
  for await (const chunk of child.stdout) text += chunk
  return JSON.parse(text)
}

const cases = [...read('../confluent/cases.json'), ...read('cases.json')]
const tasks = []
for (const one of cases) tasks.push(await taskOf(one))
const golden = []
for (const [index, { error, reads, ...bytes }] of (await byJava(tasks)).entries()) {
  const { id, ours, ourPayload, ourHeader, schemaType } = tasks[index]
  assert.equal(error, undefined)
  const what = `${bytes.name}\n  ${ours}\n  ${bytes.prefix}`
  assert.ok(isSame(schemaType, ours, bytes.prefix), what)
  assert.ok(isSame(schemaType, ourPayload, bytes.payload), what)
  assert.equal(ourHeader, bytes.header, what)
  assert.ok(reads, `${bytes.name}: Confluent's Java deserializer reads something else`)
  golden.push({ id, ...bytes })
  console.log(bytes.name)
}
writeFileSync(join(here, 'golden.json'), `${JSON.stringify(golden, null, 2)}\n`)
await server.close()
