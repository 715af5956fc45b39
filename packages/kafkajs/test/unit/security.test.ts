// `sasl`, `ssl` and `socketFactory` of kafkajs reach the brokers, and what millrace does not do is
// refused with words.

import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { startCluster } from 'millrace/testing'
import { Kafka, type KafkaConfig, logLevel } from '../../src/index.ts'

const sendWith = async (config: KafkaConfig): Promise<void> => {
  const quiet = { logLevel: logLevel.NOTHING, retry: { retries: 0 } }
  const producer = new Kafka({ ...quiet, ...config }).producer()
  await producer.connect()
  try {
    await producer.send({ topic: 'orders', messages: [{ value: 'x' }] })
  } finally {
    await producer.disconnect()
  }
}

test('name and password are sent as the mechanism wants, wrong ones are told by name', async () => {
  await using cluster = await startCluster({
    topics: { orders: 1 },
    sasl: { mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'], users: { alice: 'secret' } },
  })
  const brokers = [...cluster.brokers]
  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
    await sendWith({ brokers, sasl: { mechanism, username: 'alice', password: 'secret' } })
    const wrong = { mechanism, username: 'alice', password: 'Secret' }
    await assert.rejects(sendWith({ brokers, sasl: wrong }), {
      name: 'KafkaJSSASLAuthenticationError',
      retriable: false,
    })
  }
  assert.equal(cluster.records('orders').length, 3)
})

test('a socket factory opens the connections', async () => {
  await using cluster = await startCluster({ topics: { orders: 1 } })
  const opened: string[] = []
  await sendWith({
    brokers: [...cluster.brokers],
    socketFactory: ({ host, port, ssl, onConnect }) => {
      opened.push(`${host}:${port} ${ssl}`)
      return connect({ host, port }, onConnect)
    },
  })
  assert.deepEqual([...new Set(opened)], [`${cluster.brokers[0]} undefined`])
})

test('what can not be done is refused, and what is wrong is named', async () => {
  const brokers = ['127.0.0.1:1']
  const cases: [Omit<KafkaConfig, 'brokers'>, RegExp][] = [
    [{ ssl: { rejectUnauthorized: false } }, /ssl\.rejectUnauthorized is false.*ssl\.ca/],
    [{ ssl: { ciphers: 'X' } }, /ssl\.ciphers is not supported/],
    [{ ssl: { ca: ['no-such-file.pem'] } }, /ca.*no-such-file\.pem/],
    [{ sasl: { mechanism: 'aws' } as never }, /mechanism 'aws'/],
    [{ sasl: { mechanism: 'oauthbearer' } as never }, /oauthBearerProvider/],
  ]
  for (const [config, words] of cases) {
    await assert.rejects(sendWith({ brokers, ...config }), words)
  }
})
