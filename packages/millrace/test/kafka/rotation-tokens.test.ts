// Keys, assertions and tokens that are replaced under 5,000 records a second, with sessions of at
// most three seconds: a foreign OpenID Connect server gives the tokens, and a real Kafka checks
// them with its own validator (KIP-768). No record fails. The long form is `npm run rotation`.

import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import { connect } from 'node:net'
import { after, before, describe, it } from 'node:test'
import type { ProducerOptions, SaslOption } from '../../src/index.ts'
import { jwtExpiresAt } from '../../src/protocol/sasl/oauth-bearer.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { memoryLogger } from '../unit/producer-kit.ts'
import { type Kafka, startKafka } from './fixture/index.ts'
import { makeSecurityFiles, type SecurityFiles } from './fixture/secure-kafka.ts'
import { startProxy } from './loopback-proxy.ts'
import { audience, type OidcAuthority, startOidcAuthority } from './oidc-authority.ts'
import {
  MountedSecrets,
  recordsPerSecond,
  runRotations,
  type SteadyLoad,
  sessionMs,
  untilRefused,
} from './rotation-kit.ts'

const mechanism = 'OAUTHBEARER'
const listenerPrefix = 'listener.name.oidc.oauthbearer'
const modules = 'org.apache.kafka.common.security.oauthbearer'
const validator = `${modules}.OAuthBearerValidatorCallbackHandler`

let files: SecurityFiles
let authority: OidcAuthority
let kafka: Kafka

before(async () => {
  files = await makeSecurityFiles()
  authority = await startOidcAuthority()
  kafka = await startKafka({
    listeners: { OIDC: 'SASL_SSL' },
    properties: {
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': `${files.folder}/server.pem`,
      'listener.name.oidc.sasl.enabled.mechanisms': mechanism,
      'sasl.oauthbearer.jwks.endpoint.url': authority.keysUrl,
      'sasl.oauthbearer.expected.audience': audience,
      'sasl.oauthbearer.expected.issuer': authority.issuer,
      'sasl.oauthbearer.clock.skew.seconds': '0',
      [`${listenerPrefix}.sasl.jaas.config`]: `${modules}.OAuthBearerLoginModule required;`,
      [`${listenerPrefix}.sasl.server.callback.handler.class`]: validator,
      [`${listenerPrefix}.connections.max.reauth.ms`]: String(sessionMs),
    },
    systemProperties: { 'org.apache.kafka.sasl.oauthbearer.allowed.urls': authority.keysUrl },
  })
})

after(async () => {
  await kafka?.close()
  await authority?.[Symbol.asyncDispose]()
  await files?.[Symbol.asyncDispose]()
})

interface Key {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

const newKey = (): Key => generateKeyPairSync('ec', { namedCurve: 'P-256' })

const pemOf = ({ privateKey }: Key): string =>
  privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

/** A JWT of an hour, as a program beside the producer would write it. */
const assertionOf = ({ privateKey }: Key, clientId: string): string => {
  const iat = Math.floor(systemClock.wallTime() / 1000)
  const who = { iss: clientId, sub: clientId, aud: authority.tokenEndpoint }
  const parts = [{ alg: 'ES256' }, { ...who, iat, exp: iat + 3600, jti: randomUUID() }]
  const text = parts
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  const key = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const
  return `${text}.${sign('sha256', Buffer.from(text), key).toString('base64url')}`
}

const optionsWith = (sasl: SaslOption): ProducerOptions => ({
  brokers: kafka.brokersOn('OIDC'),
  tls: { ca: files.certificates.ca },
  sasl,
})

interface Way {
  readonly title: string
  /** What the file has. */
  contentOf(key: Key): string
  saslWith(file: string): SaslOption
}

const ways: readonly Way[] = [
  {
    title: 'a key that signs client assertions (private_key_jwt)',
    contentOf: pemOf,
    saslWith: (file) => ({
      mechanism,
      clientId: 'signer',
      clientAssertion: { privateKey: file },
      tokenEndpoint: authority.tokenEndpoint,
      scope: 'write',
    }),
  },
  {
    title: 'an assertion in a file (jwt-bearer)',
    contentOf: (key) => assertionOf(key, 'bearer'),
    saslWith: (file) => ({
      mechanism,
      clientId: 'bearer',
      assertion: { file },
      tokenEndpoint: authority.tokenEndpoint,
    }),
  },
]

describe('what tokens are given for, replaced under load', () => {
  for (const [index, { title, contentOf, saslWith }] of ways.entries()) {
    it(`${title} costs no record; a broken file has one warning`, async (context) => {
      const topic = `way-${index}`
      await kafka.admin.createTopic(topic)
      let key = newKey()
      authority.trust(key.publicKey)
      await using secrets = await MountedSecrets.mount({ file: contentOf(key) })
      const logger = memoryLogger()
      const report = await runRotations({
        brokers: kafka.brokers,
        topic,
        rounds: 2,
        options: { ...optionsWith(saslWith(secrets.file('file'))), logger },
        rotate: async (load, round) => {
          const old = key
          key = newKey()
          if (round % 2 === 0) {
            // The file is first: the authority refuses it.
            await secrets.replace({ file: contentOf(key) })
            await authority.untilRefused()
          } else {
            authority.trust(old.publicKey, key.publicKey)
            await secrets.replace({ file: contentOf(key) })
            await authority.untilGiven()
          }
          authority.trust(key.publicKey)
          await authority.untilGiven()
          await using before = await MountedSecrets.mount({ file: contentOf(old) })
          const refused = await untilRefused(optionsWith(saslWith(before.file('file'))))
          assert.match(refused.message, /refuses with invalid_(client|grant)/)
          await load.delivered(recordsPerSecond / 2)
        },
        finish: async (load) => {
          await secrets.replace({ file: 'half of a ke' })
          await authority.untilGiven()
          await authority.untilGiven()
          await load.delivered(recordsPerSecond / 2)
        },
      })
      context.diagnostic(JSON.stringify(report))
      const broken = logger.lines.filter(({ message }) => /The earlier one stays/.test(message))
      assert.equal(broken.length, 1, JSON.stringify(broken))
    })
  }
})

describe('a token in a file', () => {
  const requestToken = async (key: Key): Promise<string> => {
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: 'signer',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertionOf(key, 'signer'),
    })
    const response = await fetch(authority.tokenEndpoint, { method: 'POST', body })
    return ((await response.json()) as { access_token: string }).access_token
  }

  it('costs no record when it is replaced; a missing file has one warning', async (context) => {
    const topic = 'files'
    await kafka.admin.createTopic(topic)
    const key = newKey()
    authority.trust(key.publicKey)
    let token = await requestToken(key)
    await using secrets = await MountedSecrets.mount({ token })
    await using proxy = await startProxy(kafka.brokersOn('OIDC')[0]!)
    const logger = memoryLogger()
    const renew = async () => {
      token = await requestToken(key)
      await secrets.replace({ token })
    }
    const reconnect = async (load: SteadyLoad) => {
      proxy.closeAll()
      await load.delivered(recordsPerSecond / 2)
    }
    const report = await runRotations({
      brokers: kafka.brokers,
      topic,
      rounds: 1,
      options: {
        ...optionsWith({ mechanism, tokenFile: secrets.file('token') }),
        logger,
        socketFactory: () => connect(Number(proxy.address.split(':')[1]), '127.0.0.1'),
      },
      rotate: async (load) => {
        const value = token
        while (systemClock.wallTime() <= jwtExpiresAt(value)!) {
          await renew()
          await load.delivered(recordsPerSecond / 2)
        }
        const refused = await untilRefused(optionsWith({ mechanism, token: () => ({ value }) }))
        assert.equal(refused.code, 'AUTHENTICATION_FAILED')
        await reconnect(load)
      },
      finish: async (load) => {
        authority.giveLongTokens()
        await renew()
        await reconnect(load)
        await secrets.replace({})
        for (let count = 0; count < 3; count++) await reconnect(load)
      },
    })
    context.diagnostic(JSON.stringify(report))
    const broken = logger.lines.filter(({ message }) => /The earlier token stays/.test(message))
    assert.equal(broken.length, 1, JSON.stringify(broken))
  })
})
