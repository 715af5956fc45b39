// The client of the registry: secrets stay where they belong, responses are bounded, logins are
// renewed, addresses are tried in turn, and errors say what really happened.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { gzipSync } from 'node:zlib'
import { pauseMs } from '../../src/client/registry-requests.ts'
import { RegistryError, SchemaRegistry, type SchemaRegistryOptions } from '../../src/index.ts'
import { json, serve } from './http-double.ts'

const schema = { id: 1, schema: '"string"' }
const nowhere = 'http://127.0.0.1:1'

const failureOf = async (promise: Promise<unknown>): Promise<RegistryError> => {
  const error = await promise.then(
    () => assert.fail('it did not fail'),
    (thrown) => thrown,
  )
  assert.ok(error instanceof RegistryError, inspect(error))
  return error
}

const client = (options: SchemaRegistryOptions): SchemaRegistry =>
  new SchemaRegistry({ retries: 0, retryBackoffMs: 1, ...options })

const invalid = (options: unknown, message: RegExp): void => {
  assert.throws(() => new SchemaRegistry(options as SchemaRegistryOptions), {
    code: 'INVALID_OPTION',
    message,
  })
}

const basicOf = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`

const showsNone = (shown: unknown, secrets: readonly string[]): void => {
  const text = `${inspect(shown, { depth: 10, showHidden: true })}${(shown as Error)?.stack}`
  for (const secret of secrets) {
    for (const form of [secret, encodeURIComponent(secret)]) {
      assert.ok(!text.includes(form), `${form} is shown in ${text}`)
    }
    for (const encoding of ['base64', 'base64url'] as const) {
      assert.ok(!text.includes(Buffer.from(secret).toString(encoding)), `${secret} in ${encoding}`)
    }
  }
}

test('credentials in the URL are used and never shown', async () => {
  const secrets = ['p@ss/w0rd', 'svc:p@ss/w0rd']
  const encoded = `svc:${encodeURIComponent('p@ss/w0rd')}@`
  await using good = await serve(json(schema))
  const withLogin = (url: string) => client({ url: url.replace('://', `://${encoded}`) })
  const registry = withLogin(good.url)
  assert.equal((await registry.version('a', 'latest')).id, 1)
  assert.equal(good.received[0]?.headers.authorization, basicOf('svc:p@ss/w0rd'))
  showsNone(registry, secrets)
  showsNone(await failureOf(withLogin(nowhere).version('a', 'latest')), secrets)
  await using echo = await serve((request, response) => {
    const { authorization } = request.headers
    const message = `${authorization} p@ss/w0rd ${encoded} ${JSON.stringify(secrets)}`
    json({ error_code: 40101, message }, 401)(request, response)
  })
  const rejected = await failureOf(withLogin(echo.url).version('a', 'latest'))
  assert.equal(rejected.registryCode, 40101)
  showsNone(rejected, secrets)
})

test('invalid options are rejected at once, without the secrets in them', () => {
  const url = 'http://localhost:8081'
  invalid({ url: 'localhost:8081' }, /url must be 'http:.*, got "localhost:8081"$/)
  invalid({ url: 'svc:hunter2@host' }, /got "…@host"$/)
  invalid({ url: 'ftp://a:hunter2@host' }, /got "ftp:\/\/…@host"$/)
  invalid({ url: 'http://host:8081?token=hunter2' }, /must not have a query or a fragment$/)
  invalid({ url: [] }, /at least one address/)
  invalid({}, /url must be .*, got undefined$/)
  invalid({ url: 'http://a:b@host', auth: { token: 'c' } }, /either in url or in auth, got both$/)
  invalid({ url, auth: { username: 'a', password: 'b', token: 'c' } }, /auth must have either/)
  invalid({ url, auth: { username: 'a:b', password: 'c' } }, /must not have a colon/)
  invalid({ url, tls: { ca: 'x' } }, /tls must be used with https:/)
  invalid({ url, retries: -1 }, /retries must be a number from 0 to 1000, got -1$/)
  invalid({ url, requestTimeoutMs: Number.NaN }, /requestTimeoutMs must be .*, got NaN$/)
  invalid({ url, timeout: 5 }, /unknown option "timeout"/)
  const oauth = { clientId: 'a', clientSecret: 'hunter2', tokenEndpoint: 'http://example.com/' }
  invalid({ url, auth: { oauth } }, /tokenEndpoint must begin with https/)
})

test('tokens and headers that would break a request are not shown in the error', async () => {
  const url = nowhere
  const broken: SchemaRegistryOptions[] = [
    { url, auth: { token: 'hunter2\nmore' } },
    { url, auth: { token: () => 'hunter2\nmore' } },
    { url, headers: { 'x-api-key': 'hunter2\0' } },
    { url, headers: { 'hunter 2': 'x' } },
  ]
  for (const options of broken) {
    await assert.rejects(client(options).version('a', 1), (error: Error) => {
      showsNone(error, ['hunter2'])
      return /INVALID_OPTION/.test(inspect(error))
    })
  }
})

test('a redirect is not followed, and its target is named without credentials', async () => {
  await using thief = await serve(json(schema))
  await using server = await serve((_, response) => {
    const location = `http://x:hunter2@${thief.host}/subjects?token=hunter2`
    response.writeHead(307, { location }).end()
  })
  const auth = { username: 'u', password: 'hunter2' }
  const registry = client({ url: server.url, auth, headers: { 'x-api-key': 'hunter3' } })
  const error = await failureOf(registry.register('a', { schema: '"int"', schemaType: 'AVRO' }))
  assert.match(error.message, new RegExp(`307 redirects to http://…@${thief.host}/subjects…,`))
  assert.equal(error.kind, 'rejected')
  showsNone(error, ['hunter2', 'hunter3'])
  assert.deepEqual(thief.received, [])
})

test('circular and endless references are an error', async () => {
  await using circle = await serve((request, response) => {
    const subject = request.url?.includes('/B/') ? 'A' : 'B'
    const references = [{ name: subject, subject, version: 1 }]
    json({ ...schema, references })(request, response)
  })
  const error = await failureOf(
    client({ url: circle.url }).resolve([{ name: 'A', subject: 'A', version: 1 }]),
  )
  assert.match(error.message, /must not form a cycle, got A version 1 → B version 1 → A version 1$/)
  assert.equal(error.kind, 'rejected')
  assert.equal(circle.received.length, 2)
  await using endless = await serve((request, response) => {
    const next = Number(/(\d+)$/.exec(request.url ?? '')?.[1]) + 1
    const references = [{ name: `n${next}`, subject: 'S', version: next }]
    json({ ...schema, references })(request, response)
  })
  const tooMany = client({ url: endless.url }).resolve([{ name: 'n1', subject: 'S', version: 1 }])
  assert.match((await failureOf(tooMany)).message, /at most 1000 references/)
  assert.equal(endless.received.length, 1000)
})

test('a response is read up to a limit, and only uncompressed', async () => {
  await using bomb = await serve((_, response) => {
    response.setHeader('content-encoding', 'gzip')
    response.end(gzipSync(Buffer.alloc(1e6)))
  })
  const compressed = await failureOf(client({ url: bomb.url }).version('a', 1))
  assert.match(compressed.message, /the response is compressed/)
  assert.equal(bomb.received[0]?.headers['accept-encoding'], 'identity')
  let isClosed = false
  await using flood = await serve((_, response) => {
    response.on('close', () => {
      isClosed = true
    })
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536, 0x20))) {}
    }
    response.on('drain', more)
    more()
  })
  const flooded = await failureOf(client({ url: flood.url }).version('a', 1))
  assert.match(flooded.message, /the response has more than 8388608 bytes/)
  assert.ok(isClosed || flood.received.length === 1)
})

test('text of the registry is cut, and its control characters are escaped', async () => {
  const message = '\x1b[2Jforged\n\u202e'.repeat(100_000)
  await using talker = await serve(json({ error_code: 42201, message }, 422))
  const error = await failureOf(client({ url: talker.url }).version('a', 1))
  assert.ok(error.message.length <= 1024)
  assert.match(error.message, /422 \\x1b\[2Jforged\\n\\u202e/)
  assert.equal(error.registryCode, 42201)
})

test('a page instead of JSON is an error with its status, retriable by the status', async () => {
  const page = (status: number) =>
    serve((_, response) => {
      response.writeHead(status, { 'content-type': 'text/html' }).end('<html>no</html>')
    })
  for (const [status, code] of [
    [401, 'SCHEMA_REGISTRY_REJECTED'],
    [503, 'SCHEMA_REGISTRY_UNAVAILABLE'],
    [200, 'SCHEMA_REGISTRY_REJECTED'],
  ] as const) {
    await using server = await page(status)
    const error = await failureOf(client({ url: server.url }).version('a', 1))
    assert.equal(error.status, status)
    assert.equal(error.code, code)
    assert.match(error.message, new RegExp(`: ${status} with text/html instead of the registry's`))
  }
})

test('a field of a response that is invalid is named, and text in it is not shown', async () => {
  const secret = 'p@ss/w0rd'
  const cases: [object, string][] = [
    [{ id: -1 }, 'id must be a whole number from 0 to 2147483647, got -1'],
    [{ id: secret }, 'id must be a whole number from 0 to 2147483647, got string'],
    [{ schema: { a: secret } }, 'schema must be text, got object'],
    [{ schemaType: secret }, 'schemaType must be AVRO or JSON or PROTOBUF, got string'],
    [{ references: [{ name: secret }] }, 'references must be a list with .*, got object'],
  ]
  for (const [fields, message] of cases) {
    await using server = await serve(json({ ...schema, ...fields }))
    const auth = { username: 'svc', password: secret }
    const error = await failureOf(client({ url: server.url, auth }).version('a', 'latest'))
    assert.match(
      error.message,
      new RegExp(`^the response to /subjects/a/versions/latest: ${message}$`),
    )
    showsNone(error, [secret])
  }
})

test('several addresses are tried in turn, and the one that responded stays', async () => {
  await using down = await serve(json({ error_code: 50_001, message: 'down' }, 500))
  await using up = await serve(json(schema))
  const registry = client({ url: [nowhere, down.url, up.url] })
  assert.equal((await registry.version('a', 1)).id, 1)
  assert.equal((await registry.version('b', 1)).id, 1)
  assert.equal(down.received.length, 1)
  assert.equal(up.received.length, 2)
  const none = client({ url: [nowhere, down.url], retries: 2 })
  assert.equal((await failureOf(none.version('a', 1))).code, 'SCHEMA_REGISTRY_UNAVAILABLE')
  assert.equal(down.received.length, 4)
})

test('a pause is at least as long as the registry says, and 10 s at most', () => {
  const now = Date.UTC(2026, 0, 31, 12)
  const pauses: [header: string | undefined, ms: number][] = [
    [undefined, 200],
    ['3', 3000],
    ['0', 200],
    ['3600', 10_000],
    ['Sat, 31 Jan 2026 12:00:04 GMT', 4000],
    ['Sat, 31 Jan 2026 11:00:00 GMT', 200],
    ['soon', 200],
  ]
  for (const [header, ms] of pauses) assert.equal(pauseMs(200, header, now), ms, header)
})

test('a registry that does not respond in time is unavailable', async () => {
  await using silent = await serve(() => {})
  const registry = client({ url: silent.url, requestTimeoutMs: 20 })
  const error = await failureOf(registry.version('a', 1))
  assert.match(error.message, /no response within 20 ms \(requestTimeoutMs\)/)
  assert.equal(error.code, 'SCHEMA_REGISTRY_UNAVAILABLE')
})

test('a token function is called again when its token is rejected', async () => {
  const tokens = ['old', 'new']
  await using server = await serve((request, response) => {
    const isGood = request.headers.authorization === 'Bearer new'
    json(isGood ? schema : { error_code: 40101, message: 'no' }, isGood ? 200 : 401)(
      request,
      response,
    )
  })
  const token = async () => tokens.shift() ?? 'new'
  const registry = client({ url: server.url, auth: { token } })
  assert.equal((await registry.version('a', 1)).id, 1)
  const failing = client({
    url: server.url,
    auth: {
      token: () => {
        throw new Error('no vault')
      },
    },
  })
  const error = await failureOf(failing.version('a', 1))
  assert.match(error.message, /the token function failed: no vault/)
  assert.equal(error.code, 'SCHEMA_REGISTRY_UNAVAILABLE')
  const hanging = client({
    url: server.url,
    requestTimeoutMs: 10,
    auth: { token: () => new Promise<string>(() => {}) },
  })
  assert.match((await failureOf(hanging.version('a', 1))).message, /no token within 10 ms/)
})

test('OAuth client credentials fetch a token, which is cached and renewed', async () => {
  let issued = 0
  await using authority = await serve((request, response) => {
    const token = { access_token: `token-${++issued}`, token_type: 'Bearer', expires_in: 300 }
    const isKnown = request.headers.authorization === basicOf('shop:s3cret')
    json(isKnown ? token : { error: 'invalid_client' }, isKnown ? 200 : 401)(request, response)
  })
  let accepted = 'token-1'
  await using server = await serve((request, response) => {
    const isGood = request.headers.authorization === `Bearer ${accepted}`
    json(isGood ? schema : { error_code: 40101, message: 'no' }, isGood ? 200 : 401)(
      request,
      response,
    )
  })
  const oauth = {
    clientId: 'shop',
    clientSecret: 's3cret',
    tokenEndpoint: `${authority.url}/token`,
    scope: 'schemas',
  }
  const registry = client({ url: server.url, auth: { oauth } })
  await registry.version('a', 1)
  await registry.version('b', 1)
  assert.equal(issued, 1)
  assert.equal(authority.received[0]?.body, 'scope=schemas&grant_type=client_credentials')
  accepted = 'token-2'
  await registry.version('c', 1)
  assert.equal(issued, 2)
  const wrong = client({ url: server.url, auth: { oauth: { ...oauth, clientSecret: 'wr0ng' } } })
  const error = await failureOf(wrong.version('a', 1))
  assert.match(error.message, /the token endpoint 127.* returned no token: invalid_client/)
  assert.equal(error.code, 'SCHEMA_REGISTRY_REJECTED')
  showsNone(error, ['wr0ng', 'shop:wr0ng'])
})

test('schemas by id and GUID are requested once', async () => {
  const guid = '89791762-2336-4186-9674-299b90a802e2'
  await using server = await serve(
    json({
      ...schema,
      guid,
      ruleSet: {
        domainRules: [
          { name: 'encryptPII', type: 'ENCRYPT', mode: 'WRITEREAD' },
          { name: 'reads', type: 'CEL', mode: 'READ' },
          { name: 'off', type: 'CEL', mode: 'WRITE', disabled: true },
        ],
      },
    }),
  )
  const registry = client({ url: server.url })
  const [first, second] = await Promise.all([registry.schemaById(7), registry.schemaById(7)])
  assert.equal(first, second)
  assert.equal(first.id, 7)
  assert.equal(first.guid, guid)
  assert.deepEqual(first.writeRules, ['encryptPII (ENCRYPT)'])
  assert.equal((await registry.schemaByGuid(guid)).schema, '"string"')
  assert.equal(await registry.guidOf(7), guid)
  assert.deepEqual(
    server.received.map(({ url }) => url),
    ['/schemas/ids/7', `/schemas/guids/${guid}`],
  )
})
