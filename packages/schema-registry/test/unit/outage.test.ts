// A registry that is down, over a running producer: other topics go on, subjects that are known are
// written from the cache, records of unknown subjects fail as retriable or wait, in order, and what
// was taken arrives once.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KafkaError, Producer, textSerializer, typedTopics } from 'millrace'
import { startCluster } from 'millrace/testing'
import { avroSerializer, SchemaRegistry, schemaDeserializer } from '../../src/index.ts'
import { SchemaRegistryServer } from '../../src/testing.ts'

const rounds = 200
const schema = { type: 'record', name: 'Event', fields: [{ name: 'n', type: 'long' }] }

interface Stage extends AsyncDisposable {
  readonly server: SchemaRegistryServer
  send(topic: 'plain' | 'known' | 'unknown', n: number): Promise<unknown>
  /** The numbers in a topic, as they are in the log. */
  read(topic: 'plain' | 'known' | 'unknown'): Promise<unknown[]>
}

const setUp = async (requestTimeoutMs: number): Promise<Stage> => {
  const cluster = await startCluster({ topics: { plain: 1, known: 1, unknown: 1 } })
  const server = await SchemaRegistryServer.start()
  const producer = new Producer({ brokers: cluster.brokers, lingerMs: 0 })
  const registry = new SchemaRegistry({
    url: server.url,
    retries: 1,
    retryBackoffMs: 5,
    requestTimeoutMs,
  })
  for (const topic of ['known', 'unknown']) await server.register(`${topic}-value`, { schema })
  const value = avroSerializer<{ n: number }>({ registry, latestMaxAgeMs: 0 })
  const topics = typedTopics(producer, {
    plain: { value: textSerializer },
    known: { value },
    unknown: { value },
  })
  const deserialize = schemaDeserializer({ registry })
  return {
    server,
    send: (topic, n) =>
      topic === 'plain'
        ? topics.send({ topic, value: `${n}` })
        : topics.send({ topic, value: { n } }),
    read: async (topic) => {
      const records = cluster.records(topic)
      if (topic === 'plain') return records.map((record) => Number(record.value))
      const values = await Promise.all(records.map((record) => deserialize(record.value)))
      return values.map((one) => (one as { n: number }).n)
    },
    [Symbol.asyncDispose]: async () => {
      await producer.close()
      await Promise.all([cluster.close(), server.close()])
    },
  }
}

const numbers = Array.from({ length: rounds }, (_, n) => n)

const outage = async (
  stage: Stage,
): Promise<[n: number, result: PromiseSettledResult<unknown>][]> => {
  const unknown: Promise<unknown>[] = []
  for (const n of numbers) {
    unknown.push(stage.send('unknown', n))
    unknown.at(-1)!.catch(() => {})
    // These are delivered in each round, whatever becomes of the third.
    await Promise.all([stage.send('plain', n), stage.send('known', n)])
  }
  await stage.server.resume()
  stage.server.clearFaults()
  const results = await Promise.allSettled(unknown)
  return results.map((result, n) => [n, result])
}

const delivered = (results: readonly [n: number, result: PromiseSettledResult<unknown>][]) =>
  results.flatMap(([n, { status }]) => (status === 'fulfilled' ? [n] : []))

test('a registry that refuses connections fails only records of unknown subjects', async () => {
  await using stage = await setUp(1000)
  await stage.send('known', -1)
  await stage.server.stop()
  const results = await outage(stage)
  await stage.send('unknown', rounds)
  for (const [, result] of results) {
    if (result.status === 'fulfilled') continue
    assert.ok(result.reason instanceof KafkaError)
    assert.equal(result.reason.code, 'SCHEMA_REGISTRY_UNAVAILABLE')
    assert.equal(result.reason.retriable, true)
  }
  assert.deepEqual(await stage.read('plain'), numbers)
  assert.deepEqual(await stage.read('known'), [-1, ...numbers])
  assert.deepEqual(await stage.read('unknown'), [...delivered(results), rounds])
  assert.ok(delivered(results).length < rounds)
})

test('a registry that does not respond keeps records waiting, in order', async () => {
  await using stage = await setUp(60_000)
  await stage.send('known', -1)
  stage.server.fail({ request: /unknown/, delayMs: 300 })
  stage.server.fail({ request: /known/, silent: true, times: Number.POSITIVE_INFINITY })
  const results = await outage(stage)
  assert.deepEqual(delivered(results), numbers)
  assert.deepEqual(await stage.read('plain'), numbers)
  assert.deepEqual(await stage.read('known'), [-1, ...numbers])
  assert.deepEqual(await stage.read('unknown'), numbers)
})
