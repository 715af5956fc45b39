// Text that others wrote enters everywhere (brokers, options, code of the caller) and is looked for
// at every exit: errors with their causes, the logger, metrics, status, options and diagnostics
// events. No exit has a control character, and none has a secret of the options.

import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { KafkaError, Producer, type ProducerOptions } from '../../src/index.ts'
import type { MetadataRequest } from '../../src/protocol/api/03-metadata.ts'
import type { PushTelemetryRequest } from '../../src/protocol/api/72-push-telemetry.ts'
import { MemoryNetwork } from '../../src/runtime/memory-transport.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import { VirtualClock } from '../../src/runtime/virtual-clock.ts'
import { FakeBroker, type FakeRequest, type FakeResponse, FakeState } from './cluster-fixture.ts'
import { problemOf, Remembering } from './security-kit.ts'

const unsafe = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}]/u
const hostile = 'a\x1b]0;t\x07\x1b[2J\u009b31m\r\n2026-11-28 INFO forged\u2028\u202e'
const secret = 'T0p-5ecret-value'

const channels = [
  'producer.created',
  'producer.closed',
  'connection.opened',
  'connection.closed',
  'connection.failed',
  'metadata.refreshed',
  'response.received',
  'response.timedOut',
  'request.sent',
  'request.completed',
  'request.failed',
  'batch.settled',
  'record.failed',
  'transaction.begun',
  'transaction.committed',
  'transaction.aborted',
  'transaction.failed',
] as const

const names = [
  ...channels.map((name) => `millrace:${name}`),
  ...['send', 'transaction', 'request'].flatMap((operation) =>
    ['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map(
      (part) => `tracing:millrace:${operation}:${part}`,
    ),
  ),
]

/** Every text in the value: keys, strings, and what an error prints. */
const textsIn = (value: unknown, seen = new Set<unknown>()): string[] => {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null || seen.has(value)) return []
  if (value instanceof Uint8Array || value instanceof Producer) return []
  seen.add(value)
  const texts = value instanceof Map ? textsIn([...value], seen) : []
  if (value instanceof Error) {
    const frames = /\n(?= +at )/
    texts.push(value.message, ...(value.stack ?? '').split(frames), JSON.stringify(value))
    texts.push(...inspect(value).split('\n'))
    // Any other cause is the caller's own object.
    if (value.cause instanceof KafkaError) texts.push(...textsIn(value.cause, seen))
  }
  for (const [key, field] of Object.entries(value)) {
    if (key !== 'stack' && key !== 'cause') texts.push(key, ...textsIn(field, seen))
  }
  return texts
}

const checkTexts = (where: string, value: unknown): void => {
  for (const text of textsIn(value)) {
    assert.doesNotMatch(text, unsafe, `${where}: ${JSON.stringify(text)}`)
    for (const form of [secret, Buffer.from(secret).toString('base64')]) {
      assert.ok(!text.includes(form), `${where} has the secret: ${text}`)
    }
    assert.ok(text.length <= 16_384, `${where}: ${text.length} characters`)
  }
}

/** What the caller's own code makes of a public object: it logs, serializes or copies it. */
const formsOf = (object: unknown): string[] => {
  const inspection = inspect(object, { depth: 20, showHidden: true, getters: true })
  const copies = object instanceof Producer ? [] : [JSON.stringify(structuredClone(object)) ?? '']
  return [...inspection.split('\n'), JSON.stringify(object) ?? '', ...copies]
}

/** A producer of a scripted broker; everything that leaves it is checked at the end. */
const run = async (
  respond: (request: FakeRequest, broker: FakeBroker) => FakeResponse,
  use: (producer: Producer) => Promise<unknown>[],
  options: Partial<ProducerOptions> = {},
): Promise<{ texts: string[]; errors: KafkaError[] }> => {
  const clock = new VirtualClock()
  const network = new MemoryNetwork({ clock, latencyMs: 1 })
  const state = new FakeState()
  const broker = new FakeBroker(1, { host: 'n1', port: 9092 }, state, () => clock.now())
  state.nodes.set(1, broker.address)
  state.topics.set('t', { id: 7, partitions: [{ leader: 1, epoch: 1 }] })
  broker.respond = (request) => respond(request, broker)
  broker.serveEveryApi()
  await broker.start(network)
  const events: unknown[] = []
  // The record is the caller's own object.
  const listener = (event: unknown): void =>
    void events.push({ ...(event as object), record: undefined })
  for (const name of names) subscribe(name, listener)
  const logger = new Remembering()
  const producer = new Producer(
    {
      brokers: 'n1:9092',
      logger,
      deliveryTimeoutMs: 3000,
      requestTimeoutMs: 1000,
      maxBlockMs: 3000,
      unknownTopicTimeoutMs: 1000,
      ...options,
    },
    { clock, random: seededRandom(1), transport: network },
  )
  try {
    const calls = Promise.allSettled(use(producer))
    await clock.runUntil(calls, 60_000)
    const errors = (await calls).flatMap((call) =>
      call.status === 'rejected' ? [call.reason as KafkaError] : [],
    )
    const outputs = {
      errors,
      log: logger.lines.flatMap((line) => line.split(/\n(?= {4}at )/)),
      metrics: producer.metrics({ partitions: true }),
      status: producer.status(),
      options: producer.options,
      inspection: inspect(producer, { depth: 10 }).split('\n'),
      forms: [producer, producer.options, ...errors, new AggregateError(errors)].flatMap(formsOf),
      events,
    }
    await clock.runUntil(producer.close({ timeoutMs: 100 }), 60_000)
    for (const [where, value] of Object.entries(outputs)) checkTexts(where, value)
    return { texts: textsIn(outputs), errors }
  } finally {
    for (const name of names) unsubscribe(name, listener)
  }
}

const record = { topic: 't', value: 'x' }

/** What the broker wrote is there, in its printable form. */
const isEscaped = (text: string): boolean => text.includes('\\x1b')

describe('text of a broker is escaped wherever it is printed', () => {
  const produceError = (errorCode: number) => ({
    responses: [
      {
        name: 't',
        topicId: Uint8Array.from({ length: 16 }, (_, index) => (index === 15 ? 7 : 0)),
        partitionResponses: [
          {
            index: 0,
            errorCode,
            baseOffset: -1,
            errorMessage: hostile,
            recordErrors: [{ batchIndex: 0, batchIndexErrorMessage: hostile }],
          },
        ],
      },
    ],
  })
  for (const [what, code] of [
    ['an error that is retried', 19],
    ['a rejected record', 87],
    ['a missing permission', 29],
    ['an unknown error', 999],
  ] as const) {
    it(`in the message of ${what}`, async () => {
      const { texts, errors } = await run(
        ({ api }) => (api === 'Produce' ? produceError(code) : undefined),
        (producer) => [producer.send(record), producer.send({ ...record, key: 'k' })],
      )
      assert.equal(errors.length, 2)
      assert.ok(texts.some(isEscaped))
    })
  }

  it('in host names, racks, topics and the cluster id of Metadata', async () => {
    const { errors } = await run(
      (request, broker) => {
        if (request.api !== 'Metadata') return undefined
        const usual = broker.metadata(request) as { topics: object[] }
        const names = (request.body as MetadataRequest).topics ?? []
        return {
          ...usual,
          brokers: [{ nodeId: 1, host: hostile, port: 9092, rack: hostile }],
          clusterId: hostile,
          topics: [...usual.topics, { ...usual.topics[0], name: hostile }],
          throttleTimeMs: names.length,
        }
      },
      (producer) => [producer.send(record)],
      { rack: 'r' },
    )
    assert.equal(errors.length, 1)
  })

  it('in the names of features', async () => {
    await run(
      ({ api }) =>
        api === 'ApiVersions'
          ? {
              errorCode: 0,
              apiKeys: [0, 3, 18, 22].map((apiKey) => ({ apiKey, minVersion: 0, maxVersion: 4 })),
              finalizedFeaturesEpoch: 1,
              finalizedFeatures: [{ name: hostile, maxVersionLevel: 1 }],
              supportedFeatures: [{ name: hostile, minVersion: 0, maxVersion: 1 }],
            }
          : undefined,
      (producer) => [producer.send(record)],
    )
  })
})

it('text of a broker is escaped in the errors and events of a transaction', async () => {
  for (const api of ['FindCoordinator', 'InitProducerId', 'AddPartitionsToTxn', 'EndTxn']) {
    for (const errorCode of [15, 47, 53, 90, 999]) {
      const { errors } = await run(
        (request) => {
          if (request.api !== api) return undefined
          const failed = { errorCode, errorMessage: hostile }
          if (api !== 'FindCoordinator') return { errorCode }
          const coordinator = { key: 'moves', nodeId: 1, host: hostile, port: 9092, ...failed }
          return { coordinators: [coordinator] }
        },
        (producer) => [producer.transaction((transaction) => transaction.send(record))],
        { transactionalId: 'moves' },
      )
      assert.ok(errors.length <= 1)
    }
  }
})

describe('what a broker says of a login is escaped, and no secret is repeated', () => {
  const encoded = ['', 'a', 'ab'].map((before) =>
    Buffer.from(`${before}${secret}`).toString('base64'),
  )
  const echo = `${hostile} ${secret} ${encoded.join(' ')}`
  const refusals: Record<string, (request: FakeRequest) => object | undefined> = {
    'the mechanism is not offered': ({ api }) =>
      api === 'SaslHandshake' ? { errorCode: 33, mechanisms: [hostile, 'GSSAPI'] } : undefined,
    'the login is refused': ({ api }) => {
      if (api === 'SaslHandshake') return { errorCode: 0, mechanisms: [] }
      if (api !== 'SaslAuthenticate') return undefined
      return { errorCode: 58, errorMessage: echo, authBytes: Buffer.alloc(0) }
    },
    'the exchange has other text': ({ api }) => {
      if (api === 'SaslHandshake') return { errorCode: 0, mechanisms: [] }
      if (api !== 'SaslAuthenticate') return undefined
      return { errorCode: 0, errorMessage: echo, authBytes: Buffer.from(`e=${echo},r=${echo}`) }
    },
  }
  const logins: Record<string, ProducerOptions['sasl']> = {
    PLAIN: { mechanism: 'PLAIN', username: 'u', password: secret },
    'SCRAM-SHA-256': { mechanism: 'SCRAM-SHA-256', username: 'u', password: secret },
    OAUTHBEARER: { mechanism: 'OAUTHBEARER', token: async () => ({ value: secret }) },
    'a function that throws': {
      mechanism: 'PLAIN',
      username: 'u',
      password: () => {
        throw new Error(hostile)
      },
    },
  }
  for (const [what, refuse] of Object.entries(refusals)) {
    for (const [name, sasl] of Object.entries(logins)) {
      it(`${what}, ${name}`, async () => {
        const { errors } = await run(refuse, (producer) => [producer.send(record)], { sasl })
        assert.equal(errors.length, 1)
      })
    }
  }
})

it('metrics that are pushed to a broker have no control character and no secret', async () => {
  // The producer loads it at first use, and virtual time does not wait for the disk.
  await import('../../src/protocol/otlp.ts')
  const payloads: string[] = []
  const { errors } = await run(
    (request, broker) => {
      const { api, body } = request
      if (api === 'GetTelemetrySubscriptions') {
        return {
          errorCode: 0,
          clientInstanceId: new Uint8Array(16).fill(1),
          subscriptionId: 1,
          acceptedCompressionTypes: [0],
          pushIntervalMs: 100,
          telemetryMaxBytes: 1_000_000,
          deltaTemporality: false,
          requestedMetrics: [''],
        }
      }
      if (api === 'Metadata') {
        const usual = broker.metadata(request) as { brokers: object[] }
        return { ...usual, brokers: usual.brokers.map((one) => ({ ...one, rack: hostile })) }
      }
      if (api !== 'PushTelemetry') return undefined
      payloads.push(Buffer.from((body as PushTelemetryRequest).metrics).toString('latin1'))
      return {}
    },
    (producer) => [producer.send(record), producer.send({ topic: hostile, value: 'x' })],
    { enableMetricsPush: true, clientId: 'the client', rack: 'r' },
  )
  assert.equal(errors.length, 2)
  assert.ok(payloads.length > 0)
  for (const payload of payloads) {
    assert.ok(payload.includes('org.apache.kafka.producer'), payload)
    for (const text of ['\x1b]0;t', 'INFO forged', secret]) assert.ok(!payload.includes(text))
  }
})

describe('text of the caller is escaped wherever it is printed', () => {
  const thrown = (): never => {
    throw new Error(hostile)
  }

  it('in records, options of calls, partitioners and getters', async () => {
    const { texts, errors } = await run(
      () => undefined,
      (producer) => [
        producer.send({ topic: hostile, value: 'x' }),
        producer.send({ topic: 't', [hostile]: 'x' } as never),
        producer.send({ topic: 't', value: 'x', headers: { [hostile]: 5 } } as never),
        producer.send(record),
        producer.send({
          topic: 't',
          get value() {
            return thrown()
          },
        }),
        producer.send(record, { [hostile]: 1 } as never),
        producer.send(record, { signal: AbortSignal.abort(new Error(hostile)) }),
        producer.partitionsFor(hostile),
      ],
      { partitioner: thrown },
    )
    assert.equal(errors.length, 8)
    assert.ok(texts.some(isEscaped))
  })

  it('in what callbacks, interceptors and onError throw', async () => {
    const { texts } = await run(
      () => undefined,
      (producer) => {
        producer.enqueue(record, thrown)
        return [producer.send(record), producer.send({ topic: 'missing', value: 'x' })]
      },
      { interceptors: [{ onSend: thrown, onSettled: thrown }], onError: thrown },
    )
    assert.ok(texts.some((text) => /callback threw/.test(text) && isEscaped(text)))
  })
})

it('options that are wrong are named without control characters and without secrets', () => {
  const wrong: Record<string, unknown> = {
    brokers: `kafka://user:${secret}@host:9092`,
    bootstrapServers: [`user:${secret},${secret}@host:9092`],
    clientId: hostile,
    acks: hostile,
    compression: hostile,
    partitioner: hostile,
    [hostile]: 1,
    transactionalId: hostile,
    rack: hostile,
    lingerMs: hostile,
    sasl: { mechanism: hostile, username: 'u', password: secret },
    tls: { key: secret, cert: secret, ca: secret, [hostile]: secret },
  }
  for (const [name, value] of Object.entries(wrong)) {
    checkTexts(`option ${JSON.stringify(name)}`, problemOf({ [name]: value }).split('\n'))
  }
  checkTexts('all of them', problemOf(wrong).split('\n'))
})

it('a key or a token in place of the path of its file is not shown', async () => {
  const bare = Buffer.alloc(24, secret).toString('base64')
  for (const text of [
    secret,
    `${secret}=`,
    bare,
    `/${bare}`,
    `MIIE/${secret}+x==`,
    `${secret}\0`,
  ]) {
    for (const field of ['key', 'cert', 'ca', 'pfx']) {
      const problem = problemOf({ tls: { cert: 'client.pem', key: 'client.key', [field]: text } })
      assert.match(problem, new RegExp(`tls.${field} names the file \\(${text.length} characters`))
      checkTexts(field, [problem.replaceAll(text, secret)])
    }
    if (text.includes('\0')) continue
    const { errors } = await run(
      () => undefined,
      (producer) => [producer.send(record)],
      { sasl: { mechanism: 'OAUTHBEARER', tokenFile: text } },
    )
    assert.equal(errors.length, 1)
    assert.ok(errors.every(({ message }) => !message.includes(text)))
  }
  for (const path of ['client.key', './key', '/run/secrets/tls_key', 'C:\\keys\\tls']) {
    assert.ok(problemOf({ tls: { cert: path, key: path } }).includes(`'${path}'`), path)
  }
})

it('the test finds control characters and secrets wherever they are', () => {
  const held = { a: [{ b: new Map([['k', new Error(hostile)]]) }] }
  assert.throws(() => checkTexts('x', held), /x: /)
  assert.throws(() => checkTexts('x', { [`p=${secret}`]: 1 }), /has the secret/)
})
