// Tokens: asked for one at a time, shared, renewed ahead of their end; and the client credentials
// flow against a token endpoint of the test's own.

import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
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
  const source = new TokenSource(() => give(++calls.count), clock, 1000)
  return { clock, calls, source }
}

describe('a token source', () => {
  it('asks once for all who wait at the same time, and keeps what it gets', async () => {
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

  it('takes a new one from 80 % of the old one on', async () => {
    const { clock, source } = makeSource((count) => ({
      value: `t${count}`,
      expiresAt: clock.wallTime() + hourMs,
    }))
    await source.get()
    await clock.advance(0.81 * hourMs)
    assert.equal((await source.get()).value, 't2')
  })

  it('goes on with the old one while there is no new one, to its end', async () => {
    const { clock, source } = makeSource((count) => {
      if (count > 1) throw new Error('away')
      return { value: 't1', expiresAt: clock.wallTime() + hourMs }
    })
    await source.get()
    await clock.advance(0.9 * hourMs)
    assert.equal((await source.get()).value, 't1')
    await clock.advance(0.1 * hourMs)
    await assert.rejects(source.get(), (error) => {
      assert.ok(error instanceof SaslError && error.isPassing)
      assert.equal(error.message, 'the token provider failed: away')
      return true
    })
  })

  it('reads the end from a JWT, and asks each time where there is none', async () => {
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

  it('gives up a provider that hangs, tells it so, and asks again', async () => {
    const clock = new VirtualClock()
    const signals: AbortSignal[] = []
    const source = new TokenSource(
      ({ signal }) => {
        signals.push(signal)
        return signals.length === 1 ? new Promise(() => {}) : { value: 'second' }
      },
      clock,
      1000,
    )
    const failed = assert.rejects(source.get(), /no token within 1000 ms/)
    await clock.advance(1001)
    await failed
    assert.ok(signals[0]?.aborted)
    assert.equal((await source.get()).value, 'second')
  })

  it('refuses an answer that is no token, for good', async () => {
    const { source } = makeSource(() => ({ value: 'a b' }))
    await assert.rejects(source.get(), (error) => error instanceof SaslError && !error.isPassing)
  })
})

type Answer = (request: IncomingMessage, body: string, response: ServerResponse) => void

const withEndpoint = async (answer: Answer, body: (endpoint: string) => Promise<void>) => {
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk) => {
      text += chunk
    })
    request.on('end', () => answer(request, text, response))
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

const ask = (endpoint: string, more: object = {}) =>
  clientCredentialsProvider(
    {
      clientId: 'the client',
      clientSecret: 'hush/hush',
      tokenEndpoint: endpoint,
      scope: 'kafka',
      ...more,
    },
    systemClock,
  )({ signal: new AbortController().signal })

describe('client credentials', () => {
  it('become a token with its end and its extensions', async () => {
    const seen: string[] = []
    await withEndpoint(
      (request, body, response) => {
        seen.push(`${request.headers.authorization} ${body}`)
        respond(response, 200, { access_token: 'abc', token_type: 'bearer', expires_in: 600 })
      },
      async (endpoint) => {
        const token = await ask(endpoint, { extensions: { logicalCluster: 'lkc-1' } })
        assert.equal(token.value, 'abc')
        assert.deepEqual(token.extensions, { logicalCluster: 'lkc-1' })
        const leftMs = (token.expiresAt ?? 0) - systemClock.wallTime()
        assert.ok(leftMs > 590_000 && leftMs <= 600_000)
        await ask(endpoint, { clientAuthentication: 'post', audience: 'them' })
      },
    )
    const basic = Buffer.from('the+client:hush%2Fhush').toString('base64')
    assert.equal(seen[0], `Basic ${basic} scope=kafka&grant_type=client_credentials`)
    assert.match(seen[1] ?? '', /^undefined .*audience=them.*client_secret=hush%2Fhush/)
  })

  it('that are refused are refused for good; an endpoint in trouble may recover', async () => {
    for (const [status, isPassing] of [
      [401, false],
      [400, false],
      [503, true],
    ] as const) {
      await withEndpoint(
        (_request, _body, response) => respond(response, status, { error: 'invalid_client' }),
        async (endpoint) => {
          await assert.rejects(ask(endpoint) as Promise<unknown>, (error) => {
            assert.ok(error instanceof SaslError)
            assert.equal(error.isPassing, isPassing, error.message)
            assert.doesNotMatch(error.message, /hush/)
            assert.equal(error.cause, undefined)
            return true
          })
        },
      )
    }
    await assert.rejects(ask('http://127.0.0.1:1/token') as Promise<unknown>, (error) => {
      assert.ok(error instanceof SaslError && error.isPassing)
      return /no token from the token endpoint 127\.0\.0\.1:1: \w+/.test(error.message)
    })
  })

  it('go over TLS only, save on the machine itself', () => {
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
