// Secrets that change while a producer lives: functions are called for each authentication, a
// refusal in the middle of a rotation costs no record, and no secret shows.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { createSaslMechanism, KafkaError, Producer, type SaslOption } from '../../src/index.ts'
import { startCluster } from '../../src/testing.ts'
import { failureOf, Remembering, reportMsMax } from './security-kit.ts'

const oldPassword = 'correct-horse-battery'
const newPassword = 'wombat-staple-of-today'
const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const

const startSecured = () =>
  startCluster({
    nodes: 1,
    topics: { a: 1 },
    sasl: { mechanisms, users: { alice: oldPassword } },
  })

/** A producer that remembers what it logs. */
const openProducer = (brokers: readonly string[], sasl: SaslOption) => {
  const logger = new Remembering()
  const producer = new Producer({ brokers, sasl, logger, onError: () => {} })
  const send = (value: string) => producer.send({ topic: 'a', value })
  return { producer, logger, send }
}

describe('a password that is a function', () => {
  for (const mechanism of mechanisms) {
    it(`is called for each authentication of ${mechanism}`, async () => {
      await using cluster = await startSecured()
      let password = oldPassword
      let calls = 0
      const { producer, send } = openProducer(cluster.brokers, {
        mechanism,
        username: () => 'alice',
        password: async () => {
          calls++
          return password
        },
      })
      await send('first')
      const before = calls
      password = newPassword
      cluster.setPassword('alice', newPassword)
      await cluster.node(1).stop()
      await cluster.node(1).start()
      await send('second')
      assert.ok(before >= 1 && calls > before)
      await producer.close()
      assert.equal(cluster.records('a').length, 2)
    })
  }

  it('that returns the old one for a while loses no record, and shows no secret', async () => {
    await using cluster = await startSecured()
    let password = oldPassword
    let refusals = 0
    const { producer, logger, send } = openProducer(cluster.brokers, {
      mechanism: 'SCRAM-SHA-512',
      username: 'alice',
      password: () => {
        if (password === oldPassword && cluster.records('a').length > 0) refusals++
        if (refusals === 4) password = newPassword
        return password
      },
    })
    await send('first')
    cluster.setPassword('alice', newPassword)
    await cluster.node(1).stop()
    await cluster.node(1).start()
    await send('second')
    assert.equal(refusals, 4)
    await producer.close()
    const shown = `${logger.lines.join('\n')} ${inspect(producer, { depth: 9 })}`
    assert.ok(!shown.includes(oldPassword) && !shown.includes(newPassword))
  })

  it('that fails leaves the earlier one in use, with one warning', async () => {
    await using cluster = await startSecured()
    for (const mechanism of mechanisms) {
      let password = oldPassword
      const { producer, logger, send } = openProducer(cluster.brokers, {
        mechanism,
        username: 'alice',
        password: async () => {
          if (password === '') throw new Error('the vault is sealed')
          return password
        },
      })
      const reconnect = async () => {
        await cluster.node(1).stop()
        await cluster.node(1).start()
        await send('again')
      }
      const warnings = () => logger.warnings().filter((line) => line.includes('stays in use'))
      await send('first')
      password = ''
      await reconnect()
      await reconnect()
      assert.equal(warnings().length, 1)
      assert.match(warnings()[0]!, /sasl\.password failed: the vault is sealed\. The earlier one/)
      password = oldPassword
      await reconnect()
      password = ''
      await reconnect()
      assert.equal(warnings().length, 2)
      await producer.close()
    }
  })

  it('that was never accepted fails at once, as a string does', async () => {
    await using cluster = await startSecured()
    for (const mechanism of mechanisms) {
      const sasl = { mechanism, username: 'alice', password: async () => newPassword }
      const { error, tookMs } = await failureOf({ brokers: cluster.brokers, sasl })
      assert.equal(error.code, 'AUTHENTICATION_FAILED')
      assert.equal(error.kind, 'refused')
      assert.ok(tookMs < reportMsMax)
    }
  })

  it('that throws or returns another type is called again, and its message is shown', async () => {
    await using cluster = await startSecured()
    const answers = [
      () => Promise.reject(new Error('the vault is sealed')),
      () => '',
      () => undefined as unknown as string,
      () => oldPassword,
    ]
    const { producer, logger, send } = openProducer(cluster.brokers, {
      mechanism: 'PLAIN',
      username: 'alice',
      password: () => (answers.length > 1 ? answers.shift()! : answers[0]!)(),
    })
    await send('first')
    await producer.close()
    const said = logger.lines.join('\n')
    assert.match(said, /sasl\.password failed: the vault is sealed/)
    assert.equal(answers.length, 1)
  })
})

describe('createSaslMechanism', () => {
  it('returns a built-in mechanism to extend', async () => {
    await using cluster = await startSecured()
    const plain = createSaslMechanism({
      mechanism: 'PLAIN',
      username: 'alice',
      password: () => oldPassword,
    })
    let sessions = 0
    const { producer, send } = openProducer(cluster.brokers, {
      name: plain.name,
      createSession: (context) => {
        sessions++
        return plain.createSession(context)
      },
    })
    await send('first')
    await producer.close()
    assert.ok(sessions >= 1)
  })

  it('rejects invalid options by their names', () => {
    assert.throws(
      () => createSaslMechanism({ mechanism: 'PLAIN', username: 'alice' } as never),
      (error) => error instanceof KafkaError && /password is missing/.test(error.message),
    )
  })
})
