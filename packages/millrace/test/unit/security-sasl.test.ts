// SASL from the option to the record, against the in-process cluster; and that no secret shows.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { type KafkaError, Producer, type ProducerOptions } from '../../src/index.ts'
import { startCluster } from '../../src/testing.ts'
import { failureOf, Remembering, reportMsMax } from './security-kit.ts'

const password = 'correct-horse-battery'
const wrongPassword = 'hunter2-is-the-secret'
const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const

const startSecured = (sessionLifetimeMs?: number) =>
  startCluster({
    nodes: 2,
    topics: { a: 4 },
    sasl: {
      mechanisms: [...mechanisms, 'OAUTHBEARER'],
      users: { alice: password },
      sessionLifetimeMs,
    },
  })

/** A token as the in-process cluster and Kafka's own unsecured validator take it. */
const unsecuredToken = (lifetimeSeconds: number): string => {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const iat = Math.floor(performance.timeOrigin / 1000 + performance.now() / 1000)
  return `${encode({ alg: 'none' })}.${encode({ sub: 'alice', iat, exp: iat + lifetimeSeconds })}.`
}

describe('SASL', () => {
  it('accepts every mechanism, in upper or lower case, and delivers records', async () => {
    await using cluster = await startSecured()
    const { brokers } = cluster
    const options: NonNullable<ProducerOptions['sasl']>[] = [
      ...mechanisms.map((mechanism) => ({ mechanism, username: 'alice', password })),
      { mechanism: 'scram-sha-512', username: 'alice', password },
      { mechanism: 'OAUTHBEARER', token: async () => ({ value: unsecuredToken(600) }) },
    ]
    for (const sasl of options) {
      const producer = new Producer({ brokers, sasl, logger: new Remembering() })
      const records = Array.from({ length: 40 }, (_, index) => ({ topic: 'a', value: `${index}` }))
      const { failedIndexes } = await producer.sendBatch(records)
      assert.deepEqual(failedIndexes, [])
      await producer.close()
    }
    assert.equal(cluster.records('a').length, 40 * options.length)
  })

  it('reports a wrong password within seconds, after a few attempts', async () => {
    await using cluster = await startSecured()
    for (const mechanism of mechanisms) {
      const sasl = { mechanism, username: 'alice', password: wrongPassword }
      const { error, tookMs, logger } = await failureOf({ brokers: cluster.brokers, sasl })
      assert.equal(error.code, 'AUTHENTICATION_FAILED')
      assert.equal(error.step, 'sasl')
      assert.equal(error.persisted, 'no')
      assert.ok(tookMs < reportMsMax)
      assert.equal(logger.warnings().filter((line) => /could not connect/.test(line)).length, 1)
    }
    const connect = { brokers: cluster.brokers, logger: new Remembering(), onError: () => {} }
    const sasl = { mechanism: 'SCRAM-SHA-256', username: 'alice', password: wrongPassword } as const
    const producer = new Producer({ ...connect, sasl })
    const since = performance.now()
    while (performance.now() - since < 2500) {
      const sent = producer.send({ topic: 'a', value: 'x' }, { timeoutMs: 5000 })
      await assert.rejects(sent, { code: 'AUTHENTICATION_FAILED' })
    }
    const { connectionFailures } = producer.metrics()
    assert.ok(connectionFailures < 30, `${connectionFailures} attempts at 2 brokers in 2.5 s`)
    await producer.close()
  })

  it('recovers by itself once the broker knows the password', async () => {
    await using cluster = await startSecured()
    cluster.setPassword('alice', 'another')
    const producer = new Producer({
      brokers: cluster.brokers,
      sasl: { mechanism: 'SCRAM-SHA-512', username: 'alice', password },
      logger: new Remembering(),
      onError: () => {},
    })
    const send = () => producer.send({ topic: 'a', value: 'x' }, { timeoutMs: 10_000 })
    await assert.rejects(send(), { code: 'AUTHENTICATION_FAILED' })
    await assert.rejects(producer.connect({ timeoutMs: 0 }), { code: 'AUTHENTICATION_FAILED' })
    cluster.setPassword('alice', password)
    assert.equal((await send()).topic, 'a')
    await producer.close()
  })

  it('a token provider that fails for a while delays records, and loses none', async () => {
    await using cluster = await startSecured()
    let callCount = 0
    const logger = new Remembering()
    const token = async () => {
      if (++callCount <= 3) throw new Error('the vault is sealed')
      return { value: unsecuredToken(600) }
    }
    const sasl = { mechanism: 'OAUTHBEARER', token } as const
    const producer = new Producer({ brokers: cluster.brokers, sasl, logger })
    const results = await Promise.all(
      [1, 2, 3].map(() => producer.send({ topic: 'a', value: 'x' }, { timeoutMs: 10_000 })),
    )
    assert.equal(results.length, 3)
    assert.equal(callCount, 4)
    assert.match(logger.warnings().join('\n'), /the token provider failed: the vault is sealed/)
    await producer.close()
  })

  it('continues under load while its sessions end after 1.5 s', async () => {
    await using cluster = await startSecured(1500)
    const producer = new Producer({
      brokers: cluster.brokers,
      sasl: { mechanism: 'SCRAM-SHA-256', username: 'alice', password },
      logger: new Remembering(),
    })
    const since = performance.now()
    let count = 0
    while (performance.now() - since < 5000) {
      const records = Array.from({ length: 50 }, () => ({ topic: 'a', value: `${count++}` }))
      const { failedIndexes } = await producer.sendBatch(records)
      assert.deepEqual(failedIndexes, [])
    }
    const { connectionsOpened, connectionFailures } = producer.metrics()
    assert.equal(connectionFailures, 0)
    assert.ok(connectionsOpened <= 3, `${connectionsOpened} connections`)
    assert.equal(cluster.records('a').length, count)
    await producer.close()
  })

  it('the error for a client without sasl says what the listener may require', async () => {
    await using cluster = await startSecured()
    const { brokers } = cluster
    const producer = new Producer({ brokers, logger: new Remembering() })
    await assert.rejects(producer.connect({ timeoutMs: 0 }), /does the listener expect SASL\?/)
    await producer.close()
  })

  it('warns once where the network can read the credentials', async () => {
    const logger = new Remembering()
    const sasl = { mechanism: 'PLAIN', username: 'alice', password } as const
    await new Producer({ brokers: 'localhost:1', sasl, logger }).close()
    await new Producer({ brokers: 'localhost:1', sasl, logger, tls: true }).close()
    assert.equal(logger.warnings().length, 1)
    assert.match(logger.warnings()[0] ?? '', /sasl PLAIN without tls/)
  })
})

/** Everything that a secret could show in. */
const outputsOf = (producer: Producer, error: unknown, logger: Remembering): string => {
  const printed = (value: unknown) => inspect(value, { depth: 20, showHidden: true, getters: true })
  const causes: unknown[] = []
  for (let cause = error; cause instanceof Error; cause = cause.cause) causes.push(cause)
  return [
    ...logger.lines,
    printed(producer),
    JSON.stringify(producer),
    printed(producer.metrics()),
    ...causes.map(
      (cause) => `${printed(cause)} ${JSON.stringify(cause)} ${(cause as Error).stack}`,
    ),
  ].join('\n')
}

describe('secrets', () => {
  const secret = 'T0p-5ecret-value'
  const shows = (output: string): boolean => {
    const forms = [
      secret,
      Buffer.from(secret).toString('base64'),
      Buffer.from(`\0alice\0${secret}`).toString('base64'),
      Buffer.from(secret).toString('hex'),
      encodeURIComponent(secret),
    ]
    return forms.some((form) => output.includes(form))
  }

  it('are in no log, error, cause, metric or inspection when authentication fails', async () => {
    await using cluster = await startSecured()
    const token = async () => ({ value: `${secret}.x.y`, expiresAt: 4e12 })
    const failing = async () => {
      const config = { headers: { authorization: secret } }
      throw Object.assign(new Error('no token'), { config })
    }
    const options: NonNullable<ProducerOptions['sasl']>[] = [
      ...mechanisms.map((mechanism) => ({ mechanism, username: 'alice', password: secret })),
      { mechanism: 'OAUTHBEARER', token },
      { mechanism: 'OAUTHBEARER', token: failing },
      {
        mechanism: 'OAUTHBEARER',
        clientId: 'me',
        clientSecret: secret,
        tokenEndpoint: 'http://127.0.0.1:1/',
      },
    ]
    for (const sasl of options) {
      const logger = new Remembering()
      const producer = new Producer({ brokers: cluster.brokers, sasl, logger })
      const error = await producer.connect({ timeoutMs: 0 }).catch((thrown: unknown) => thrown)
      assert.equal((error as KafkaError).code, 'AUTHENTICATION_FAILED')
      assert.equal(shows(outputsOf(producer, error, logger)), false, sasl.constructor.name)
      await producer.close()
    }
  })

  it('are in no inspection of a producer that works', async () => {
    await using cluster = await startCluster({
      nodes: 1,
      sasl: { mechanisms: ['PLAIN'], users: { alice: secret } },
    })
    const logger = new Remembering()
    const sasl = { mechanism: 'PLAIN', username: 'alice', password: secret } as const
    const producer = new Producer({ brokers: cluster.brokers, sasl, logger })
    await producer.send({ topic: 'a', value: 'x' })
    assert.equal(shows(outputsOf(producer, null, logger)), false)
    await producer.close()
  })

  it('would be found by this test', () => {
    assert.ok(shows(inspect({ password: secret })))
    assert.ok(shows(Buffer.from(`\0alice\0${secret}`).toString('base64')))
  })
})
