// A diagnosis of a real broker: green by every way in, and the right step and remedy where the way
// is wrong.

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { diagnose, type ProducerOptions } from '../../src/index.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { assertFails, assertGreen, rowsOf } from '../unit/diagnose-kit.ts'
import { unsecuredToken } from '../unit/in-process-cluster-sasl-kit.ts'
import { startKafka } from './fixture/kafka.ts'
import {
  password,
  type SecureKafka,
  type SecureListener,
  startSecureKafka,
  user,
} from './fixture/secure-kafka.ts'
import { optionsFor, waysIn } from './security-kit.ts'

const wrongPassword = 'battery-staple-9c1d'

interface Case {
  readonly name: string
  readonly listener: SecureListener
  readonly options: (secure: SecureKafka) => Omit<ProducerOptions, 'brokers'>
  readonly step: string
  readonly remedy: RegExp
}

const trusting = ({ certificates }: SecureKafka) => ({ tls: { ca: certificates.ca } })

const login = (mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512') => ({
  sasl: { mechanism, username: user, password: wrongPassword },
})

const cases: readonly Case[] = [
  {
    name: 'no TLS on a TLS listener',
    listener: 'TLS',
    options: () => ({}),
    step: 'tls',
    remedy: /^Set the option tls.* expects TLS, with a certificate that 'CN=Test CA' signed/,
  },
  {
    name: 'TLS on a plain listener',
    listener: 'OPENPLAIN',
    options: trusting,
    step: 'tls',
    remedy: /^Remove tls.* speaks Kafka without TLS/,
  },
  {
    name: 'an unknown authority',
    listener: 'TLS',
    options: ({ certificates }) => ({ tls: { ca: certificates.otherCa } }),
    step: 'tls',
    remedy: /authority 'CN=Test CA' as tls\.ca: the tls\.ca that was passed is another one/,
  },
  {
    name: 'a certificate for another host',
    listener: 'WRONGHOST',
    options: trusting,
    step: 'tls',
    remedy: /tls\.serverName.*the certificate is for DNS:elsewhere\.example/,
  },
  {
    name: 'a certificate that has expired',
    listener: 'EXPIRED',
    options: trusting,
    step: 'tls',
    remedy: /certificate that is valid now.*CN=localhost is valid from .* GMT to .* GMT/,
  },
  {
    name: 'no certificate of the client',
    listener: 'MTLS',
    options: trusting,
    step: 'tls',
    remedy: /^Pass tls\.cert and tls\.key: the broker requires a client certificate/,
  },
  {
    name: "a client's certificate that the broker does not know",
    listener: 'MTLS',
    options: ({ certificates }) => ({ tls: { ca: certificates.ca, ...certificates.otherClient } }),
    step: 'tls',
    remedy: /^Pass a tls\.cert and tls\.key that an authority of the broker signed/,
  },
  {
    name: 'no SASL where it is wanted',
    listener: 'SCRAM',
    options: trusting,
    step: 'sasl',
    remedy: /^Set the option sasl.*: SCRAM-SHA-(256|512), SCRAM-SHA-(256|512)\.$/,
  },
  {
    name: 'SASL where there is none',
    listener: 'TLS',
    options: (secure) => ({ ...trusting(secure), ...login('SCRAM-SHA-256') }),
    step: 'sasl',
    remedy: /^Remove the option sasl/,
  },
  {
    name: 'a mechanism that is not offered',
    listener: 'SCRAM',
    options: (secure) => ({ ...trusting(secure), ...login('PLAIN') }),
    step: 'sasl',
    remedy: /instead of PLAIN: SCRAM-SHA-/,
  },
  ...(['PLAIN', 'SCRAM-SHA-512'] as const).map((mechanism) => ({
    name: `a wrong password by ${mechanism}`,
    listener: mechanism === 'PLAIN' ? ('PLAIN' as const) : ('SCRAM' as const),
    options: (secure: SecureKafka) => ({ ...trusting(secure), ...login(mechanism) }),
    step: 'sasl',
    remedy: /^Correct sasl\.username and sasl\.password/,
  })),
  {
    name: 'a token that has expired',
    listener: 'OAUTH',
    options: (secure) => ({
      ...trusting(secure),
      sasl: {
        mechanism: 'OAUTHBEARER',
        token: async () => ({ value: unsecuredToken({ sub: user, exp: 1_700_000_000 }) }),
      },
    }),
    step: 'sasl',
    remedy: /^Get a new token/,
  },
]

describe('a diagnosis of a real broker', () => {
  let secure: SecureKafka
  before(async () => {
    secure = await startSecureKafka()
    await secure.kafka.admin.createTopic('orders')
  })
  after(() => secure?.[Symbol.asyncDispose]())

  for (const [listener, mechanism] of waysIn) {
    it(`is green on ${listener} by ${mechanism ?? 'nothing'}, with a test record`, async () => {
      const options = optionsFor(secure, listener, mechanism)
      const tls = listener === 'OPENPLAIN' ? '' : ' tls'
      const sasl = mechanism === undefined ? '' : ' sasl'
      const rows = `dns tcp${tls} api-versions${sasl} metadata listener produce`
      assertGreen(await diagnose(options, { produceTo: 'orders' }), rows)
    })
  }

  for (const { name, listener, options, step, remedy } of cases) {
    it(`${name}: step ${step}, with its remedy and no secret`, async () => {
      const brokers = secure.kafka.brokersOn(listener)
      const diagnosis = await diagnose({ logger: silentLogger, ...options(secure), brokers })
      assertFails(diagnosis, step, remedy)
      const text = JSON.stringify(diagnosis)
      assert.ok(!text.includes(password) && !text.includes(wrongPassword))
    })
  }

  it('makes no topic by the test record, unless that is allowed', async () => {
    const options = optionsFor(secure, 'TLS')
    const diagnosis = await diagnose(options, { produceTo: 'missing' })
    assertFails(diagnosis, 'produce', /^Create the topic missing/)
    const allowed = { ...options, allowAutoTopicCreation: true }
    assert.equal((await diagnose(allowed, { produceTo: 'missing' })).ok, true)
  })
})

describe('a diagnosis of a real broker that advertises wrongly', () => {
  for (const [advertised, remedy] of [
    ['kafka-in-a-container.invalid:9092', /'kafka-in-a-container\.invalid' is not known here/],
    [
      'localhost:1',
      /host and port that clients connect to \(this client connected to 127\.0\.0\.1:/,
    ],
  ] as const) {
    it(`${advertised}: step listener`, async () => {
      const advertises = `PLAINTEXT://${advertised}`
      const kafka = await startKafka({ properties: { 'advertised.listeners': advertises } })
      try {
        const diagnosis = await diagnose({ brokers: kafka.brokers, logger: silentLogger })
        assertFails(diagnosis, 'listener', remedy)
        assert.equal(rowsOf(diagnosis), 'dns tcp api-versions metadata listener!')
      } finally {
        await kafka.close()
      }
    })
  }
})
