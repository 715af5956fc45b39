// Metrics, exported to memory, and the names: what we write down of the conventions is what the
// conventions package says, and nothing of it is on its way out.

import assert from 'node:assert/strict'
import { channel } from 'node:diagnostics_channel'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Histogram } from '@opentelemetry/sdk-metrics'
import * as stable from '@opentelemetry/semantic-conventions'
import * as all from '@opentelemetry/semantic-conventions/incubating'
import { metricTable, Producer } from 'millrace'
import {
  attribute,
  metricName,
  operationCreate,
  operationSend,
  systemKafka,
} from '../../src/conventions.ts'
import { instrumentName } from '../../src/snapshot-metrics.ts'
import { setUp } from './telemetry-kit.ts'

const record = (value = 'a', partition = 0) => ({ topic: 'orders', value, partition })

/** What the conventions package declares, with its comments. */
const declarations = (): string => {
  const folder = dirname(fileURLToPath(import.meta.resolve('@opentelemetry/semantic-conventions')))
  return readdirSync(folder)
    .filter((name) => name.endsWith('.d.mts'))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n')
}

test('each attribute and metric is a constant of the conventions, and none is deprecated', () => {
  const declared = declarations()
  const constants = new Map(
    Object.entries({ ...stable, ...all }).map(([name, text]) => [text, name]),
  )
  for (const text of [...Object.values(attribute), ...Object.values(metricName)]) {
    const name = constants.get(text)
    assert.ok(name !== undefined, `${text} is not a name of the conventions`)
    const at = declared.indexOf(`declare const ${name}:`)
    assert.ok(at > 0, `${name} is not declared`)
    const comment = declared.slice(declared.lastIndexOf('/**', at), at)
    assert.ok(!comment.includes('@deprecated'), `${text} is deprecated`)
  }
  assert.equal(systemKafka, all.MESSAGING_SYSTEM_NAME_VALUE_KAFKA)
  assert.equal(operationSend, all.MESSAGING_OPERATION_TYPE_VALUE_SEND)
  assert.equal(operationCreate, all.MESSAGING_OPERATION_TYPE_VALUE_CREATE)
})

test('sent messages and durations are recorded per topic and error', async () => {
  await using world = await setUp({ producer: { retries: 0, acks: 1 } })
  const { producer, cluster } = world
  await producer.sendBatch([record(), record(), record()])
  cluster.fault({ api: 'Produce', error: 'TOPIC_AUTHORIZATION_FAILED' })
  await assert.rejects(producer.send(record()))
  const metrics = await world.metrics()
  const sent = metrics.get('messaging.client.sent.messages')!
  const points = sent.dataPoints.map(({ attributes, value }) => [attributes['error.type'], value])
  assert.deepEqual(points, [
    [undefined, 3],
    ['AUTHORIZATION_FAILED', 1],
  ])
  assert.equal(sent.descriptor.unit, '{message}')
  assert.equal(sent.dataPoints[0]!.attributes['server.address'], '127.0.0.1')
  const duration = metrics.get('messaging.client.operation.duration')!
  const { count, sum, buckets } = duration.dataPoints[0]!.value as Histogram
  assert.equal(count, 1)
  assert.ok(sum! > 0 && sum! < 10)
  assert.equal(buckets.boundaries.length, 14)
  assert.equal(duration.descriptor.unit, 's')
})

test('every number of the snapshot is observed, in seconds and bytes', async () => {
  await using world = await setUp()
  await world.producer.send(record())
  const metrics = await world.metrics()
  for (const field of Object.keys(metricTable)) {
    assert.ok(metrics.has(instrumentName(field)), instrumentName(field))
  }
  const delivered = metrics.get('millrace.producer.records_delivered')!.dataPoints
  assert.deepEqual(
    delivered.map(({ attributes, value }) => [attributes, value]),
    [[{ 'messaging.client.id': 'shop' }, 1]],
  )
  const latency = metrics.get('millrace.producer.request_latency')!.dataPoints
  assert.deepEqual(
    latency.map(({ attributes }) => attributes.quantile),
    [0.5, 0.99, 1],
  )
  assert.ok((latency[2]!.value as number) < 10)
})

test('one openTelemetry() serves several producers, each with its own spans', async () => {
  await using world = await setUp({ spans: 'batch' })
  const { cluster, telemetry } = world
  const options = { brokers: cluster.brokers, clientId: 'other', interceptors: [telemetry] }
  await using other = new Producer(options)
  await Promise.all([world.producer.send(record()), other.send(record('b', 1))])
  const spans = await world.spans()
  const clients = spans.map(({ attributes }) => attributes['messaging.client.id'])
  assert.deepEqual(clients.sort(), ['other', 'shop'])
  await other.close()
  const metrics = await world.metrics()
  const points = metrics.get('millrace.producer.connections')!.dataPoints
  assert.deepEqual(
    points.map(({ attributes }) => attributes['messaging.client.id']),
    ['shop'],
  )
})

test('a closed producer leaves no listener behind', async () => {
  const world = await setUp()
  const listened = () => channel('millrace:batch.settled').hasSubscribers
  assert.equal(listened(), true)
  await world[Symbol.asyncDispose]()
  assert.equal(listened(), false)
})
