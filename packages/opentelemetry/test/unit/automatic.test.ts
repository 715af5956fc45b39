// With an OpenTelemetry SDK in the process a producer finds this package by itself: no option, no
// import. The environment selects it as it selects the SDK's own instrumentations.

import assert from 'node:assert/strict'
import { channel } from 'node:diagnostics_channel'
import { extname } from 'node:path'
import { test } from 'node:test'
import { trace } from '@opentelemetry/api'
import { Producer } from 'millrace'
import { MillraceInstrumentation } from '../../src/instrumentation.ts'
import { setUp } from './telemetry-kit.ts'

const registerUrl = new URL(`../../src/register${extname(import.meta.url)}`, import.meta.url).href

const isListening = (): boolean => channel('tracing:millrace:send:start').hasSubscribers

test('the environment can select other instrumentations only, or all but this', async () => {
  for (const [variable, value] of [
    ['OTEL_NODE_ENABLED_INSTRUMENTATIONS', 'http, kafkajs'],
    ['OTEL_NODE_DISABLED_INSTRUMENTATIONS', 'http,millrace'],
  ] as const) {
    process.env[variable] = value
    await import(`${registerUrl}?${variable}`)
    delete process.env[variable]
    assert.equal(isListening(), false, variable)
  }
})

test('a producer loads it when an SDK has tracers; one of the caller replaces it', async () => {
  await using world = await setUp({ producer: { interceptors: [] } })
  const options = { brokers: world.cluster.brokers, clientId: 'shop' }
  await world.producer.send({ topic: 'orders', value: 'before' })
  assert.equal(isListening(), false)
  trace.setGlobalTracerProvider(world.tracers)
  await using producer = new Producer(options)
  await producer.send({ topic: 'orders', value: 'a' })
  await world.producer.send({ topic: 'orders', value: 'also' })
  const spans = await world.spans()
  assert.equal(spans.length, 2)
  assert.equal(spans[0]!.attributes['messaging.client.id'], 'shop')
  assert.equal(world.headers().filter((header) => header !== undefined).length, 2)
  new MillraceInstrumentation({ enabled: false })
  await producer.send({ topic: 'orders', value: 'b' })
  assert.equal((await world.spans()).length, 2)
  assert.equal(isListening(), false)
})
