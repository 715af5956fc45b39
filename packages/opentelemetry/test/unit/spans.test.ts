// Spans and contexts, exported to memory: which there are, what they say, what they belong to.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { AlwaysOffSampler, type ReadableSpan } from '@opentelemetry/sdk-trace-base'
import { readTopic } from 'millrace/testing'
import { openTelemetry } from '../../src/index.ts'
import { inSpan, setUp, traceparentOf } from './telemetry-kit.ts'

const record = (value: string | null = 'a', partition = 0) => ({
  topic: 'orders',
  value,
  partition,
})

const countOf = ({ attributes }: ReadableSpan): number =>
  Number(attributes['messaging.batch.message_count'])

test('a single record has a span, and its context is in its headers', async () => {
  await using world = await setUp({ keys: true })
  const { producer, tracer } = world
  const parent = await inSpan(tracer, async (traceparent) => {
    await producer.send({ ...record(), key: 'k' })
    return traceparent
  })
  const [span, ...others] = await world.spans()
  assert.deepEqual(others, [])
  assert.equal(span!.name, 'send orders')
  assert.equal(span!.kind, SpanKind.PRODUCER)
  assert.equal(span!.parentSpanContext!.spanId, parent.split('-')[2])
  assert.deepEqual(span!.attributes, {
    'messaging.system.name': 'kafka',
    'messaging.operation.name': 'send',
    'messaging.operation.type': 'send',
    'messaging.destination.name': 'orders',
    'messaging.destination.partition.id': '0',
    'messaging.client.id': 'shop',
    'kafka.message.key': 'k',
    'kafka.offset': 0,
  })
  assert.deepEqual(world.headers(), [traceparentOf(span!)])
})

test('a trace goes from the producer through the header to the consumer', async () => {
  await using world = await setUp()
  const { producer, tracer, cluster } = world
  await producer.send(record())
  const reading = readTopic({ brokers: cluster.brokers, topic: 'orders' })
  const { value } = await reading.next()
  await reading.return()
  const carrier = Object.fromEntries(value!.headers.map(([name, header]) => [name, String(header)]))
  const extracted = propagation.extract(ROOT_CONTEXT, carrier)
  const consumer = tracer.startSpan('process orders', { kind: SpanKind.CONSUMER }, extracted)
  const [sent] = await world.spans()
  assert.equal(consumer.spanContext().traceId, sent!.spanContext().traceId)
  assert.equal(trace.getSpanContext(extracted)!.spanId, sent!.spanContext().spanId)
})

test('past the rate a batch has one span, which links to each sender once', async () => {
  await using world = await setUp({ recordSpansPerSecond: 0 })
  const { producer, tracer } = world
  await producer.send(record('warm'))
  const parents = await Promise.all(
    [1, 2].map(() =>
      inSpan(tracer, async (traceparent) => {
        await Promise.all([producer.send(record()), producer.send(record())])
        return traceparent
      }),
    ),
  )
  const spans = (await world.spans()).slice(1)
  assert.equal(spans.length, 1)
  const [span] = spans
  assert.equal(span!.kind, SpanKind.CLIENT)
  assert.equal(span!.attributes['messaging.batch.message_count'], 4)
  assert.equal(span!.attributes['server.address'], '127.0.0.1')
  assert.equal(span!.attributes['server.port'], Number(world.cluster.brokers[0]!.split(':')[1]))
  assert.equal(span!.parentSpanContext, undefined)
  const linked = span!.links.map(({ context: { traceId, spanId } }) => `00-${traceId}-${spanId}-01`)
  assert.deepEqual(linked.sort(), [...parents].sort())
  assert.deepEqual(world.headers().slice(1).sort(), [...parents, ...parents].sort())
})

for (const linksMax of [0, 1, 3]) {
  test(`a batch of ten senders has ${linksMax} links where that is the limit`, async () => {
    await using world = await setUp({ spans: 'batch', linksMax })
    const { producer, tracer } = world
    const sends = Array.from({ length: 10 }, () => inSpan(tracer, () => producer.send(record())))
    await Promise.all(sends)
    const spans = await world.spans()
    const largest = spans.reduce((one, other) => (countOf(other) > countOf(one) ? other : one))
    assert.ok(countOf(largest) >= 9)
    assert.equal(largest.links.length, linksMax)
    assert.equal(largest.parentSpanContext, undefined, 'it is of none of them alone')
  })
}

test('a batch of one sender belongs to its trace', async () => {
  await using world = await setUp({ spans: 'batch' })
  const { producer, tracer } = world
  const parent = await inSpan(tracer, async (traceparent) => {
    await producer.sendBatch([record(), record()])
    return traceparent
  })
  const [span] = await world.spans()
  assert.equal(`00-${span!.spanContext().traceId}`, parent.slice(0, 35))
  assert.equal(span!.parentSpanContext!.spanId, parent.split('-')[2])
  assert.deepEqual(span!.links, [])
})

test('many records do not become many spans', async () => {
  await using world = await setUp()
  const { producer } = world
  for (let round = 0; round < 5; round++) {
    await producer.sendBatch(Array.from({ length: 1000 }, (_, index) => record(`${index}`)))
  }
  const spans = await world.spans()
  const ofRecords = spans.filter(({ kind }) => kind === SpanKind.PRODUCER)
  assert.ok(ofRecords.length >= 100 && ofRecords.length < 400, `${ofRecords.length} of records`)
  const { batches } = producer.metrics()
  assert.ok(spans.length - ofRecords.length <= batches)
  const counted = spans.reduce(
    (sum, { attributes }) => sum + Number(attributes['messaging.batch.message_count'] ?? 0),
    0,
  )
  assert.ok(counted <= 5000 && counted > 5000 - 100 - 1000)
})

test('with spans: create each record has a span, and that of its batch links to it', async () => {
  await using world = await setUp({ spans: 'create' })
  const { producer, tracer } = world
  await inSpan(tracer, () => producer.sendBatch([record(), record(null)]))
  const spans = await world.spans()
  const created = spans.filter(({ name }) => name === 'create orders')
  const [sent, ...others] = spans.filter(({ name }) => name === 'send orders')
  assert.deepEqual(others, [])
  assert.equal(created.length, 2)
  assert.equal(created[0]!.kind, SpanKind.PRODUCER)
  assert.equal(created[1]!.attributes['kafka.message.tombstone'], true)
  assert.deepEqual(
    sent!.links.map(({ context: { spanId } }) => spanId),
    created.map((span) => span.spanContext().spanId),
  )
  assert.deepEqual(world.headers(), created.map(traceparentOf))
})

test('a failed record ends its span with the code of the error', async () => {
  await using world = await setUp({ producer: { retries: 0, acks: 1 } })
  const { producer, cluster } = world
  cluster.fault({ api: 'Produce', error: 'TOPIC_AUTHORIZATION_FAILED' })
  await assert.rejects(producer.send(record()))
  assert.throws(() => producer.enqueue({ topic: '', value: 'a' }))
  const [failed, rejected] = await world.spans()
  assert.equal(failed!.attributes['error.type'], 'AUTHORIZATION_FAILED')
  assert.equal(failed!.status.code, SpanStatusCode.ERROR)
  assert.equal(failed!.attributes['messaging.destination.partition.id'], '0')
  assert.equal(rejected!.attributes['error.type'], 'INVALID_ARGUMENT')
})

test('a failed batch has the code of the error in its span', async () => {
  await using world = await setUp({ spans: 'batch', producer: { retries: 0, acks: 1 } })
  const { producer, cluster } = world
  cluster.fault({ api: 'Produce', error: 'TOPIC_AUTHORIZATION_FAILED' })
  await producer.sendBatch([record(), record()])
  const [span] = await world.spans()
  assert.equal(span!.attributes['error.type'], 'AUTHORIZATION_FAILED')
  assert.equal(span!.status.code, SpanStatusCode.ERROR)
})

test('a trace that is not sampled has no span, and its headers say so', async () => {
  await using world = await setUp({ sampler: new AlwaysOffSampler() })
  await world.producer.send(record())
  assert.deepEqual(await world.spans(), [])
  assert.match(world.headers()[0]!, /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
})

test('spans: none puts the sender’s context into the headers, and makes no span', async () => {
  await using world = await setUp({ spans: 'none' })
  const { producer, tracer } = world
  const parent = await inSpan(tracer, async (traceparent) => {
    await producer.send(record())
    return traceparent
  })
  await producer.send(record())
  assert.deepEqual(await world.spans(), [])
  assert.deepEqual(world.headers(), [parent, undefined])
})

test('headers of every form are kept; an older context is replaced', async () => {
  await using world = await setUp()
  const { producer, cluster } = world
  const object = { a: 'x', traceparent: 'old' }
  const pairs = [
    ['a', 'x'],
    ['traceparent', 'old'],
    ['a', 'y'],
  ] as const
  await producer.send({ ...record(), headers: object })
  await producer.send({ ...record(), headers: pairs })
  const names = cluster.records('orders').map(({ headers }) => headers.map(([name]) => name))
  assert.deepEqual(names, [
    ['a', 'traceparent'],
    ['a', 'a', 'traceparent'],
  ])
  assert.ok(world.headers().every((header) => header!.startsWith('00-')))
  assert.deepEqual(object, { a: 'x', traceparent: 'old' })
  assert.equal(pairs.length, 3)
})

test('the context of the caller is taken, also of callbacks that run later', async () => {
  await using world = await setUp({ spans: 'none' })
  const { producer, tracer } = world
  const parent = await inSpan(tracer, async (traceparent) => {
    producer.enqueue(record())
    await producer.flush()
    return traceparent
  })
  assert.equal(trace.getSpan(context.active()), undefined)
  assert.deepEqual(world.headers(), [parent])
})

test('options that cannot be read are an INVALID_OPTION', () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  assert.throws(() => openTelemetry(proxy), {
    code: 'INVALID_OPTION',
    message: /^openTelemetry: options could not be read: .*revoked/,
  })
})
