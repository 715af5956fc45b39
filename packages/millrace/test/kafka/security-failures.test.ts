// A producer that can't get into a real broker: wrong password, authority, host name, certificate.
// It says so by a typed error within five seconds, does not storm the broker with attempts, and
// nothing that it writes or hands out holds a secret.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { ProducerOptions } from '../../src/index.ts'
import { unsecuredToken } from '../unit/in-process-cluster-sasl-kit.ts'
import {
  password,
  type SecureKafka,
  type SecureListener,
  startSecureKafka,
  user,
} from './fixture/secure-kafka.ts'
import { startProxy } from './loopback-proxy.ts'
import type { Attempt, Outcome } from './security-child.ts'

const wrongPassword = 'battery-staple-9c1d'
/** A hundred sends at once are an attempt or two, and so is each of the three after them. */
const attemptsMax = 8

interface Case {
  readonly name: string
  readonly listener: SecureListener
  readonly options: (secure: SecureKafka) => Omit<ProducerOptions, 'brokers'>
  readonly token?: string
  readonly code: string
  readonly step?: string
  readonly message: RegExp
  readonly brokerMessage?: string
}

const trusting = ({ certificates }: SecureKafka) => ({ tls: { ca: certificates.ca } })

const login =
  (mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512') => (secure: SecureKafka) => ({
    ...trusting(secure),
    sasl: { mechanism, username: user, password: wrongPassword },
  })

const general = (mechanism: string) =>
  'Authentication failed during authentication due to invalid credentials ' +
  `with SASL mechanism ${mechanism}`

const refused = { code: 'AUTHENTICATION_FAILED', step: 'sasl' } as const
const insecure = { code: 'TLS_FAILED', step: 'tls' } as const

const expiredToken = unsecuredToken({ sub: user, exp: 1_700_000_000, jti: 'a-secret-token-id' })

const cases: readonly Case[] = [
  {
    ...refused,
    name: 'a wrong password by PLAIN',
    listener: 'PLAIN',
    options: login('PLAIN'),
    message: /Invalid username or password/,
    brokerMessage: 'Authentication failed: Invalid username or password',
  },
  {
    ...refused,
    name: 'a wrong password by SCRAM-SHA-256',
    listener: 'SCRAM',
    options: login('SCRAM-SHA-256'),
    message: /invalid credentials/,
    brokerMessage: general('SCRAM-SHA-256'),
  },
  {
    ...refused,
    name: 'a wrong password by SCRAM-SHA-512',
    listener: 'SCRAM',
    options: login('SCRAM-SHA-512'),
    message: /invalid credentials/,
    brokerMessage: general('SCRAM-SHA-512'),
  },
  {
    ...refused,
    name: 'a token that has expired',
    listener: 'OAUTH',
    options: trusting,
    token: expiredToken,
    message: /invalid_token/,
  },
  {
    ...refused,
    name: 'a mechanism that the broker does not offer',
    listener: 'SCRAM',
    options: login('PLAIN'),
    message: /does not offer PLAIN: it offers .*SCRAM-SHA-512/,
  },
  {
    ...refused,
    name: 'SASL on a listener without it',
    listener: 'TLS',
    options: login('PLAIN'),
    message: /does not authenticate.*remove the option sasl/,
  },
  {
    ...insecure,
    name: 'an authority that did not sign the certificate',
    listener: 'TLS',
    options: ({ certificates }) => ({ tls: { ca: certificates.otherCa } }),
    message: /not signed by an authority that is trusted here.*tls\.ca/,
  },
  {
    ...insecure,
    name: 'a certificate for another host',
    listener: 'WRONGHOST',
    options: trusting,
    message: /elsewhere\.example, not for 127\.0\.0\.1/,
  },
  {
    ...insecure,
    name: 'a certificate that has expired',
    listener: 'EXPIRED',
    options: trusting,
    message: /has expired/,
  },
  {
    ...insecure,
    name: 'no certificate where the broker wants one',
    listener: 'MTLS',
    options: trusting,
    message: /tls\.cert and tls\.key/,
  },
  {
    ...insecure,
    name: "a client's certificate that the broker does not know",
    listener: 'MTLS',
    options: ({ certificates }) => ({
      tls: { ca: certificates.ca, ...certificates.otherClient },
    }),
    message: /tls\.cert and tls\.key/,
  },
  {
    name: 'TLS on a listener that speaks plainly',
    listener: 'OPENPLAIN',
    // It may also be a broker that is stopping: attempts go on, and every error says what it saw.
    options: (secure) => ({ ...login('PLAIN')(secure), maxBlockMs: 500 }),
    code: 'METADATA_TIMEOUT',
    message: /remove the option tls/,
  },
  {
    ...insecure,
    name: 'no TLS on a listener that wants it',
    listener: 'TLS',
    options: () => ({}),
    message: /set the option tls/,
  },
]

const childPath = fileURLToPath(
  new URL(`./security-child${extname(import.meta.url)}`, import.meta.url),
)

/** Runs the attempt in a process of its own; all that it wrote, and what came of it. */
const runChild = async (attempt: Attempt): Promise<{ output: string; outcome: Outcome }> => {
  const child = spawn(process.execPath, [childPath], { stdio: ['pipe', 'pipe', 'pipe'] })
  child.stdin.end(JSON.stringify(attempt))
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  if (child.exitCode === null) await once(child, 'exit')
  assert.equal(child.exitCode, 0, stderr)
  const last = stdout.trimEnd().split('\n').at(-1) ?? ''
  return { output: stdout + stderr, outcome: JSON.parse(last) as Outcome }
}

/** The secret, and what it looks like in the ways that secrets are written. */
const shapesOf = (secret: string): string[] => {
  const bytes = Buffer.from(secret)
  return [
    secret,
    encodeURIComponent(secret),
    bytes.toString('base64'),
    bytes.toString('base64url'),
    bytes.toString('hex'),
    Buffer.from(`\0${user}\0${secret}`).toString('base64'),
    [...bytes.subarray(0, 8)].join(', '),
    (bytes.toString('hex', 0, 8).match(/../g) ?? []).join(' '),
  ]
}

describe('a producer that a real broker rejects', { concurrency: 4 }, () => {
  let secure: SecureKafka
  before(async () => {
    secure = await startSecureKafka()
    await secure.kafka.admin.createTopic('orders')
  })
  after(() => secure?.[Symbol.asyncDispose]())

  for (const one of cases) {
    it(`${one.name}gives a typed error in time, after few attempts, without a secret`, async () => {
      await using proxy = await startProxy(secure.kafka.brokersOn(one.listener)[0]!)
      const options = { ...one.options(secure), brokers: [proxy.address] }
      const attempt = { options, ...(one.token === undefined ? {} : { token: one.token }) }
      const { output, outcome } = await runChild(attempt)
      assert.deepEqual([outcome.code, outcome.step], [one.code, one.step], outcome.message)
      assert.match(outcome.message, one.message)
      if (one.brokerMessage !== undefined) assert.equal(outcome.brokerMessage, one.brokerMessage)
      assert.deepEqual(new Set(outcome.later), new Set([one.code]))
      assert.ok(
        proxy.connections <= attemptsMax && outcome.attempts <= attemptsMax,
        `${proxy.connections} connections, ${outcome.attempts} by the metrics`,
      )
      const { client, otherClient } = secure.certificates
      const keys = [client.key, otherClient.key].map((key) => key.split('\n')[1]!)
      for (const secret of [password, wrongPassword, expiredToken, ...keys]) {
        for (const shape of shapesOf(secret)) {
          assert.ok(!output.includes(shape), `the output holds a secret as ${shape}`)
        }
      }
    })
  }
})
