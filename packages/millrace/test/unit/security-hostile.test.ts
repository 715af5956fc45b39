// Hostile brokers: whatever they send during a handshake (versions, the choice of a mechanism, SASL
// messages, bytes that are not Kafka), a connection becomes ready or closes with a KafkaError in
// time, and no client without the password is admitted. Seeded and counted:
// MILLRACE_SEED and MILLRACE_HOSTILE_HANDSHAKES choose another seed and number of handshakes.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SaslReply } from '../../src/in-process-cluster/sasl-mechanism.ts'
import { ScramServer, scramCredential } from '../../src/in-process-cluster/sasl-scram.ts'
import { Connection } from '../../src/net/connection.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'
import type { SaslMechanism } from '../../src/protocol/sasl/mechanism.ts'
import { OAuthBearerMechanism } from '../../src/protocol/sasl/oauth-bearer.ts'
import { PasswordCredentials } from '../../src/protocol/sasl/password-credentials.ts'
import { PlainMechanism } from '../../src/protocol/sasl/plain.ts'
import { ScramMechanism } from '../../src/protocol/sasl/scram-mechanism.ts'
import { MemoryNetwork } from '../../src/runtime/memory-transport.ts'
import { type Random, randomBelow, seededRandom } from '../../src/runtime/random.ts'
import { VirtualClock } from '../../src/runtime/virtual-clock.ts'
import { type FakeRequest, responseFrame } from './net-fake-broker.ts'
import { authenticateBody, SaslBroker } from './net-sasl-broker.ts'

const seed = Number(process.env.MILLRACE_SEED ?? 20_261_122)
const handshakeCount = Number(process.env.MILLRACE_HOSTILE_HANDSHAKES ?? 4_000)

/** Handshakes that go on at the same time. */
const roundSize = 500

const password = 'pencil'

/** What a connection that is being made may fail with. */
const codes: ReadonlySet<string> = new Set([
  'AUTHENTICATION_FAILED',
  'BROKER_UNAVAILABLE',
  'CONNECTION_FAILED',
  'MALFORMED_RESPONSE',
  'REQUEST_TIMEOUT',
  'TLS_FAILED',
  'UNSUPPORTED_VERSION',
])

const foreign = [
  Buffer.from([0x15, 3, 3, 0, 2, 2, 0x46]),
  Buffer.from([0x16, 3, 1, 0, 0xff]),
  Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
  Buffer.from('SSH-2.0-OpenSSH_9.6\r\n'),
  Buffer.from([0xff, 0xff, 0xff, 0xff]),
  Buffer.from([0x7f, 0xff, 0xff, 0xff]),
  Buffer.alloc(64),
]

const randomBytes = (random: Random, count: number): Buffer =>
  Buffer.from(Array.from({ length: count }, () => randomBelow(random, 256)))

const mutations: ((bytes: Buffer, random: Random) => Buffer)[] = [
  (bytes, random) => {
    const changed = Buffer.from(bytes)
    for (let count = 1 + randomBelow(random, 4); count > 0 && changed.length > 0; count--) {
      changed[randomBelow(random, changed.length)]! ^= 1 << randomBelow(random, 8)
    }
    return changed
  },
  (bytes, random) => bytes.subarray(0, randomBelow(random, bytes.length + 1)),
  (bytes, random) => Buffer.concat([bytes, randomBytes(random, 1 + randomBelow(random, 16))]),
  (bytes, random) => {
    const at = randomBelow(random, bytes.length + 1)
    const more = randomBytes(random, 1 + randomBelow(random, 8))
    return Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)])
  },
  (bytes, random) => {
    const at = randomBelow(random, bytes.length + 1)
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + randomBelow(random, 8))])
  },
  (bytes) => Buffer.concat([bytes, bytes]),
  (_, random) => randomBytes(random, randomBelow(random, 64)),
  (_, random) => foreign[randomBelow(random, foreign.length)]!,
]

const mutate = (bytes: Buffer, random: Random): Buffer =>
  mutations[randomBelow(random, mutations.length)]!(bytes, random)

const scramSalt = scramCredential('sha256', password, seededRandom(seed))

/** One broker for one handshake: it lies in one of its responses. */
class LyingBroker extends SaslBroker {
  readonly #random: Random
  readonly #lieIndex: number
  /** Whether the lie is inside the message of the mechanism, in a response that is well formed. */
  readonly #liesInside: boolean
  #responseIndex = 0
  /** Server-final of SCRAM as the client got it, and as it should be. */
  shown = ''
  proof = ''

  constructor(random: Random) {
    super()
    this.#random = random
    this.#lieIndex = randomBelow(random, 4)
    this.#liesInside = randomBelow(random, 2) === 0
    const server = new ScramServer('sha256', () => scramSalt, random)
    this.onToken = (token, request) => {
      if (!/^(n,,n=|c=)/.test(token)) return this.#say('', request)
      try {
        const { challenge } = server.evaluate(Buffer.from(token)) as SaslReply
        return this.#say(Buffer.from(challenge).toString(), request)
      } catch {
        // Lied to, the client proved something else.
        return { errorCode: 58 }
      }
    }
  }

  /** Responds with a message of the mechanism, which may be the lie. */
  #say(text: string, request: FakeRequest): null {
    const isLie = this.#liesInside && this.#responseIndex === this.#lieIndex
    const message = isLie ? mutate(Buffer.from(text), this.#random) : Buffer.from(text)
    if (text.startsWith('v=')) {
      this.proof = text
      this.shown = message.toString()
    }
    const body = authenticateBody({ bytes: message })
    if (isLie) request.stream.write([responseFrame(request.correlationId, body)])
    else this.respond(request, body)
    if (isLie) this.#responseIndex++
    return null
  }

  override respond(request: FakeRequest, body: Uint8Array): void {
    const frame = responseFrame(request.correlationId, body)
    const isLie = this.#responseIndex++ === this.#lieIndex && !this.#liesInside
    request.stream.write([isLie ? mutate(frame, this.#random) : frame])
    if (isLie && randomBelow(this.#random, 8) === 0) request.stream.destroy()
  }

  /** The signature that the client saw proves that the server knows the password. */
  get isProven(): boolean {
    const signature = (text: string) =>
      Buffer.from(/^v=([^,]*)/.exec(text)?.[1] ?? '', 'base64').toString('hex')
    return signature(this.shown) === signature(this.proof)
  }
}

const mechanisms: readonly SaslMechanism[] = [
  new PlainMechanism(new PasswordCredentials('user', password, () => {})),
  new ScramMechanism(
    'SCRAM-SHA-256',
    new PasswordCredentials('user', password, () => {}),
    () => 'fyko+d2lbbFgONRv9qkxdawL',
  ),
  new OAuthBearerMechanism({ get: async () => ({ value: 'abc' }), forget: () => {} }),
]

const counts = { ready: 0, failed: 0 }

/** Many handshakes at once, each with a broker of its own. */
const runRound = async (random: Random, count: number): Promise<void> => {
  const clock = new VirtualClock({ stepsMax: 10_000_000 })
  const network = new MemoryNetwork({ clock, latencyMs: 1 })
  let open = count
  for (let index = 0; index < count; index++) {
    const mechanism = mechanisms[index % mechanisms.length]!
    const broker = new LyingBroker(random)
    const address = { host: 'broker', port: index + 1 }
    await broker.listen(network, address)
    const connection = new Connection(
      {
        transport: network,
        clock,
        address,
        name: 'broker',
        clientId: 'tester',
        connectTimeoutMs: 1000,
        requestTimeoutMs: 1000,
        connectionsMaxIdleMs: 0,
        maxResponseBytes: 100_000,
        sasl: { mechanism, random },
      },
      {
        onReady: () => {
          counts.ready++
          const isScram = mechanism.name === 'SCRAM-SHA-256'
          assert.ok(!isScram || broker.isProven, `let in by ${broker.shown}`)
          connection.close()
        },
        onClosed: (error) => {
          open--
          if (error === null) return
          counts.failed++
          assert.ok(error instanceof KafkaError && codes.has(error.code), `${error.stack}`)
        },
        onMutedChange: () => {},
        onCallbackError: (error) => {
          throw error
        },
      },
    )
  }
  await clock.runUntil(() => open === 0, 60_000)
}

describe('a hostile broker', () => {
  it(`is accepted or rejected ${handshakeCount} times, never with a wrong password`, async () => {
    const random = seededRandom(seed)
    const surprises: unknown[] = []
    const onSurprise = (reason: unknown): void => void surprises.push(reason)
    process.on('unhandledRejection', onSurprise)
    try {
      for (let done = 0; done < handshakeCount; done += roundSize) {
        await runRound(random, Math.min(roundSize, handshakeCount - done))
      }
      await new Promise(setImmediate)
    } finally {
      process.off('unhandledRejection', onSurprise)
    }
    assert.deepEqual(surprises, [], `MILLRACE_SEED=${seed}`)
    assert.equal(counts.ready + counts.failed, handshakeCount)
    // Both happen, or the test looks at nothing.
    assert.ok(counts.failed > handshakeCount / 3, JSON.stringify(counts))
    assert.ok(counts.ready > handshakeCount / 20, JSON.stringify(counts))
  })
})
