// The memory of the adapter after a forced collection, as millrace's soak tests measure that of a
// Producer: what it holds for each call, topic and connection must end with them. On real time,
// because the adapter has kafkajs' own times. MILLRACE_HEAP_SCALE=1 runs 200,000 sends, 100,000
// topics, and a minute of errors and of damaged responses; by default it is a tenth.

import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { startCluster, type TestCluster } from 'millrace/testing'
import { Kafka, logLevel, type Producer } from '../../src/index.ts'
import { memoryUsed } from './memory-used.ts'

const scale = Number(process.env.MILLRACE_HEAP_SCALE ?? 0.1)
const bufferMemoryBytes = 32 * 1024 * 1024
const growthMax = bufferMemoryBytes + 40 * 1024 * 1024
const always = { count: Number.POSITIVE_INFINITY }

interface Stage {
  readonly cluster: TestCluster
  readonly producer: Producer
  /** The names of the errors that `send` rejected with. */
  readonly names: Set<string>
  failed: number
  send(topic: string, value: string, partition?: number): Promise<unknown>
  check(what: string): Promise<void>
}

const onStage = async (
  context: TestContext,
  partitions: number,
  body: (stage: Stage) => Promise<void>,
  requestTimeout = 30_000,
): Promise<void> => {
  await using cluster = await startCluster({ topics: { t: partitions } })
  const brokers = [...cluster.brokers]
  const kafka = new Kafka({ brokers, requestTimeout, logLevel: logLevel.NOTHING })
  const producer = kafka.producer({
    retry: { retries: 5, initialRetryTime: 20, maxRetryTime: 200 },
    millrace: { bufferMemoryBytes },
  })
  await producer.connect()
  await producer.send({ topic: 't', messages: [{ value: 'warm' }] })
  const before = await memoryUsed()
  const stage: Stage = {
    cluster,
    producer,
    names: new Set(),
    failed: 0,
    async send(topic, value, partition) {
      const message = partition === undefined ? { value } : { value, partition }
      try {
        await producer.send({ topic, messages: [message] })
      } catch (error) {
        stage.failed++
        stage.names.add((error as Error).name)
      }
    },
    async check(what) {
      const growth = (await memoryUsed()) - before
      context.diagnostic(`${(growth / 2 ** 20).toFixed(1)} MiB more memory ${what}`)
      assert.ok(growth < growthMax, `${growth} bytes more ${what}`)
    },
  }
  try {
    await body(stage)
  } finally {
    await producer.disconnect()
  }
}

describe('the memory of the adapter stays within bufferMemoryBytes and 40 MiB', () => {
  it('after sends that failed in an outage', (context) =>
    onStage(context, 1, async (stage) => {
      const { cluster, send, names, check } = stage
      cluster.node(1).stop()
      for (let wave = 0; wave < 20 * scale; wave++) {
        await Promise.all(Array.from({ length: 10_000 }, () => send('t', 'x'.repeat(20))))
      }
      await check('while the outage lasts')
      assert.deepEqual([...names], ['KafkaJSNumberOfRetriesExceeded'])
      assert.equal(stage.failed, 200_000 * scale)
    }))

  it('during an error that is retried, in many partitions', (context) =>
    onStage(context, 1000 * scale, async (stage) => {
      const { cluster, send, check } = stage
      const fault = cluster.fault({ api: 'Produce', error: 'NOT_ENOUGH_REPLICAS', ...always })
      const endsAt = performance.now() + 60_000 * scale
      while (performance.now() < endsAt) {
        const count = 1000 * scale
        await Promise.all(
          Array.from({ length: count }, (_, partition) => send('t', 'x', partition)),
        )
      }
      await check('during the outage')
      assert.ok(stage.failed > 0 && fault.hits > 0)
    }))

  it('after very many topics that were used once', (context) =>
    onStage(context, 1, async (stage) => {
      const { cluster, send, check } = stage
      for (let wave = 0; wave < 200 * scale; wave++) {
        const names = Array.from({ length: 500 }, (_, index) => `topic-${wave}-${index}`)
        for (const name of names) cluster.createTopic(name, 1)
        await Promise.all(names.map((name) => send(name, 'x')))
        for (const name of names) cluster.deleteTopic(name)
      }
      await check('after the last topic')
      assert.equal(stage.failed, 0)
    }))

  it('during responses that no client can read', (context) =>
    onStage(
      context,
      1,
      async (stage) => {
        const { cluster, send, check } = stage
        const faults = (['huge', 'truncated', 'garbage'] as const).map((malformed) =>
          cluster.fault({ malformed, at: 'after', when: () => Math.random() < 0.3, ...always }),
        )
        const endsAt = performance.now() + 60_000 * scale
        while (performance.now() < endsAt) {
          await Promise.all(Array.from({ length: 100 }, () => send('t', 'x'.repeat(500))))
        }
        await check('while responses are damaged')
        assert.ok(faults.every(({ hits }) => hits > 0))
        for (const fault of faults) fault.remove()
        // The client may still wait before it connects again, longer than the attempts of one call.
        let before: number
        let sends = 0
        do {
          before = stage.failed
          await send('t', 'good')
          sends++
        } while (stage.failed > before && sends < 20)
        await Promise.all(Array.from({ length: 100 }, () => send('t', 'good')))
        assert.equal(stage.failed, before, 'a good cluster is used normally')
      },
      500,
    ))
})
