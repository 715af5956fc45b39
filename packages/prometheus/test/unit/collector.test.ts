// The metrics of producers as Prometheus reads them: one exposition, parsed again line by line.

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { metricTable, Producer, type ProducerMetrics } from 'millrace'
import { RecordingProducer, startCluster } from 'millrace/testing'
import { type OpenMetricsContentType, Registry } from 'prom-client'
import { collectMetrics } from '../../src/index.ts'

interface Exposition {
  /** By name. */
  readonly types: Map<string, string>
  /** By `name{labels}`. */
  readonly values: Map<string, number>
}

const scrape = async (register: Pick<Registry, 'metrics'>): Promise<Exposition> => {
  const types = new Map<string, string>()
  const values = new Map<string, number>()
  for (const line of (await register.metrics()).split('\n')) {
    const type = /^# TYPE (\S+) (\S+)$/.exec(line)
    const sample = /^([a-z_]+(?:\{.*\})?) (\S+)$/.exec(line)
    if (type !== null) types.set(type[1]!, type[2]!)
    else if (sample !== null) {
      assert.ok(!values.has(sample[1]!), `${sample[1]} is there twice`)
      values.set(sample[1]!, sample[2] === 'Nan' ? Number.NaN : Number(sample[2]))
    } else assert.match(line, /^(# HELP \S+ .+|# EOF|)$/)
  }
  return { types, values }
}

const silent = { debug() {}, info() {}, warn() {}, error() {} }

const setUp = async () => {
  const cluster = await startCluster({ topics: { orders: 1 } })
  const producer = new Producer({ brokers: cluster.brokers, clientId: 'shop', logger: silent })
  return {
    cluster,
    producer,
    [Symbol.asyncDispose]: async () => {
      await producer.close()
      await cluster.close()
    },
  }
}

const records = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ topic: 'orders', value: `${index}` }))

test('a scrape has the numbers of the snapshot, in seconds and bytes', async () => {
  await using world = await setUp()
  const register = new Registry()
  collectMetrics(world.producer, { register })
  await world.producer.sendBatch(records(10))
  const { values, types } = await scrape(register)
  const { requestBytes, requestLatencyMs } = world.producer.metrics()
  const of = (name: string, labels = '') =>
    values.get(`millrace_producer_${name}{client_id="shop"${labels}}`)
  assert.equal(of('records_delivered_total'), 10)
  assert.equal(of('request_bytes_total'), requestBytes)
  assert.equal(of('request_latency_seconds_count'), requestLatencyMs.count)
  assert.equal(of('request_latency_seconds_sum'), requestLatencyMs.sum / 1000)
  assert.equal(of('request_latency_seconds', ',quantile="1"'), requestLatencyMs.max / 1000)
  assert.equal(of('topic_records_delivered_total', ',topic="orders"'), 10)
  assert.equal(of('broker_requests_total', ',node_id="1"'), 1)
  assert.equal(of('transactions_begun_total'), 0)
  assert.equal(of('buffer_total_bytes'), 32 * 1024 * 1024)
  assert.equal(types.get('millrace_producer_records_delivered_total'), 'counter')
  assert.equal(types.get('millrace_producer_request_latency_seconds'), 'summary')
  assert.equal(types.get('millrace_producer_buffer_used_bytes'), 'gauge')
})

test('every number of a snapshot has its metric, and no name stands for two', async () => {
  await using world = await setUp()
  const register = new Registry()
  collectMetrics(world.producer, { register })
  const { types } = await scrape(register)
  const own = [...types.keys()].filter(
    (name) => !/_(topic|broker|transactions)_/.test(name.replace('millrace_producer', '')),
  )
  assert.equal(own.length, Object.keys(metricTable).length)
})

test('a producer is read once per scrape, and not at all between scrapes', async () => {
  await using world = await setUp()
  const register = new Registry()
  let reads = 0
  const metrics = (): ProducerMetrics => {
    reads++
    return world.producer.metrics()
  }
  collectMetrics({ metrics }, { register })
  reads = 0
  await scrape(register)
  assert.equal(reads, 1)
  await scrape(register)
  assert.equal(reads, 2)
})

test('producers share a registry and differ by client id or labels', async () => {
  await using world = await setUp()
  const register = new Registry()
  const first = collectMetrics(world.producer, { register })
  assert.throws(() => collectMetrics(world.producer, { register }), /has the labels.*"shop"/)
  const second = collectMetrics(world.producer, { register, labels: { pool: 'b' } })
  const name = 'millrace_producer_connections'
  const both = await scrape(register)
  assert.ok(both.values.has(`${name}{client_id="shop"}`))
  assert.ok(both.values.has(`${name}{client_id="shop",pool="b"}`))
  first.stop()
  first.stop()
  assert.ok(!(await scrape(register)).values.has(`${name}{client_id="shop"}`))
  second.stop()
  assert.equal((await scrape(register)).types.size, 0)
  collectMetrics(world.producer, { register })
  assert.ok((await scrape(register)).values.has(`${name}{client_id="shop"}`))
})

test('the OpenMetrics format has the same names', async () => {
  await using world = await setUp()
  const register = new Registry<OpenMetricsContentType>()
  register.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
  collectMetrics(world.producer, { register })
  await world.producer.sendBatch(records(3))
  const { values, types } = await scrape(register)
  assert.equal(values.get('millrace_producer_records_delivered_total{client_id="shop"}'), 3)
  assert.equal(types.get('millrace_producer_records_delivered'), 'counter')
  const again = await scrape(register)
  assert.equal(again.values.get('millrace_producer_records_delivered_total{client_id="shop"}'), 3)
})

test('metadata that was never received has no age', async () => {
  await using world = await setUp()
  const register = new Registry()
  collectMetrics(world.producer, { register })
  const { values } = await scrape(register)
  assert.ok(Number.isNaN(values.get('millrace_producer_metadata_age_seconds{client_id="shop"}')))
})

/** The page about telemetry, wherever this file was compiled to. */
const telemetryPage = (folder = dirname(fileURLToPath(import.meta.url))): string => {
  const path = join(folder, 'docs/telemetry.md')
  return existsSync(path) ? readFileSync(path, 'utf8') : telemetryPage(dirname(folder))
}

test('the queries of the documentation name existing metrics', async () => {
  await using world = await setUp()
  const register = new Registry()
  collectMetrics(world.producer, { register })
  await world.producer.sendBatch(records(1))
  const { values } = await scrape(register)
  const names = telemetryPage().match(/millrace_producer_\w+(?=[[{ `/])/g) ?? []
  assert.ok(names.length >= 6, `${names}`)
  const exposed = [...values.keys()]
  for (const name of names) {
    assert.ok(
      exposed.some((one) => one.startsWith(`${name}{`)),
      name,
    )
  }
  const topic = exposed.filter((one) => one.startsWith('millrace_producer_topic_'))
  assert.ok(topic.every((one) => one.includes('topic="orders"')))
  assert.ok(!exposed.some((one) => one.includes('partition="')), 'partitions are too many')
})

test('arguments that cannot be read are named in a KafkaError', () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  const source = new RecordingProducer() as never
  for (const [name, call] of [
    ['source', () => collectMetrics(proxy as never, { register: new Registry() })],
    ['options', () => collectMetrics(source, proxy)],
  ] as const) {
    assert.throws(call, {
      code: 'INVALID_ARGUMENT',
      message: new RegExp(`^collectMetrics: ${name} could not be read: .*revoked`),
    })
  }
})
