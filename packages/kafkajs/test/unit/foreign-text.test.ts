// Text of the program, of its own code and of brokers, and secrets of `sasl` and `ssl`, enter the
// adapter; every error, with its causes that are this package's or millrace's, and every line of
// the logger is searched for control characters and secrets.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { startCluster } from 'millrace/testing'
import {
  Kafka,
  type KafkaConfig,
  KafkaJSError,
  type LogEntry,
  logLevel,
  type ProducerConfig,
} from '../../src/index.ts'

const unsafe = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}\u200b\ufeff]/u
const hostile = 'a\x1b]0;t\x07\x1b[2J\u009b31m\0\r\nforged\u2028\u202e\u2066\ud800\u200b'
const secret = 'T0p 5ecret/väl:u"e%'
const forms = [
  secret,
  encodeURIComponent(secret),
  JSON.stringify(secret).slice(1, -1),
  ...['', 'a', 'ab'].map((before) =>
    Buffer.from(before + secret)
      .toString('base64')
      .slice(4, -4),
  ),
]

const check = (what: string, text: string): void => {
  // The last is how kafkajs's own class builds its stack.
  for (const line of text.split(/\n(?= +at | +Caused by)/)) {
    assert.doesNotMatch(line, unsafe, `${what}: ${JSON.stringify(line)}`)
  }
  assert.ok(text.length < 20_000, `${what}: ${text.length} characters`)
  for (const form of forms) assert.ok(!text.includes(form), `${what} shows ${form}: ${text}`)
}

/** The error of the adapter: what it prints itself, without the objects of the program. */
const checkError = (what: string, thrown: unknown): void => {
  assert.ok(thrown instanceof Error, what)
  check(what, `${thrown.name}: ${thrown.message}`)
  check(what, thrown.stack ?? '')
  // The failed messages are the program's own objects.
  const { cause, ...fields } = thrown as Error & { cause?: unknown; failedMessages?: unknown }
  check(what, JSON.stringify({ ...fields, failedMessages: undefined }))
  if (cause instanceof KafkaJSError) checkError(what, cause)
  else if (cause instanceof Error && 'remedy' in cause) {
    for (const line of inspect(cause).split('\n')) check(what, line)
  }
}

const thrower = (): never => {
  throw new Error(hostile)
}

/** Connects and makes the calls; what is logged is checked, and the errors are returned. */
const run = async (
  config: KafkaConfig,
  calls: (producer: ReturnType<Kafka['producer']>) => Promise<unknown>[],
  producerConfig: ProducerConfig = {},
): Promise<unknown[]> => {
  const logCreator = () => (entry: LogEntry) => check('log', JSON.stringify(entry))
  const errors: unknown[] = []
  const retry = { retries: 0, initialRetryTime: 1 }
  try {
    const kafka = new Kafka({ retry, logLevel: logLevel.DEBUG, logCreator, ...config })
    const producer = kafka.producer(producerConfig)
    for (const name of Object.values(producer.events)) producer.on(name, thrower)
    try {
      await producer.connect()
      for (const settled of await Promise.allSettled(calls(producer))) {
        if (settled.status === 'rejected') errors.push(settled.reason)
      }
    } catch (error) {
      errors.push(error)
    }
    await producer.disconnect()
  } catch (error) {
    errors.push(error)
  }
  for (const error of errors) checkError('error', error)
  return errors
}

test('text of the program is printable in every error and line of the log', async () => {
  await using cluster = await startCluster({ topics: { orders: 2 } })
  const brokers = [...cluster.brokers]
  const send = (producer: ReturnType<Kafka['producer']>, topic: unknown, messages: unknown) =>
    producer.send({ topic, messages } as never)
  const errors = await run({ brokers, clientId: `${hostile}x`.repeat(20) }, () => [])
  assert.equal(errors.length, 1)
  const calls = (producer: ReturnType<Kafka['producer']>) => [
    send(producer, hostile, [{ value: 'x' }]),
    send(producer, hostile, hostile),
    send(producer, hostile, [{ key: hostile }]),
    send(producer, 'orders', [{ value: { [hostile]: 1 } }]),
    send(producer, 'orders', [{ value: 'x', headers: { [hostile]: 5 } }]),
    send(producer, 'orders', [{ value: 'x', timestamp: hostile }]),
    send(producer, 'orders', [{ value: 'x', partition: hostile }]),
    producer.send({ topic: 'orders', acks: hostile, messages: [{ value: 'x' }] } as never),
    producer.send({ topic: 'orders', compression: hostile, messages: [{ value: 'x' }] } as never),
    producer.sendBatch({ topicMessages: [{ topic: hostile, messages: [{ value: 'x' }] }] }),
  ]
  const refused = await run({ brokers }, calls)
  assert.ok(refused.length >= 8, `${refused.length} calls failed`)
  for (const createPartitioner of [() => thrower, () => () => hostile as never]) {
    const thrown = await run(
      { brokers },
      (producer) => [send(producer, 'orders', [{ value: 'x' }])],
      {
        createPartitioner,
      },
    )
    assert.equal(thrown.length, 1)
  }
  await run(
    { brokers, connectionTimeout: hostile as never, requestTimeout: hostile as never },
    () => [],
  )
})

test('configurations that are wrong are refused without their secrets', async () => {
  const sasl = (mechanism: string) => ({ mechanism, username: 'u', password: secret })
  const configs: readonly unknown[] = [
    secret,
    { brokers: [`u:${secret}@127.0.0.1:1`] },
    { brokers: `kafka://u:${encodeURIComponent(secret)}@127.0.0.1:1` },
    { brokers: thrower },
    { brokers: ['127.0.0.1:1'], sasl: sasl(secret) },
    { brokers: ['127.0.0.1:1'], sasl: sasl(hostile) },
    { brokers: ['127.0.0.1:1'], sasl: { mechanism: 'aws', secretAccessKey: secret } },
    { brokers: ['127.0.0.1:1'], sasl: { mechanism: 'oauthbearer', oauthBearerProvider: secret } },
    { brokers: ['127.0.0.1:1'], ssl: { key: secret, cert: secret } },
    { brokers: ['127.0.0.1:1'], ssl: { ca: secret, passphrase: secret, ciphers: hostile } },
    { brokers: ['127.0.0.1:1'], ssl: { pfx: secret } },
    { brokers: ['127.0.0.1:1'], socketFactory: thrower },
  ]
  for (const config of configs) {
    const errors = await run(config as KafkaConfig, () => [])
    assert.ok(errors.length > 0, inspect(config))
  }
})

test('a login that fails is reported without the secret', async () => {
  await using cluster = await startCluster({
    topics: { orders: 1 },
    sasl: { mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'OAUTHBEARER'], users: { u: 'another' } },
  })
  const brokers = [...cluster.brokers]
  const logins: readonly unknown[] = [
    { mechanism: 'plain', username: 'u', password: secret },
    { mechanism: 'scram-sha-256', username: 'u', password: secret },
    { mechanism: 'oauthbearer', oauthBearerProvider: thrower },
    { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value: secret }) },
    {
      mechanism: 'aws',
      authorizationIdentity: 'i',
      accessKeyId: 'k',
      secretAccessKey: secret,
      sessionToken: secret,
    },
    { mechanism: 'plain', authenticationProvider: () => ({ authenticate: async () => thrower() }) },
  ]
  for (const sasl of logins) {
    const errors = await run({ brokers, sasl: sasl as never }, () => [])
    assert.equal(errors.length, 1, inspect(sasl))
  }
})
