// What brokers, callers and options say reaches the page as text: the responses of the console have
// no control character and no secret, also in what it refuses, and the page's scripts never make
// markup of a text.

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import { KafkaError, Producer } from 'millrace'
import { startCluster } from 'millrace/testing'
import { serveConsole } from '../../src/index.ts'
import { intervalMs, rawRequest, StandIn, silent, startStage, untilView } from '../support/stage.ts'

const unsafe = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}\u200b\ufeff]/u
const hostile = 'a\x1b]0;t\x07\x1b[2J\u009b31m\0\r\nforged\u2028\u202e\u2066\ud800\u200b<img src=x>'
const secret = 'T0p 5ecret/väl:u"e%'
const forms = [
  secret,
  encodeURIComponent(secret),
  JSON.stringify(secret).slice(1, -1),
  Buffer.from(secret).toString('base64').slice(0, -4),
]

/** Keys and texts of the JSON, as the page gets them. */
const textsOf = (value: unknown): string[] => {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, field]) => [key, ...textsOf(field)])
}

const check = (what: string, texts: readonly string[]): void => {
  for (const text of texts) {
    assert.doesNotMatch(text, unsafe, `${what}: ${JSON.stringify(text)}`)
    assert.ok(text.length <= 4200, `${what}: ${text.length} characters`)
    for (const form of forms) assert.ok(!text.includes(form), `${what} shows ${form}: ${text}`)
  }
}

test('a view of failing records, partitioners and topics is printable', async () => {
  const thrower = (): never => {
    throw new Error(hostile.repeat(1000))
  }
  await using stage = await startStage({
    partitioner: ({ key }) => (String(key) === 'thrown' ? thrower() : 0),
    rack: 'größer',
    deliveryTimeoutMs: 2000,
    requestTimeoutMs: 500,
    unknownTopicTimeoutMs: 100,
  })
  const { producer, served, cluster } = stage
  cluster.fault({ api: 'Produce', error: 'MESSAGE_TOO_LARGE', count: 1 })
  await Promise.allSettled([
    producer.send({ topic: hostile, value: 'x' }),
    producer.send({ topic: 'orders', key: 'thrown', value: 'x' }),
    producer.send({ topic: 'missing', value: 'x' }),
    producer.send({ topic: 'orders', value: 'x' }),
  ])
  const view = await untilView(served.url, ({ totals }) => totals.recordsFailed > 0)
  check('view', textsOf(view))
  assert.doesNotMatch(await (await fetch(`${served.url}view`)).text(), unsafe)
})

test('a view of events whose errors come from brokers is printable', async () => {
  const source = new StandIn()
  await using served = await serveConsole(source, { intervalMs })
  const error = new KafkaError('AUTHENTICATION_FAILED', `no ${hostile}`, {
    topic: hostile,
    partition: 1,
    broker: hostile,
    brokerMessage: hostile,
    brokerError: 'SASL_AUTHENTICATION_FAILED',
  })
  source.tell('millrace:record.failed', { error, attempts: 1, elapsedMs: 1 } as never)
  source.tell('millrace:transaction.failed', { error, number: 1 })
  const { faults, status } = await untilView(served.url, (view) => view.faults.length === 2)
  assert.match(faults.map(({ message }) => message).join(), /a\\x1b\]0;t/)
  assert.equal(faults.flatMap(({ places }) => places).length, 2)
  check('view', textsOf({ faults, status }))
})

test('no view has a secret of the options, whether or not the login works', async () => {
  await using cluster = await startCluster({
    nodes: 1,
    topics: { orders: 1 },
    sasl: { mechanisms: ['PLAIN', 'OAUTHBEARER'], users: { u: 'another' } },
  })
  const { brokers } = cluster
  for (const sasl of [
    { mechanism: 'PLAIN', username: 'u', password: secret },
    { mechanism: 'PLAIN', username: 'u', password: 'another' },
    { mechanism: 'OAUTHBEARER', token: async () => ({ value: secret }) },
  ] as const) {
    const limits = { maxBlockMs: 300, deliveryTimeoutMs: 1000, requestTimeoutMs: 500 }
    const own = { brokers, sasl, logger: silent, onError: () => {}, ...limits }
    const producer = new Producer({ ...own, deadLetter: () => {} })
    await using served = await serveConsole(producer, { intervalMs })
    await Promise.allSettled([producer.send({ topic: 'orders', value: secret, key: secret })])
    const view = await untilView(served.url, ({ totals, faults }) => {
      return totals.recordsAcked + totals.recordsFailed + faults.length > 0
    })
    check('view', textsOf(view))
    await producer.close({ timeoutMs: 0 })
  }
})

test('responses to requests that are refused repeat nothing of them', async () => {
  await using served = await serveConsole(new StandIn(), { intervalMs })
  const port = Number(new URL(served.url).port)
  const end = 'Connection: close\r\n\r\n'
  const name = encodeURIComponent(secret)
  for (const request of [
    `GET /${name} HTTP/1.1\r\nHost: localhost\r\n${end}`,
    `GET /view?after=${name} HTTP/1.1\r\nHost: localhost\r\n${end}`,
    `GET /view?filter=${name.repeat(20)} HTTP/1.1\r\nHost: localhost\r\n${end}`,
    `GET /view?filter=${name}%00%1b&after=0 HTTP/1.1\r\nHost: localhost\r\n${end}`,
    `GET / HTTP/1.1\r\nHost: ${name}\r\n${end}`,
    `${name} / HTTP/1.1\r\nHost: localhost\r\n${end}`,
    `GET / HTTP/1.1\r\nHost: localhost\r\nCookie: ${name}; \x1b[2J\r\n${end}`,
    `POST /view HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${name.length}\r\n${end}${name}`,
    `${hostile}\r\n\r\n`,
  ]) {
    const response = await rawRequest(port, request)
    const [head = '', body = ''] = response.split('\r\n\r\n', 2)
    check(request, [...head.split('\r\n'), ...(/text|json/.test(head) ? body.split('\n') : [])])
  }
})

test('options that are wrong are named without control characters', async () => {
  for (const options of [{ port: hostile }, { intervalMs: hostile }]) {
    await assert.rejects(serveConsole(new StandIn(), options as never), (error) => {
      check('error', inspect(error).split('\n'))
      return error instanceof KafkaError
    })
  }
})

/** A folder of this package, whether the test runs from its source or from dist. */
const packageFolder = (name: string): string => {
  let folder = new URL('.', import.meta.url)
  while (!existsSync(new URL('package.json', folder))) folder = new URL('..', folder)
  return fileURLToPath(new URL(name, folder))
}

test('the scripts of the page set text and attributes, and never markup or code', async () => {
  const folder = packageFolder('src/page')
  for (const name of await readdir(folder)) {
    const source = await readFile(join(folder, name), 'utf8')
    assert.doesNotMatch(source, /innerHTML|outerHTML|insertAdjacentHTML|document\.write/, name)
    assert.doesNotMatch(source, /\beval\(|new Function|srcdoc|\.href\s*=/, name)
    assert.doesNotMatch(source, /<[^>]*\son\w+=|javascript:/, name)
  }
})
