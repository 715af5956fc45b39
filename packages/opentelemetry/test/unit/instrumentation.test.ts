// The instrumentation: every producer of the process has spans without an option, whichever came
// first, and never twice.

import assert from 'node:assert/strict'
import { channel } from 'node:diagnostics_channel'
import { test } from 'node:test'
import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { Producer } from 'millrace'
import { MillraceInstrumentation } from '../../src/instrumentation.ts'
import { inSpan, setUp, traceparentOf } from './telemetry-kit.ts'

const record = (value: string | null = 'a') => ({ topic: 'orders', value, partition: 0 })
const turn = (): Promise<void> => new Promise(setImmediate)

/** A world whose producer has no option; the instrumentation ends with it. */
const setUpInstrumented = async (options: Parameters<typeof setUp>[0] = {}) => {
  const { producer, ...config } = options
  const instrumentation = new MillraceInstrumentation(config)
  const world = await setUp({ ...options, producer: { interceptors: [], ...producer } })
  instrumentation.setTracerProvider(world.tracers)
  instrumentation.setMeterProvider(world.meters)
  return {
    ...world,
    instrumentation,
    [Symbol.asyncDispose]: async () => {
      await world[Symbol.asyncDispose]()
      instrumentation.disable()
    },
  }
}

test('each way in has a span in the trace of its caller, and a header with it', async () => {
  await using world = await setUpInstrumented()
  const { producer, tracer } = world
  const parent = await inSpan(tracer, async (traceparent) => {
    await producer.send({ ...record(), headers: { a: 'x' } })
    await producer.sendBatch([record(), record()])
    producer.enqueue(record())
    await producer.submit(record())
    await producer.flush()
    return traceparent
  })
  const spans = await world.spans()
  assert.equal(spans.length, 5)
  for (const [offset, span] of spans.entries()) {
    assert.equal(span.name, 'send orders')
    assert.equal(span.kind, SpanKind.PRODUCER)
    assert.equal(span.parentSpanContext!.spanId, parent.split('-')[2])
    assert.equal(span.attributes['messaging.client.id'], 'shop')
    assert.equal(span.attributes['kafka.offset'], offset)
  }
  assert.deepEqual(world.headers(), spans.map(traceparentOf))
  const [first] = world.cluster.records('orders')
  assert.deepEqual(
    first!.headers.map(([name]) => name),
    ['a', 'traceparent'],
  )
})

test('past the rate a batch has one span, in the trace of its records', async () => {
  await using world = await setUpInstrumented({ spans: 'batch' })
  const { producer, tracer } = world
  const parent = await inSpan(tracer, async (traceparent) => {
    await producer.sendBatch([record(), record()])
    return traceparent
  })
  const [span, ...others] = await world.spans()
  assert.deepEqual(others, [])
  assert.equal(span!.kind, SpanKind.CLIENT)
  assert.equal(span!.attributes['messaging.batch.message_count'], 2)
  assert.equal(span!.attributes['server.address'], '127.0.0.1')
  assert.equal(span!.parentSpanContext!.spanId, parent.split('-')[2])
  assert.deepEqual(world.headers(), [parent, parent])
})

test('a record that fails, and one that is rejected, end their spans with the error', async () => {
  await using world = await setUpInstrumented({ producer: { retries: 0, acks: 1 } })
  const { producer, cluster } = world
  cluster.fault({ api: 'Produce', error: 'TOPIC_AUTHORIZATION_FAILED' })
  await assert.rejects(producer.send(record()))
  assert.throws(() => producer.enqueue({ topic: '', value: 'a' }))
  const [failed, rejected] = await world.spans()
  assert.equal(failed!.attributes['error.type'], 'AUTHORIZATION_FAILED')
  assert.equal(failed!.status.code, SpanStatusCode.ERROR)
  assert.equal(rejected!.attributes['error.type'], 'INVALID_ARGUMENT')
})

test('it can be disabled and enabled while a producer is open', async () => {
  await using world = await setUpInstrumented()
  const { producer, instrumentation } = world
  await producer.send(record())
  instrumentation.disable()
  await producer.send(record())
  await turn()
  assert.equal(channel('tracing:millrace:send:start').hasSubscribers, false)
  instrumentation.enable()
  instrumentation.enable()
  await producer.send(record())
  const offsets = (await world.spans()).map(({ attributes }) => attributes['kafka.offset'])
  assert.deepEqual(offsets, [0, 2])
  assert.equal(
    (await world.metrics()).get('millrace.producer.records_delivered')!.dataPoints[0]!.value,
    3,
  )
})

test('a producer with the interceptor has its spans, and none of the instrumentation', async () => {
  await using world = await setUpInstrumented()
  await using other = new Producer({
    brokers: world.cluster.brokers,
    clientId: 'other',
    interceptors: [world.telemetry],
  })
  await other.send(record())
  await world.producer.send(record())
  const clients = (await world.spans()).map(({ attributes }) => attributes['messaging.client.id'])
  assert.deepEqual(clients, ['other', 'shop'])
})

test('the configuration is read as by the SDK, and a disabled SDK stays disabled', async () => {
  const off = new MillraceInstrumentation({ enabled: false, spans: 'batch' })
  assert.deepEqual(off.getConfig(), { enabled: false, spans: 'batch' })
  assert.equal(channel('tracing:millrace:send:start').hasSubscribers, false)
  off.setConfig({ spans: 'none' })
  assert.deepEqual(off.getConfig(), { enabled: true, spans: 'none' })
  assert.equal(channel('tracing:millrace:send:start').hasSubscribers, false)
  assert.equal(off.instrumentationName, '@millrace/opentelemetry')
})

test('a closed producer leaves no listener of its own behind', async () => {
  const world = await setUpInstrumented()
  await world.producer.send(record())
  assert.equal(channel('millrace:batch.settled').hasSubscribers, true)
  await world.producer.close()
  await turn()
  assert.equal(channel('millrace:batch.settled').hasSubscribers, false)
  await world[Symbol.asyncDispose]()
  assert.equal(channel('millrace:producer.created').hasSubscribers, false)
})
