// Text that others wrote enters everywhere (options, URLs, what a registry, a proxy, a token
// endpoint or a schema says, values) and is looked for in every error, with all its causes: no
// control character, and no secret in any form in which a server may repeat it.

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import type { Serializer } from 'millrace'
import {
  avroSerializer,
  jsonSchemaSerializer,
  protobufSerializer,
  type RegisteredSchema,
  SchemaRegistry,
  type SchemaRegistryOptions,
  schemaDeserializer,
} from '../../src/index.ts'
import { json, type Respond, serve } from './http-double.ts'

const unsafe = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}\u200b\ufeff]/u
const hostile = 'a\x1b]0;t\x07\x1b[2J\u009b31m\0\r\nforged\u2028\u202e\u2066\ud800\u200b'
const secret = 'T0p 5ecret/väl:u"e%'
const base64 = (text: string): string => Buffer.from(text).toString('base64')

/** The forms in which a server may repeat the secret. */
const textForms = (text: string): readonly string[] => [
  text,
  encodeURIComponent(text),
  encodeURIComponent(text).replace(/%../g, (hex) => hex.toLowerCase()),
  new URLSearchParams({ '': text }).toString().slice(1),
  JSON.stringify(text).slice(1, -1),
  text.replaceAll('"', '&quot;'),
]

/** The secret, as it is and as in a form, behind each number of bytes that changes its base64. */
const base64Forms = (text: string): readonly string[] =>
  [text, new URLSearchParams({ '': text }).toString().slice(1)].flatMap((form) =>
    ['', 'a', 'ab'].map((before) => base64(before + form)),
  )

/** What no text may contain: of base64, the characters that are only the secret's. */
const formsOf = (text: string): readonly string[] => [
  ...textForms(text),
  ...base64Forms(text).map((form) => form.slice(4, -4)),
]

/** What a program prints or copies of a thrown value. */
const textsOf = (thrown: unknown): string[] => {
  if (!(thrown instanceof Error)) return [inspect(thrown)]
  const frames = /\n(?= +at )/
  const own = inspect(thrown, { depth: 10, showHidden: true }).split('\n')
  const copy = inspect(structuredClone(thrown), { depth: 10, showHidden: true }).split('\n')
  const printed = [thrown.message, ...(thrown.stack ?? '').split(frames), JSON.stringify(thrown)]
  const { cause } = thrown
  return [...printed, ...own, ...copy, ...(cause === undefined ? [] : textsOf(cause))]
}

const checkError = (what: string, thrown: unknown, secrets: readonly string[] = [secret]) => {
  for (const text of textsOf(thrown)) {
    assert.doesNotMatch(text, unsafe, `${what}: ${JSON.stringify(text)}`)
    assert.ok(text.length <= 8192, `${what}: ${text.length} characters`)
    for (const form of secrets.flatMap(formsOf)) {
      assert.ok(!text.includes(form), `${what} shows ${form}: ${text}`)
    }
  }
}

const failureOf = async (what: string, run: () => unknown): Promise<Error> => {
  try {
    await run()
  } catch (thrown) {
    return thrown as Error
  }
  return assert.fail(`${what} did not fail`)
}

const client = (options: SchemaRegistryOptions): SchemaRegistry =>
  new SchemaRegistry({ retries: 0, retryBackoffMs: 1, requestTimeoutMs: 5000, ...options })

const echo = [hostile, ...textForms(secret), ...base64Forms(secret), hostile].join(' ')

/** Servers that repeat what they received, in every part of a response. */
const servers: Readonly<Record<string, Respond>> = {
  'a message': json({ error_code: 40101, message: echo }, 401),
  'a long message': json({ error_code: 40101, message: `${'x'.repeat(990)}${secret}` }, 401),
  'a page': (_, response) => {
    response.writeHead(403, { 'content-type': 'text/html; \u009b31m' }).end(`<html>${echo}`)
  },
  'a page cut within the secret': (_, response) => {
    response.writeHead(502).end(`${'x'.repeat(195)}${secret}${secret}`)
  },
  'a redirect': (_, response) => {
    const name = encodeURIComponent(secret)
    const location = `http://u:${name}@a.example/${name}?token=${name}#${base64(secret)}`
    response.writeHead(307, { location }).end()
  },
  'a redirect with a wrong address': (_, response) => {
    const location = Buffer.from(`//u:${secret}/@p@a.example/?${secret}\u009b`).toString('latin1')
    response.writeHead(302, { location }).end()
  },
  'the headers it received': (request, response) => {
    const message = `${JSON.stringify(request.headers)} ${inspect(request)}`
    json({ error_code: 1, message }, 422)(request, response)
  },
  'bytes that are not HTTP': (_, response) => {
    response.socket?.end(`${secret} ${hostile}\r\n\r\n`)
  },
  'an unexpected field': json({ id: hostile, message: echo, schema: echo }),
  'a reference': (request, response) => {
    const reference = { name: hostile, subject: hostile, version: 1 }
    json({ id: 1, schema: '"int"', references: [reference] })(request, response)
  },
}

const withLogin = (url: string): Readonly<Record<string, SchemaRegistryOptions>> => ({
  'a password': { url, auth: { username: 'u', password: secret } },
  'a password in the URL': {
    url: url.replace('//', `//u:${encodeURIComponent(secret)}@`),
  },
  'a token in the URL': { url: url.replace('//', `//${encodeURIComponent(secret)}@`) },
  'a header': { url, headers: { 'X-Api-Key': secret } },
  'an authorization header': {
    url,
    headers: { authorization: `Basic ${base64(`u:${secret}`)}` },
  },
  'a token function that throws': {
    url,
    auth: {
      token: () => {
        throw new Error(hostile)
      },
    },
  },
})

describe('a server that repeats a secret', () => {
  for (const [what, respond] of Object.entries(servers)) {
    test(`in ${what}`, async () => {
      await using server = await serve(respond)
      for (const [how, options] of Object.entries(withLogin(server.url))) {
        const registry = client(options)
        for (const call of [
          () => registry.version(hostile.replace('\ud800', ''), 'latest').then(circleOf(registry)),
          () => registry.schemaById(1).then(circleOf(registry)),
          () => registry.schemaByGuid('g').then(circleOf(registry)),
          () => registry.register('s', { schema: '"int"', schemaType: 'AVRO' }),
        ]) {
          const thrown = await failureOf(how, call).catch((error) => error)
          if (!/did not fail/.test(thrown.message)) checkError(`${what}, ${how}`, thrown)
        }
      }
    })
  }

  test('at a token endpoint', async () => {
    const reply: Record<string, Respond> = {
      'an error': json({ error: secret, error_description: echo }, 401),
      'a longer error': json({ error: echo, error_uri: echo }, 400),
      'a page': servers['a page']!,
      'a token of another type': json({ access_token: secret, token_type: hostile }),
      'a token that no header takes': json({ access_token: hostile, token_type: 'Bearer' }),
      'the headers it received': servers['the headers it received']!,
      'no HTTP': servers['bytes that are not HTTP']!,
    }
    await using registry = await serve(json({ error_code: 1, message: echo }, 500))
    for (const [what, respond] of Object.entries(reply)) {
      await using authority = await serve((request, response) => {
        const body = `${request.headers.authorization} ${request.body}`
        if (what === 'an error') json({ error: `${body} ${secret}` }, 401)(request, response)
        else respond(request, response)
      })
      for (const clientAuthentication of ['basic', 'post'] as const) {
        const oauth = {
          clientId: 'c',
          clientSecret: secret,
          tokenEndpoint: `${authority.url}/token`,
          clientAuthentication,
        }
        const { version } = { version: client({ url: registry.url, auth: { oauth } }) }
        checkError(what, await failureOf(what, () => version.version('s', 1)))
      }
    }
  })
})

/** Follows the references of a schema that was found. */
const circleOf = (registry: SchemaRegistry) => (found: RegisteredSchema) =>
  registry.resolve(found.references)

test('options that are wrong are named without a secret and without a control character', () => {
  const url = 'https://host:8081'
  const wrong: readonly object[] = [
    { url: `u:${secret}@host` },
    { url: `http://u:${secret}@host:port` },
    { url: `ftp://u:${encodeURIComponent(secret)}@host` },
    { url: `http://u:${encodeURIComponent(`${secret}@host`)}` },
    { url: `host:8081?apikey=${secret}` },
    { url: `${hostile}@${hostile}` },
    { url: [`http://u:${encodeURIComponent(secret)}@a`, 'nothing'], auth: { token: secret } },
    { url, auth: { username: `u:${secret}`, password: secret } },
    { url, auth: { username: 'u', password: secret, token: secret } },
    { url, auth: { [hostile]: secret } },
    { url, auth: { token: 7 } },
    { url, auth: { oauth: { clientId: 'c', clientSecret: secret, tokenEndpoint: secret } } },
    {
      url,
      auth: {
        oauth: {
          clientId: 'c',
          clientSecret: secret,
          tokenEndpoint: `https://c:${encodeURIComponent(secret)}@host/token`,
        },
      },
    },
    { url, headers: { [hostile]: secret } },
    { url, requestTimeoutMs: hostile },
    { url, [hostile]: secret },
    { url: 'http://host', tls: { key: secret } },
  ]
  for (const options of wrong) {
    try {
      new SchemaRegistry(options as SchemaRegistryOptions)
    } catch (error) {
      checkError(JSON.stringify(options), error)
      continue
    }
    // Headers are checked with the first request.
    assert.ok('headers' in options, JSON.stringify(options))
  }
  assert.match(
    (() => {
      try {
        return String(new SchemaRegistry({ url: 'localhost:8081' }))
      } catch (error) {
        return String(error)
      }
    })(),
    /got "localhost:8081"/,
  )
})

test('headers and keys that can not be used fail without their values', async () => {
  for (const options of [
    { url: 'http://127.0.0.1:1', headers: { [hostile]: secret } },
    { url: 'http://127.0.0.1:1', headers: { key: `${secret}\0` } },
    { url: 'http://127.0.0.1:1', auth: { token: `${secret}\n` } },
    { url: 'https://127.0.0.1:1', tls: { key: secret, cert: secret } },
    {
      url: 'https://127.0.0.1:1',
      tls: { ca: `-----BEGIN CERTIFICATE-----\n${secret}\n-----END CERTIFICATE-----` },
    },
  ]) {
    const registry = client(options as SchemaRegistryOptions)
    checkError('options', await failureOf('it', () => registry.version('s', 1)))
  }
})

test('schemas and values with hostile names are refused in printable errors', async () => {
  const schemas: Readonly<Record<string, readonly string[]>> = {
    AVRO: [
      hostile,
      JSON.stringify({ type: hostile }),
      JSON.stringify({ type: 'record', name: 'R', fields: [{ name: hostile, type: 'int' }] }),
      JSON.stringify({ type: 'enum', name: 'E', symbols: ['A'], doc: hostile }),
    ],
    JSON: [
      hostile,
      JSON.stringify({ type: 'object', required: [hostile], additionalProperties: false }),
      JSON.stringify({ properties: { [hostile]: { type: 'integer' } } }),
      JSON.stringify({ const: hostile, title: hostile }),
      JSON.stringify({ $ref: hostile }),
    ],
    PROTOBUF: [
      hostile,
      `syntax = "proto3"; import "${hostile.replace(/[\r\n]/g, '')}"; message M { int32 a = 1; }`,
      'syntax = "proto3"; message M { int32 a = 1; }',
    ],
  }
  const serializers = {
    AVRO: avroSerializer,
    JSON: jsonSchemaSerializer,
    PROTOBUF: protobufSerializer,
  }
  const values = [{ [hostile]: hostile }, hostile, { a: { [hostile]: [hostile] } }, { a: hostile }]
  for (const [schemaType, texts] of Object.entries(schemas)) {
    for (const schema of texts) {
      await using server = await serve(json({ id: 1, guid: hostile, schema, schemaType }))
      const registry = client({ url: server.url })
      const make = serializers[schemaType as 'AVRO'] as (options: object) => Serializer<unknown>
      for (const value of values) {
        for (const more of [
          { useLatest: true },
          { schema },
          { useLatest: true, schemaIdIn: 'header' },
        ]) {
          try {
            const serialize = make({ registry, ...more })
            await serialize(value, { topic: 't', field: 'value' })
          } catch (error) {
            checkError(`${schemaType} ${schema}`, error)
          }
        }
      }
      const read = schemaDeserializer({ registry })
      for (const bytes of [
        [0, 0, 0, 0, 1, 9, 9, 9],
        [0, 0, 0, 0, 1],
        [7, 7],
      ]) {
        await read(Buffer.from(bytes), { headers: [] } as never).catch((error) =>
          checkError(`read ${schemaType}`, error),
        )
      }
    }
  }
})

/** A folder of this package, whether the test runs from its source or from dist. */
const packageFolder = (name: string): string => {
  let folder = new URL('.', import.meta.url)
  while (!existsSync(new URL('package.json', folder))) folder = new URL('..', folder)
  return fileURLToPath(new URL(name, folder))
}

test('every TypeError of the package has an escaped message', async () => {
  const folder = packageFolder('src')
  const names = await readdir(folder, { recursive: true })
  for (const name of names.filter((each) => each.endsWith('.ts'))) {
    if (/registry-text\.ts$|testing/.test(name)) continue
    const source = await readFile(join(folder, name), 'utf8')
    assert.doesNotMatch(source, /new (?:Type|Range)?Error\(`[^`]*\$\{(?!\w*(?:Max|Ms)\b)/, name)
  }
})
