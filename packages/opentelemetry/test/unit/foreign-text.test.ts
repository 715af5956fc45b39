// Text that others wrote (records, brokers, code of the caller) and secrets of the options enter,
// and each span, metric and event that leaves is searched: no control character, no secret, and
// nothing longer than about a kilobyte.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import type { ProducerRecord } from 'millrace'
import type { SpanMode } from '../../src/spans.ts'
import { inSpan, setUp } from './telemetry-kit.ts'

const unsafe = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}\u200b\ufeff]/u
const hostile = 'a\x1b]0;t\x07\x1b[2J\u009b31m\0\r\nforged\u2028\u202e\u2066\ud800\u200b'
const secret = 'T0p 5ecret/väl:u"e%'

const textsOf = (value: unknown, seen = new Set<unknown>()): string[] => {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null || seen.has(value)) return []
  seen.add(value)
  const entries = value instanceof Map ? [...value] : Object.entries(value)
  return entries.flatMap(([key, field]) => [String(key), ...textsOf(field, seen)])
}

const check = (what: string, value: unknown): void => {
  for (const text of [...textsOf(value), ...inspect(value, { depth: 10 }).split('\n')]) {
    assert.doesNotMatch(text, unsafe, `${what}: ${JSON.stringify(text)}`)
    assert.ok(text.length <= 4200, `${what}: ${text.length} characters`)
    for (const form of [secret, encodeURIComponent(secret)]) {
      assert.ok(!text.includes(form), `${what}: ${text}`)
    }
  }
}

const thrower = (): never => {
  throw new Error(`${hostile}${'x'.repeat(100_000)}`)
}

const records: readonly ProducerRecord[] = [
  { topic: hostile, value: 'x' },
  { topic: hostile.repeat(10_000), value: null, key: hostile },
  { topic: 'orders', value: 'x', key: hostile.repeat(10_000) },
  { topic: 'orders', value: 'x', headers: { [hostile]: hostile, traceparent: hostile } },
  { topic: 'orders', value: 'x', partition: hostile as never },
  { topic: 5 as never, value: 'x' },
  {
    topic: 'orders',
    get value() {
      return thrower()
    },
  },
]

for (const spans of ['auto', 'record', 'batch', 'create', 'none'] satisfies SpanMode[]) {
  test(`spans and metrics with spans '${spans}' are printable and have no secret`, async () => {
    await using world = await setUp({
      spans,
      keys: true,
      producer: {
        partitioner: ({ key }) => (String(key) === 'thrown' ? thrower() : 0),
        sasl: undefined,
        deliveryTimeoutMs: 3000,
        requestTimeoutMs: 1000,
        maxBlockMs: 1000,
        unknownTopicTimeoutMs: 100,
        onError: () => {},
      },
    })
    const { producer, cluster, tracer } = world
    await inSpan(tracer, async () => {
      const settled = await Promise.allSettled(records.map((record) => producer.send(record)))
      assert.ok(settled.some(({ status }) => status === 'rejected'))
      await Promise.allSettled([
        producer.send({ topic: 'orders', key: 'thrown', value: 'x' }),
        producer.send({ topic: 'missing', value: 'x' }),
        producer.send({ topic: 'orders', value: 'x' }, { signal: AbortSignal.abort(hostile) }),
      ])
      cluster.fault({ api: 'Produce', error: 'MESSAGE_TOO_LARGE', count: 1 })
      await Promise.allSettled([producer.send({ topic: 'orders', value: 'x' })])
    })
    check('spans', (await world.spans()).map(shownSpan))
    check('metrics', [...(await world.metrics())])
  })
}

/** What an exporter sends of a span. */
const shownSpan = (span: Awaited<ReturnType<Awaited<ReturnType<typeof setUp>>['spans']>>[0]) => {
  const { name, attributes, status, events, links } = span
  return { name, attributes, status, events, links }
}

test('a refused login is in no span, with the password that the broker repeats', async () => {
  await using world = await setUp({
    producer: {
      sasl: { mechanism: 'PLAIN', username: 'u', password: secret },
      maxBlockMs: 500,
      deliveryTimeoutMs: 1000,
      requestTimeoutMs: 500,
    },
  })
  const { producer } = world
  const [sent] = await Promise.allSettled([producer.send({ topic: 'orders', value: 'x' })])
  assert.equal(sent.status, 'rejected')
  const [span] = (await world.spans()).map(shownSpan)
  assert.ok(span !== undefined && (span.status.message ?? '').length > 0)
  check('span', span)
})

test('the client id is printable in spans and metrics, whatever the producer says', async () => {
  await using world = await setUp({ producer: { clientId: 'größer' } })
  await world.producer.send({ topic: 'orders', value: 'x' })
  check('spans', (await world.spans()).map(shownSpan))
  check('metrics', [...(await world.metrics())])
})
