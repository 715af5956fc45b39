// Tokens: requested one at a time, shared, renewed ahead of their end; and the client credentials
// flow against a token endpoint of the test's own.

import assert from 'node:assert/strict'
import { generateKeyPairSync, verify } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { ClientAssertion } from '../../src/net/client-assertion.ts'
import { clientCredentialsProvider, endpointProblem } from '../../src/net/client-credentials.ts'
import { TokenSource } from '../../src/net/token-source.ts'
import { SaslError } from '../../src/protocol/sasl/mechanism.ts'
import type { OAuthToken } from '../../src/protocol/sasl/oauth-bearer.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { VirtualClock } from '../../src/runtime/virtual-clock.ts'

const hourMs = 3_600_000

const makeSource = (give: (count: number) => OAuthToken | Promise<OAuthToken>) => {
  const clock = new VirtualClock()
  const calls = { count: 0 }
  const warnings: string[] = []
  const warn = (text: string) => warnings.push(text)
  const source = new TokenSource(() => give(++calls.count), clock, 1000, warn)
  return { clock, calls, source, warnings }
}

describe('a token source', () => {
  it('calls the provider once for all concurrent callers, and caches the token', async () => {
    const { clock, calls, source } = makeSource((count) => ({
      value: `t${count}`,
      expiresAt: clock.wallTime() + hourMs,
    }))
    const tokens = await Promise.all([source.get(), source.get(), source.get()])
    assert.deepEqual(
      tokens.map(({ value }) => value),
      ['t1', 't1', 't1'],
    )
    await clock.advance(0.79 * hourMs)
    assert.equal((await source.get()).value, 't1')
    assert.equal(calls.count, 1)
  })

  it('fetches a new token after 80 % of the lifetime', async () => {
    const { clock, source } = makeSource((count) => ({
      value: `t${count}`,
      expiresAt: clock.wallTime() + hourMs,
    }))
    await source.get()
    await clock.advance(0.81 * hourMs)
    assert.equal((await source.get()).value, 't2')
  })

  it('uses the old token until it expires while there is no new one', async () => {
    const { clock, source, warnings } = makeSource((count) => {
      if (count > 1) throw new Error('away')
      return { value: 't1', expiresAt: clock.wallTime() + hourMs }
    })
    await source.get()
    await clock.advance(0.9 * hourMs)
    for (let count = 0; count < 3; count++) assert.equal((await source.get()).value, 't1')
    assert.deepEqual(warnings, ['the token provider failed: away. The earlier token stays in use'])
    await clock.advance(0.1 * hourMs)
    await assert.rejects(source.get(), (error) => {
      assert.ok(error instanceof SaslError && error.isTransient)
      assert.equal(error.message, 'the token provider failed: away')
      return true
    })
  })

  it('reads the expiration from a JWT, and caches no token without one', async () => {
    const { clock, source, calls } = makeSource((count) => {
      if (count > 2) return { value: `opaque${count}` }
      const exp = Math.floor(clock.wallTime() / 1000) + 3600
      return {
        value: `e30.${Buffer.from(JSON.stringify({ exp })).toString('base64url')}.s${count}`,
      }
    })
    const first = await source.get()
    assert.equal(await source.get(), first)
    await clock.advance(0.9 * hourMs)
    await source.get()
    await clock.advance(2 * hourMs)
    assert.equal((await source.get()).value, 'opaque3')
    assert.equal((await source.get()).value, 'opaque4')
    assert.equal(calls.count, 4)
  })

  it('aborts a provider that does not respond, notifies it, and calls it again', async () => {
    const clock = new VirtualClock()
    const signals: AbortSignal[] = []
    const source = new TokenSource(
      ({ signal }) => {
        signals.push(signal)
        return signals.length === 1 ? new Promise(() => {}) : { value: 'second' }
      },
      clock,
      1000,
      () => {},
    )
    const failed = assert.rejects(source.get(), /no token within 1000 ms/)
    await clock.advance(1001)
    await failed
    assert.ok(signals[0]?.aborted)
    assert.equal((await source.get()).value, 'second')
  })

  it('rejects a response that is not a token, without a retry', async () => {
    const { source } = makeSource(() => ({ value: 'a b' }))
    await assert.rejects(source.get(), (error) => error instanceof SaslError && !error.isTransient)
  })
})

type Handler = (request: IncomingMessage, body: string, response: ServerResponse) => void

const withEndpoint = async (handler: Handler, body: (endpoint: string) => Promise<void>) => {
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk) => {
      text += chunk
    })
    request.on('end', () => handler(request, text, response))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    await body(`http://127.0.0.1:${(server.address() as AddressInfo).port}/token`)
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

const respond = (response: ServerResponse, status: number, body: object): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

/** Requests a token, with the state of earlier requests. */
const requesterOf = (
  endpoint: string,
  more: object = {},
  warn: (text: string) => void = () => {},
) => {
  const client = { clientId: 'the client', tokenEndpoint: endpoint, scope: 'kafka' }
  const credentials = { ...client, clientSecret: 'hush/hush', ...more }
  const provider = clientCredentialsProvider(credentials, systemClock, warn)
  return () => provider({ signal: new AbortController().signal })
}

const requestToken = (endpoint: string, more: object = {}) => requesterOf(endpoint, more)()

const newKeyPem = (): string =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString()

const claimsOf = (jwt: string) =>
  JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString())

/** What the endpoint receives of a client that has these options in place of a secret. */
const formOf = async (more: object): Promise<URLSearchParams> => {
  let form = new URLSearchParams()
  await withEndpoint(
    (request, body, response) => {
      assert.equal(request.headers.authorization, undefined)
      form = new URLSearchParams(body)
      respond(response, 200, { access_token: 'abc', token_type: 'bearer', expires_in: 600 })
    },
    async (endpoint) => {
      const { value } = await requestToken(endpoint, { clientSecret: undefined, ...more })
      assert.equal(value, 'abc')
    },
  )
  return form
}

describe('a client assertion', () => {
  const assertionOf = (clientAssertion: ClientAssertion): Promise<URLSearchParams> =>
    formOf({ clientAssertion })

  it('is signed with the private key, for the token endpoint', async () => {
    for (const [type, alg] of [
      ['rsa', 'RS256'],
      ['ec', 'ES256'],
    ] as const) {
      const { privateKey, publicKey } =
        type === 'rsa'
          ? generateKeyPairSync('rsa', { modulusLength: 2048 })
          : generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
      const form = await assertionOf({ privateKey: pem, keyId: 'key-1', audience: 'them' })
      const [header = '', payload = '', signature = ''] = form.get('client_assertion')!.split('.')
      const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
      assert.deepEqual([read(header).alg, read(header).kid], [alg, 'key-1'])
      const { iss, sub, aud } = read(payload)
      assert.deepEqual([iss, sub, aud], ['the client', 'the client', 'them'])
      const key = { key: publicKey, dsaEncoding: 'ieee-p1363' as const }
      const signed = Buffer.from(`${header}.${payload}`)
      assert.ok(verify('sha256', signed, key, Buffer.from(signature, 'base64url')))
    }
  })

  it('comes from a file, which is read again for each token, or from a function', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-assertion-'))
    const file = join(folder, 'token')
    try {
      for (const jwt of ['a.b.c', 'd.e.f']) {
        await writeFile(file, `${jwt}\n`)
        const form = await assertionOf({ file })
        assert.equal(form.get('client_assertion'), jwt)
        assert.equal(form.get('client_id'), 'the client')
        assert.match(form.get('client_assertion_type')!, /client-assertion-type:jwt-bearer$/)
      }
      const form = await assertionOf(async () => 'g.h.i')
      assert.equal(form.get('client_assertion'), 'g.h.i')
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('that cannot be created is tried again, and its error shows no key', async () => {
    for (const [clientAssertion, pattern] of [
      [{ privateKey: '-----BEGIN PRIVATE KEY-----\nhush\n' }, /must be an RSA or P-256 key/],
      [{ privateKey: '/nowhere/key.pem' }, /privateKey can't be read: ENOENT/],
      [{ file: '/nowhere/token' }, /token file '\/nowhere\/token' can't be read: ENOENT/],
      [() => 'hush', /clientAssertion must return a JWT/],
      [() => 7 as never, /clientAssertion must return a string, got number/],
      [() => Promise.reject(new Error('sealed')), /clientAssertion failed: sealed/],
    ] as const) {
      await assert.rejects(assertionOf(clientAssertion), (error) => {
        assert.ok(error instanceof SaslError && error.isTransient)
        assert.match(error.message, pattern)
        assert.doesNotMatch(error.message, /hush/)
        return true
      })
    }
  })
})

describe('a key in a file', () => {
  it('that is broken leaves the earlier one in use, with one warning', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-assertion-'))
    const privateKey = join(folder, 'key.pem')
    const warnings: string[] = []
    let callCount = 0
    try {
      await writeFile(privateKey, newKeyPem())
      await withEndpoint(
        (_request, _body, response) => {
          callCount++
          respond(response, 200, { access_token: 'abc', token_type: 'bearer', expires_in: 600 })
        },
        async (endpoint) => {
          const more = { clientSecret: undefined, clientAssertion: { privateKey } }
          const requestAgain = requesterOf(endpoint, more, (text) => warnings.push(text))
          await requestAgain()
          for (const text of ['', 'half of a ke', '-----BEGIN PRIVATE KEY-----\nhush\n']) {
            await writeFile(privateKey, text)
            await requestAgain()
          }
          assert.equal(warnings.length, 1)
          assert.match(warnings[0]!, /privateKey must be an RSA .* The earlier one stays in use$/)
          await writeFile(privateKey, newKeyPem())
          await requestAgain()
          await rm(privateKey)
          await requestAgain()
          assert.equal(warnings.length, 2)
        },
      )
    } finally {
      await rm(folder, { recursive: true })
    }
    assert.equal(callCount, 6)
  })
})

describe('an assertion', () => {
  it('is exchanged for a token with the grant jwt-bearer', async () => {
    const form = await formOf({ assertion: async () => 'a.b.c' })
    assert.deepEqual(Object.fromEntries(form), {
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: 'a.b.c',
      client_id: 'the client',
      scope: 'kafka',
    })
  })

  it('is signed with claims of the caller', async () => {
    const claims = { sub: 'orders', scope: 'wide' }
    const privateKey = newKeyPem()
    const form = await formOf({ assertion: { privateKey, audience: 'them', claims } })
    const { iss, sub, aud, scope, exp, iat } = claimsOf(form.get('assertion') ?? '')
    assert.deepEqual([iss, sub, aud, scope], ['the client', 'orders', 'them', 'wide'])
    assert.ok(exp > iat)
  })
})

describe('client credentials', () => {
  it('become a token with its expiration and its extensions', async () => {
    const seen: string[] = []
    await withEndpoint(
      (request, body, response) => {
        seen.push(`${request.headers.authorization} ${body}`)
        respond(response, 200, { access_token: 'abc', token_type: 'bearer', expires_in: 600 })
      },
      async (endpoint) => {
        const token = await requestToken(endpoint, { extensions: { logicalCluster: 'lkc-1' } })
        assert.equal(token.value, 'abc')
        assert.deepEqual(token.extensions, { logicalCluster: 'lkc-1' })
        const leftMs = (token.expiresAt ?? 0) - systemClock.wallTime()
        assert.ok(leftMs > 590_000 && leftMs <= 600_000)
        await requestToken(endpoint, { clientAuthentication: 'post', audience: 'them' })
      },
    )
    const basic = Buffer.from('the+client:hush%2Fhush').toString('base64')
    assert.equal(seen[0], `Basic ${basic} scope=kafka&grant_type=client_credentials`)
    assert.match(seen[1] ?? '', /^undefined .*audience=them.*client_secret=hush%2Fhush/)
  })

  it('that are rejected fail permanently; an endpoint that returns 5xx may recover', async () => {
    for (const [status, isPassing] of [
      [401, false],
      [400, false],
      [503, true],
    ] as const) {
      await withEndpoint(
        (_request, _body, response) => respond(response, status, { error: 'invalid_client' }),
        async (endpoint) => {
          await assert.rejects(requestToken(endpoint) as Promise<unknown>, (error) => {
            assert.ok(error instanceof SaslError)
            assert.equal(error.isTransient, isPassing, error.message)
            assert.doesNotMatch(error.message, /hush/)
            assert.equal(error.cause, undefined)
            return true
          })
        },
      )
    }
    await assert.rejects(requestToken('http://127.0.0.1:1/token') as Promise<unknown>, (error) => {
      assert.ok(error instanceof SaslError && error.isTransient)
      return /the token endpoint 127\.0\.0\.1:1 returned no token: \w+/.test(error.message)
    })
  })

  it('are not sent to the target of a redirect', async () => {
    const seen: string[] = []
    const count: Handler = (request, _body, response) => {
      seen.push(request.url ?? '')
      response.writeHead(307, { location: '/elsewhere' }).end()
    }
    await withEndpoint(count, (endpoint) =>
      assert.rejects(
        requestToken(endpoint) as Promise<unknown>,
        (error) => error instanceof SaslError,
      ),
    )
    assert.deepEqual(seen, ['/token'])
  })

  it('fail after a megabyte of an endless response', async () => {
    let sent = 0
    const flood: Handler = (_request, _body, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).write('{"access_token":"')
      const more = (): void => {
        sent += 65_536
        if (!response.destroyed) response.write('x'.repeat(65_536), more)
      }
      more()
    }
    await withEndpoint(flood, (endpoint) =>
      assert.rejects(requestToken(endpoint) as Promise<unknown>, /is larger than 1048576 bytes/),
    )
    assert.ok(sent < 16 * 1024 * 1024, `${sent} bytes`)
  })

  it('are sent over TLS only, except to the machine itself', () => {
    assert.equal(endpointProblem('https://login.example/token'), null)
    assert.equal(endpointProblem('http://localhost:8080/token'), null)
    for (const endpoint of [
      'http://login.example/token',
      'ftp://localhost/',
      'login.example',
      '',
      7,
      'https://me:hush@login.example/',
    ]) {
      const problem = endpointProblem(endpoint)
      assert.equal(typeof problem, 'string', String(endpoint))
      assert.doesNotMatch(problem ?? '', /hush/)
    }
  })
})
