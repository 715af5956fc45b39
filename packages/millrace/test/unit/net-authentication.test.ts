// Authentication of a connection, and again on the live one, under virtual time.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SaslMechanism } from '../../src/protocol/sasl/mechanism.ts'
import { SaslError } from '../../src/protocol/sasl/mechanism.ts'
import { PasswordCredentials } from '../../src/protocol/sasl/password-credentials.ts'
import { PlainMechanism } from '../../src/protocol/sasl/plain.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import { type SceneOptions, startScene, summaryOf } from './net-connection-fixture.ts'
import {
  type AuthenticateOutcome,
  SaslBroker,
  saslAuthenticateKey,
  saslHandshakeKey,
} from './net-sasl-broker.ts'

const plain = new PlainMechanism(new PasswordCredentials('alice', 'wonderland', () => {}))

const start = async (
  broker: SaslBroker,
  mechanism: SaslMechanism = plain,
  connection: SceneOptions['connection'] = {},
) => {
  const sasl = { mechanism, random: seededRandom(7) }
  const scene = await startScene({ broker, connection: { sasl, ...connection } })
  return { ...scene, broker }
}

/** Responds to every request after so long, to those that are not SASL with their own bytes. */
const echoAfter = (scene: Awaited<ReturnType<typeof start>>, delayMs: number): void => {
  scene.broker.later = (send) => void scene.clock.setTimer(delayMs, send)
  scene.broker.onOther = (request) => {
    scene.broker.later(() => scene.broker.respond(request, request.rest))
  }
}

describe('authenticating a connection', () => {
  it('comes after the versions, and before the connection is ready', async () => {
    const broker = new SaslBroker()
    const scene = await start(broker)
    await scene.ready()
    assert.deepEqual(broker.keys, [saslHandshakeKey, saslAuthenticateKey])
    assert.deepEqual(broker.tokens, ['\0alice\0wonderland'])
    assert.equal(scene.connection.step, 'sasl')
  })

  it('fails permanently if the broker rejects it, with its message, without secrets', async () => {
    const broker = new SaslBroker()
    broker.onToken = () => ({ errorCode: 58, errorMessage: 'no user with wonderland here' })
    const { clock, closeErrors, connection } = await start(broker)
    await clock.runUntilIdle()
    const [error] = closeErrors
    assert.equal(error?.code, 'AUTHENTICATION_FAILED')
    assert.equal(error.retriable, false)
    assert.equal(error.step, 'sasl')
    assert.equal(error.brokerError, 'SASL_AUTHENTICATION_FAILED')
    assert.match(error.message, /the broker says: no user with \[secret\] here/)
    assert.equal(connection.step, 'sasl')
    assert.equal(clock.pendingTimers, 0)
  })

  it('names what the broker offers where it lacks the mechanism', async () => {
    const broker = new SaslBroker()
    broker.handshakeError = 33
    broker.mechanisms = ['SCRAM-SHA-512', 'GSSAPI', '\u001b[31mred']
    const { clock, closeErrors } = await start(broker)
    await clock.runUntilIdle()
    assert.equal(closeErrors[0]?.code, 'AUTHENTICATION_FAILED')
    assert.match(closeErrors[0].message, /does not offer PLAIN: it offers SCRAM-SHA-512, GSSAPI \(/)
  })

  it('says that a listener without SASL has none', async () => {
    const broker = new SaslBroker()
    broker.handshakeError = 34
    const { clock, closeErrors } = await start(broker)
    await clock.runUntilIdle()
    assert.match(closeErrors[0]?.message ?? '', /does not authenticate: remove the option sasl/)
  })

  it('waits for a token within a limit, and notifies the mechanism when it ends', async () => {
    let signal: AbortSignal | undefined
    const mechanism: SaslMechanism = {
      name: 'TEST',
      createSession: (context) => {
        signal = context.signal
        return { next: () => new Promise(() => {}) }
      },
    }
    const { clock, closeErrors } = await start(new SaslBroker(), mechanism)
    await clock.runUntilIdle()
    assert.equal(closeErrors[0]?.code, 'AUTHENTICATION_FAILED')
    assert.equal(closeErrors[0].kind, 'retriable')
    assert.match(closeErrors[0].message, /no credentials within 1000 ms \(connectTimeoutMs\)/)
    assert.ok(signal?.aborted)
  })

  it('passes on the message of an error that a mechanism throws, never the error', async () => {
    const thrown = Object.assign(new Error('the signer is away'), { config: { secret: 'hush' } })
    const mechanism: SaslMechanism = {
      name: 'TEST',
      createSession: () => ({
        next: () => {
          throw thrown
        },
      }),
    }
    const { clock, closeErrors } = await start(new SaslBroker(), mechanism)
    await clock.runUntilIdle()
    assert.match(closeErrors[0]?.message ?? '', /TEST failed at .*: the signer is away/)
    assert.equal(closeErrors[0]?.cause, undefined)
  })

  it('ends an exchange after a bounded number of messages', async () => {
    const mechanism: SaslMechanism = {
      name: 'TEST',
      createSession: () => ({ next: () => Uint8Array.of(1) }),
    }
    const broker = new SaslBroker()
    const { clock, closeErrors } = await start(broker, mechanism)
    await clock.runUntilIdle()
    assert.match(closeErrors[0]?.message ?? '', /no end after 16 messages/)
    assert.equal(broker.tokens.length, 16)
  })

  it('ends an exchange that the broker continues slowly within requestTimeoutMs', async () => {
    const mechanism: SaslMechanism = {
      name: 'TEST',
      createSession: () => ({ next: () => Uint8Array.of(1) }),
    }
    const broker = new SaslBroker()
    const { clock, closeErrors } = await start(broker, mechanism)
    broker.later = (send) => void clock.setTimer(150, send)
    await clock.runUntil(() => closeErrors.length > 0, 600)
    const [error] = closeErrors
    assert.deepEqual(
      [error?.code, error?.step, error?.retriable, error?.message],
      [
        'REQUEST_TIMEOUT',
        'sasl',
        true,
        'broker:9092 (node 1) did not end the SASL exchange within 500 ms (requestTimeoutMs)',
      ],
    )
    assert.equal(broker.tokens.length, 3)
  })

  it('names the request if the broker does not respond to the first one', async () => {
    const broker = new SaslBroker()
    broker.later = () => {}
    const { clock, closeErrors } = await start(broker)
    await clock.runUntilIdle()
    assert.match(closeErrors[0]?.message ?? '', /did not respond to SaslHandshake within 500 ms/)
  })

  it('limits the time of an exchange, not that of the credentials before it', async () => {
    const broker = new SaslBroker()
    const mechanism: SaslMechanism = {
      name: 'TEST',
      createSession: () => ({
        next: (challenge) =>
          challenge.length > 0
            ? null
            : new Promise((resolve) => scene.clock.setTimer(900, () => resolve(Buffer.from('x')))),
      }),
    }
    broker.onToken = () => ({ bytes: 'ok' })
    const scene = await start(broker, mechanism)
    await scene.ready()
    scene.connection.close()
  })

  it('reports nothing when it is closed in between', async () => {
    const broker = new SaslBroker()
    broker.onToken = () => null
    const scene = await start(broker)
    await scene.clock.runUntil(() => broker.tokens.length === 1, 1000)
    scene.connection.close()
    await scene.clock.runUntilIdle()
    assert.deepEqual(scene.closeErrors, [null])
    assert.equal(scene.clock.pendingTimers, 0)
  })
})

const lifetimeMs = 10_000

const liveScene = async (mechanism?: SaslMechanism, response: AuthenticateOutcome = {}) => {
  const broker = new SaslBroker()
  broker.onToken = () => ({ sessionLifetimeMs: lifetimeMs, ...response })
  const scene = await start(broker, mechanism, { requestTimeoutMs: 60_000 })
  echoAfter(scene, 20)
  await scene.ready()
  return scene
}

describe('authenticating again on a live connection', () => {
  it('happens at 85 to 95 % of the session, at times that differ', async () => {
    const parts: number[] = []
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      const broker = new SaslBroker()
      broker.onToken = () => ({ sessionLifetimeMs: lifetimeMs })
      const sasl = { mechanism: plain, random: seededRandom(seed) }
      const { clock, connection } = await startScene({ broker, connection: { sasl } })
      await clock.runUntil(() => connection.state === 'ready', 1000)
      const readyAtMs = clock.now()
      await clock.runUntil(() => broker.tokens.length === 2, lifetimeMs)
      parts.push((clock.now() - readyAtMs) / lifetimeMs)
      connection.close()
    }
    assert.ok(Math.min(...parts) > 0.84 && Math.max(...parts) < 0.96, String(parts))
    assert.ok(new Set(parts.map((part) => part.toFixed(2))).size > 2, String(parts))
  })

  it('loses and reorders nothing under load', async () => {
    const scene = await liveScene()
    const names: string[] = []
    let sending = true
    const sendNext = (): void => {
      if (!sending) return
      const name = `r${names.length}`
      names.push(name)
      scene.send(name)
      scene.clock.setTimer(3, sendNext)
    }
    sendNext()
    await scene.clock.runUntil(() => scene.broker.tokens.length === 6, 6 * lifetimeMs)
    sending = false
    await scene.clock.runUntil(() => scene.outcomes.length === names.length, 1000)
    assert.deepEqual(
      summaryOf(scene.outcomes),
      names.map((name) => `${name}: ${name}`),
    )
    // Between the two halves of an exchange nothing else arrived.
    const { keys } = scene.broker
    for (const [index, key] of keys.entries()) {
      if (key === saslHandshakeKey) assert.equal(keys[index + 1], saslAuthenticateKey)
    }
    assert.equal(scene.connection.state, 'ready')
    assert.equal(scene.broker.streams.length, 1)
    scene.connection.close()
  })

  it('lets requests in flight end, and holds later ones', async () => {
    const scene = await liveScene()
    let token: (() => void) | undefined
    scene.broker.onToken = (_, request) => {
      token = () => scene.broker.respond(request, Buffer.from('00'))
      return null
    }
    await scene.clock.runUntil(() => scene.connection.muted, lifetimeMs)
    scene.send('held')
    await scene.clock.runUntil(() => token !== undefined, 1000)
    await scene.clock.advance(200)
    assert.deepEqual(summaryOf(scene.outcomes), [])
    assert.deepEqual(scene.broker.keys.slice(-2), [saslHandshakeKey, saslAuthenticateKey])
    scene.connection.close()
    await scene.clock.runUntilIdle()
    assert.deepEqual(summaryOf(scene.outcomes), ['held! CONNECTION_LOST false'])
  })

  it('closes the connection as lost if the broker rejects it', async () => {
    const scene = await liveScene()
    scene.broker.onToken = () => ({ errorCode: 58 })
    await scene.clock.runUntil(() => scene.connection.state === 'closed', lifetimeMs)
    await scene.clock.runUntilIdle()
    assert.equal(scene.closeErrors[0]?.code, 'CONNECTION_LOST')
    assert.equal(scene.closeErrors[0].retriable, true)
    assert.match(scene.closeErrors[0].message, /could not be authenticated again/)
  })

  it('closes the connection if the broker continues the exchange slowly', async () => {
    const mechanism: SaslMechanism = {
      name: 'TEST',
      createSession: () => {
        let count = 0
        return { next: () => (isEndless || count++ === 0 ? Uint8Array.of(1) : null) }
      },
    }
    let isEndless = false
    const broker = new SaslBroker()
    broker.onToken = () => ({ sessionLifetimeMs: lifetimeMs })
    const scene = await start(broker, mechanism)
    await scene.ready()
    isEndless = true
    broker.later = (send) => void scene.clock.setTimer(150, send)
    await scene.clock.runUntil(() => scene.connection.muted, lifetimeMs)
    scene.send('held')
    await scene.clock.runUntil(() => scene.outcomes.length === 1, 700)
    assert.deepEqual(summaryOf(scene.outcomes), ['held! REQUEST_TIMEOUT false'])
    assert.match(scene.closeErrors[0]?.message ?? '', /did not end the SASL exchange within 500 ms/)
  })

  it('holds no request while it waits for a token, and continues without one', async () => {
    let callCount = 0
    const mechanism: SaslMechanism = {
      name: 'TEST',
      createSession: () => ({
        next: async (challenge) => {
          if (challenge.length > 0) return null
          callCount++
          if (callCount === 2) throw new SaslError('the token server is away', true)
          return Buffer.from(`token ${callCount}`)
        },
      }),
    }
    const broker = new SaslBroker()
    broker.onToken = () => ({ sessionLifetimeMs: lifetimeMs, bytes: 'ok' })
    const scene = await start(broker, mechanism)
    await scene.ready()
    await scene.clock.runUntil(() => callCount === 2, lifetimeMs)
    assert.equal(scene.connection.muted, false)
    await scene.clock.runUntil(() => broker.tokens.length === 2, lifetimeMs)
    assert.ok(scene.clock.now() < lifetimeMs, 'before the session ended')
    assert.deepEqual(broker.tokens, ['token 1', 'token 3'])
    scene.connection.close()
  })

  it('after the end of the session a request fails without being sent', async () => {
    let callCount = 0
    const mechanism: SaslMechanism = {
      name: 'TEST',
      createSession: () => ({
        next: (challenge) => {
          if (challenge.length > 0) return null
          if (++callCount > 1) throw new SaslError('no token any more', true)
          return Buffer.from('token')
        },
      }),
    }
    const scene = await liveScene(mechanism, { bytes: 'ok' })
    await scene.clock.advance(lifetimeMs + 100)
    scene.send('late')
    await scene.clock.runUntilIdle()
    assert.deepEqual(summaryOf(scene.outcomes), ['late! CONNECTION_LOST false'])
    assert.deepEqual(scene.closeErrors, [null])
  })

  it('a session of a millisecond is not renewed a thousand times a second', async () => {
    const broker = new SaslBroker()
    broker.onToken = () => ({ sessionLifetimeMs: 1 })
    const scene = await start(broker)
    await scene.ready()
    await scene.clock.advance(10_000)
    assert.ok(broker.tokens.length <= 10, `${broker.tokens.length} exchanges`)
    scene.connection.close()
  })
})
