// The registry for tests: ids belong to schemas, compatibility is checked as a real registry does,
// deletions are soft first, credentials are required, and faults apply to what a test names.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type RegistryTls, SchemaRegistry, type SchemaType } from '../../src/index.ts'
import { type CompatibilityLevel, SchemaRegistryServer } from '../../src/testing.ts'
import { makeCertificates } from '../certificates.ts'

const record = (...fields: object[]) => ({ type: 'record', name: 'Order', fields })
const id = { name: 'id', type: 'string' }
const total = { name: 'total', type: 'int' }
const note = { name: 'note', type: 'string', default: '' }

interface Response {
  readonly status: number
  readonly body: unknown
}

const call = async (
  { url }: SchemaRegistryServer,
  method: string,
  path: string,
  body?: object,
): Promise<Response> => {
  const response = await fetch(url + path, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: await response.json() }
}

const codeOf = ({ body }: Response): unknown => (body as { error_code?: unknown }).error_code

test('the same schema has one id in all subjects, a version in each', async () => {
  await using server = await SchemaRegistryServer.start()
  const first = await server.register('a', { schema: record(id) })
  assert.equal(await server.register('b', { schema: JSON.stringify(record(id), null, 2) }), first)
  const second = await server.register('a', { schema: record(id, note) })
  assert.notEqual(second, first)
  assert.deepEqual((await call(server, 'GET', '/subjects')).body, ['a', 'b'])
  assert.deepEqual((await call(server, 'GET', '/subjects/a/versions')).body, [1, 2])
  const { body } = await call(server, 'GET', '/subjects/a/versions/latest')
  const { guid, ...rest } = body as { guid: string }
  assert.match(guid, /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/)
  const schema = JSON.stringify(record(id, note))
  assert.deepEqual(rest, { subject: 'a', version: 2, id: second, schema })
  assert.deepEqual((await call(server, 'GET', `/schemas/ids/${second}`)).body, { schema })
  assert.deepEqual((await call(server, 'GET', `/schemas/guids/${guid}`)).body, { schema })
  assert.deepEqual((await call(server, 'GET', `/schemas/ids/${first}/versions`)).body, [
    { subject: 'a', version: 1 },
    { subject: 'b', version: 1 },
  ])
})

test('an Avro schema has one id in all the ways in which Java and others write it', async () => {
  await using server = await SchemaRegistryServer.start()
  const wrapped = {
    fields: [
      { type: { type: 'string' }, name: 'id' },
      { type: ['null', { type: 'long' }], name: 'total', default: null },
      { type: { type: 'long', logicalType: 'timestamp-millis' }, name: 'at' },
    ],
    type: 'record',
    name: 'Order',
  }
  const plain = {
    type: 'record',
    name: 'Order',
    fields: [
      { name: 'id', type: 'string' },
      { name: 'total', type: ['null', 'long'], default: null },
      { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
    ],
  }
  const first = await server.register('a', { schema: JSON.stringify(plain) })
  assert.equal(await server.register('a', { schema: JSON.stringify(wrapped) }), first)
  assert.equal(await server.register('b', { schema: '"string"' }), first + 1)
  assert.equal(await server.register('b', { schema: '{"type":"string"}' }), first + 1)
})

test('errors have the numbers of a real registry', async () => {
  await using server = await SchemaRegistryServer.start()
  await server.register('a', { schema: record(id) })
  const schema = JSON.stringify(record(id, total))
  const rejected: [method: string, path: string, body: object | undefined, code: number][] = [
    ['GET', '/subjects/none/versions/latest', undefined, 40401],
    ['GET', '/subjects/a/versions/7', undefined, 40402],
    ['GET', '/subjects/a/versions/x', undefined, 42202],
    ['GET', '/schemas/ids/99', undefined, 40403],
    ['POST', '/subjects/a', { schema }, 40403],
    ['POST', '/subjects/a/versions', { schema }, 409],
    ['POST', '/subjects/a/versions', { schema: '{"type":"recor"}' }, 42201],
    ['POST', '/subjects/a/versions', { schema: 'x', schemaType: 'PROTOBUF' }, 42201],
    ['GET', '/config/a', undefined, 40408],
    ['PUT', '/config', { compatibility: 'SOME' }, 42203],
    ['DELETE', '/subjects/a?permanent=true', undefined, 40405],
    ['GET', '/dek-registry/v1/keks', undefined, 404],
    ['GET', '/subjects/%zz/versions', undefined, 400],
  ]
  for (const [method, path, body, code] of rejected) {
    const response = await call(server, method, path, body)
    assert.equal(codeOf(response), code, `${method} ${path}: ${JSON.stringify(response)}`)
    assert.equal(response.status, code < 1000 ? code : Math.floor(code / 100))
  }
})

const proto = (fields: string, more = ''): string =>
  `syntax = "proto3"; message Order { ${fields} } ${more}`
const closed = (properties: object, more: object = {}) => ({
  type: 'object',
  properties,
  additionalProperties: false,
  ...more,
})

/** Which of backward and forward hold for a change from the first to the second schema. */
const changes: [type: SchemaType, old: string | object, added: string | object, is: string][] = [
  ['AVRO', record(id), record(id, note), 'backward forward'],
  ['AVRO', record(id), record(id, total), 'forward'],
  ['AVRO', record(id, total), record(id), 'backward'],
  ['AVRO', record(id, total), record(id, { ...total, type: 'long' }), 'backward'],
  ['AVRO', record(total), record({ ...total, type: 'string' }), ''],
  ['PROTOBUF', proto('string id = 1;'), proto('string id = 1; int32 n = 2;'), 'backward forward'],
  ['PROTOBUF', proto('int32 n = 1;'), proto('int64 n = 1;'), 'backward forward'],
  ['PROTOBUF', proto('int32 n = 1;'), proto('string n = 1;'), ''],
  ['PROTOBUF', proto('string id = 1;', 'message B {}'), proto('string id = 1;'), 'forward'],
  ['JSON', closed({ id: { type: 'string' } }), closed({ id: {}, n: {} }), 'backward'],
  ['JSON', closed({ n: { type: 'integer' } }), closed({ n: { type: 'number' } }), 'backward'],
  ['JSON', closed({ n: {} }), closed({ n: {} }, { required: ['n'] }), 'forward'],
  ['JSON', closed({ n: { enum: [1] } }), closed({ n: { enum: [1, 2] } }), 'backward'],
  ['JSON', closed({ n: { maximum: 5 } }), closed({ n: { maximum: 4 } }), 'forward'],
]

test('a new schema is checked against the old by the level of the subject', async () => {
  await using server = await SchemaRegistryServer.start()
  for (const [index, [schemaType, old, added, expected]] of changes.entries()) {
    for (const level of ['BACKWARD', 'FORWARD', 'FULL', 'NONE'] as CompatibilityLevel[]) {
      const subject = `${level}-${index}`
      await call(server, 'PUT', `/config/${subject}`, { compatibility: level })
      await server.register(subject, { schema: old, schemaType })
      const is =
        level === 'NONE' ||
        (level === 'FULL'
          ? expected === 'backward forward'
          : expected.includes(level.toLowerCase()))
      const schema = typeof added === 'string' ? added : JSON.stringify(added)
      const path = `/subjects/${subject}/versions`
      const tested = await call(server, 'POST', `/compatibility${path}/latest`, {
        schema,
        schemaType,
      })
      assert.deepEqual(tested.body, { is_compatible: is }, `change ${index}, ${level}`)
      const registered = await call(server, 'POST', path, { schema, schemaType })
      assert.equal(registered.status, is ? 200 : 409, `change ${index}, ${level}`)
    }
  }
})

test('transitive levels look at all versions', async () => {
  await using server = await SchemaRegistryServer.start()
  const steps = [
    record(id, total),
    record(id),
    record(id, { ...total, type: 'string', default: '' }),
  ]
  for (const level of ['BACKWARD', 'BACKWARD_TRANSITIVE']) {
    await call(server, 'PUT', `/config/${level}`, { compatibility: level })
    const statuses: number[] = []
    for (const schema of steps) {
      const body = { schema: JSON.stringify(schema) }
      statuses.push((await call(server, 'POST', `/subjects/${level}/versions`, body)).status)
    }
    assert.deepEqual(statuses, [200, 200, level === 'BACKWARD' ? 200 : 409])
  }
})

test('deletions are soft first, and rejected if another schema refers to it', async () => {
  await using server = await SchemaRegistryServer.start()
  await server.register('line', { schema: { type: 'record', name: 'Line', fields: [] } })
  const references = [{ name: 'Line', subject: 'line', version: 1 }]
  const schema = record({ name: 'line', type: 'Line' })
  await server.register('order', { schema, references })
  assert.equal(codeOf(await call(server, 'DELETE', '/subjects/line')), 42206)
  assert.deepEqual((await call(server, 'GET', '/subjects/line/versions/1/referencedby')).body, [2])
  assert.deepEqual((await call(server, 'DELETE', '/subjects/order')).body, [1])
  assert.equal(codeOf(await call(server, 'GET', '/subjects/order/versions/1')), 40401)
  assert.deepEqual((await call(server, 'GET', '/subjects?deleted=true')).body, ['line', 'order'])
  assert.deepEqual((await call(server, 'DELETE', '/subjects/order?permanent=true')).body, [1])
  assert.deepEqual((await call(server, 'GET', '/subjects?deleted=true')).body, ['line'])
})

test('an own certificate authority and the client’s certificate are used', async () => {
  const { ca, server: identity, client } = await makeCertificates()
  await using server = await SchemaRegistryServer.start({ tls: { ...identity, ca } })
  await server.register('a', { schema: '"string"' })
  const register = (tls: RegistryTls | undefined) =>
    new SchemaRegistry({ url: server.url, tls, retries: 0 }).version('a', 1)
  assert.equal((await register({ ca, ...client })).id, 1)
  assert.equal((await register({ ca: [Buffer.from(ca)], ...client })).id, 1)
  await assert.rejects(register(undefined), /(self-signed|unable to (get|verify)).*certificate/)
  await assert.rejects(register({ ca }), { code: 'SCHEMA_REGISTRY_UNAVAILABLE' })
  await assert.rejects(register({ ca, ...client, serverName: 'elsewhere.example' }), /elsewhere/)
})

test('a registry can require a bearer token', async () => {
  await using server = await SchemaRegistryServer.start({ auth: { token: 't0ken' } })
  await server.register('a', { schema: '"string"' })
  const { url } = server
  assert.equal((await new SchemaRegistry({ url, auth: { token: 't0ken' } }).version('a', 1)).id, 1)
  const wrong = new SchemaRegistry({ url, auth: { token: 'wrong' } })
  await assert.rejects(wrong.version('a', 1), { status: 401, registryCode: 401 })
})

test('a registry checks credentials, applies faults and restarts on its port', async () => {
  const auth = { username: 'shop', password: 'secret' }
  await using server = await SchemaRegistryServer.start({ auth })
  await server.register('a', { schema: '"string"' })
  const once = { url: server.url, retries: 0 }
  await assert.rejects(new SchemaRegistry(once).version('a', 1), { status: 401 })
  const registry = new SchemaRegistry({ ...once, auth })
  assert.equal((await registry.version('a', 1)).schema, '"string"')
  server.fail({ request: /^GET .*\/1$/, status: 503 })
  // A connection that was kept is replaced once without a word.
  server.fail({ disconnect: true, times: 2 })
  server.fail({ silent: true })
  server.fail({ body: '<html>' })
  await assert.rejects(registry.version('a', 1), { status: 503 })
  await assert.rejects(registry.version('a', 1), /socket hang up|ECONNRESET/)
  const withShortTimeout = new SchemaRegistry({ ...once, auth, requestTimeoutMs: 50 })
  await assert.rejects(withShortTimeout.version('a', 1), /no response within 50 ms/)
  await assert.rejects(registry.version('a', 1), /200 with application.*<html>/)
  server.fail({ status: 500, times: Number.POSITIVE_INFINITY })
  await assert.rejects(registry.version('a', 1), { status: 500 })
  server.clearFaults()
  await server.stop()
  await assert.rejects(registry.version('a', 1), /ECONNREFUSED/)
  await server.resume()
  assert.equal((await registry.version('a', 1)).schema, '"string"')
  assert.equal(server.requests.at(-1), 'GET /subjects/a/versions/1')
})
