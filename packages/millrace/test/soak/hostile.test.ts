// A cluster whose responses are damaged at random, of every API, while producers send. Memory after
// a forced collection stays bounded, every call settles with a typed error or a result, and a good
// cluster is used normally afterwards. By default a short form with a fixed seed; `npm run hostile`
// runs it for ten minutes.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { TestCluster } from '../../src/in-process-cluster/in-process-cluster.ts'
import { KafkaError, Producer, type ProducerOptions } from '../../src/index.ts'
import { KafkaProducer, SyncProducer } from '../../src/layers.ts'
import type { ProducerEnvironment } from '../../src/producer/environment.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { MemoryNetwork } from '../../src/runtime/memory-transport.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import { VirtualClock } from '../../src/runtime/virtual-clock.ts'
import { HostileTransport } from '../unit/hostile-transport.ts'
import { memoryUsed } from './memory-used.ts'

const seed = Number(process.env.MILLRACE_SEED ?? 20_261_129)
/** 0 = the short form, of so many damaged responses. */
const seconds = Number(process.env.MILLRACE_HOSTILE_SECONDS ?? 0)
const shortForm = 300
const damagedShare = 0.3
const bufferMemoryBytes = 1024 * 1024
const growthMax = bufferMemoryBytes + 40 * 1024 * 1024

it('memory stays bounded while responses of every API are damaged', async (context) => {
  const clock = new VirtualClock({ stepsMax: Number.MAX_SAFE_INTEGER })
  const random = seededRandom(seed)
  const network = new MemoryNetwork({ clock, latencyMs: 1 })
  const transport = new HostileTransport(network, seededRandom(seed + 1))
  const environment: ProducerEnvironment = { clock, random, transport }
  const targetOf = (brokers: readonly string[]): ProducerOptions => ({
    brokers,
    bufferMemoryBytes,
    logger: silentLogger,
    onError: () => {},
    deliveryTimeoutMs: 2_000,
    requestTimeoutMs: 500,
    maxBlockMs: 2_000,
    unknownTopicTimeoutMs: 1_000,
    metadataMaxAgeMs: 1_000,
  })
  const make = (brokers: readonly string[], options: Partial<ProducerOptions>): Producer =>
    new Producer({ ...targetOf(brokers), ...options }, environment)
  const typed = (error: unknown): void => {
    assert.ok(error instanceof KafkaError, String(error))
    assert.notEqual(error.code, 'INTERNAL', error.stack)
  }
  // Each cluster keeps what was pushed to it, and every producer id that it gave out.
  const makeAll = async () => {
    const cluster = await TestCluster.start(
      { nodes: 2, topics: { t: 3 }, telemetry: { pushIntervalMs: 100 } },
      { transport: network, clock, random },
    )
    const { brokers } = cluster
    return {
      cluster,
      plain: make(brokers, { enableMetricsPush: true }),
      transactional: make(brokers, { transactionalId: 'x', transactionTimeoutMs: 1_000 }),
      layer1: new KafkaProducer(
        targetOf(brokers),
        { batchSize: 10, batchTimeoutMs: 10, onSuccess() {}, onError: typed },
        environment,
      ),
      layer2: new SyncProducer(targetOf(brokers), environment),
    }
  }
  type Stage = Awaited<ReturnType<typeof makeAll>>
  const settled = async <Value>(promise: Promise<Value>): Promise<Value> => {
    await clock.runUntil(promise, 600_000)
    return promise
  }
  const record = { topic: 't', value: 'x'.repeat(500) }
  const use = ({ plain, transactional, layer1, layer2 }: Stage): Promise<unknown> =>
    Promise.all([
      plain.sendBatch(Array.from({ length: 20 }, () => record)).then(({ results }) => {
        for (const result of results) if (result instanceof KafkaError) typed(result)
      }),
      transactional.transaction((transaction) => transaction.send(record)).catch(typed),
      layer1.sendBatch([record, record]).catch(typed),
      layer2.sendMessage(record, record.value).catch(typed),
    ])
  const close = async ({ cluster, ...senders }: Stage): Promise<void> => {
    await Promise.all(
      Object.values(senders).map((one) => one.close({ timeoutMs: 100 }).catch(typed)),
    )
    await cluster.close()
  }

  let stage = await makeAll()
  await settled(use(stage))
  await settled(close(stage))
  const before = await memoryUsed()
  stage = await makeAll()
  transport.isTarget = () => random.next() < damagedShare
  const endsAt = performance.now() + seconds * 1_000
  let growth = 0
  let uses = 0
  const isOver = (): boolean =>
    seconds === 0 ? transport.damagedCount >= shortForm : performance.now() >= endsAt
  for (; !isOver(); uses++) {
    await settled(use(stage))
    for (const one of [stage.plain, stage.transactional]) one.metrics()
    if (uses % 50 !== 49) continue
    growth = Math.max(growth, (await memoryUsed()) - before)
    await settled(close(stage))
    stage = await makeAll()
  }
  growth = Math.max(growth, (await memoryUsed()) - before)
  transport.isTarget = null
  await clock.advance(70_000)
  await settled(close(stage))
  stage = await makeAll()
  await settled(stage.plain.send(record))
  await settled(stage.layer1.send(record))
  await settled(stage.layer2.sendMessage(record, record.value))
  await settled(stage.transactional.transaction((transaction) => transaction.send(record)))
  await settled(close(stage))
  const mebibytes = (growth / 2 ** 20).toFixed(1)
  context.diagnostic(`${transport.damagedCount} damaged responses, ${mebibytes} MiB more memory`)
  assert.ok(growth < growthMax, `${growth} bytes more`)
})
