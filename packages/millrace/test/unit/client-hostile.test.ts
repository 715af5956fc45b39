// Damaged responses go through the whole client: connection, metadata, engine and metrics of a
// producer that sends all the while, on virtual time. Whatever arrives, a response takes a bounded
// time, records fail with typed errors only, memory stays, and afterwards a good broker is used
// normally. Half of the responses are damaged as bytes, half have extreme values in their fields.
// MILLRACE_SEED and MILLRACE_HOSTILE_CASES choose another seed and number of responses per API.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { TestCluster } from '../../src/in-process-cluster/in-process-cluster.ts'
import { KafkaError, Producer, type ProducerOptions } from '../../src/index.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { MemoryNetwork } from '../../src/runtime/memory-transport.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import { VirtualClock } from '../../src/runtime/virtual-clock.ts'
import { HostileTransport } from './hostile-transport.ts'

const seed = Number(process.env.MILLRACE_SEED ?? 20_260_901)
/** By default a short form: `npm run fuzz` runs 100,000 per API. */
const casesPerApi = Number(process.env.MILLRACE_HOSTILE_CASES ?? 40)

/** The compiler and the garbage collector may hold up a few, for a moment. */
const slowShareMax = 0.01
const slowestMsMax = 250
const heapGrowthMax = 40 * 1024 * 1024

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const heapUsed = (): number => {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

const stageFor = async (versions: '3.9' | '4.4', options: Partial<ProducerOptions>) => {
  const clock = new VirtualClock()
  const network = new MemoryNetwork({ clock, latencyMs: 1 })
  const cluster = await TestCluster.start(
    {
      nodes: 2,
      versions,
      topics: { t: 2 },
      telemetry: { pushIntervalMs: 100 },
      retention: { records: 100 },
    },
    { transport: network, clock, random: seededRandom(seed + 1) },
  )
  const transport = new HostileTransport(network, seededRandom(seed))
  const make = () =>
    new Producer(
      {
        brokers: cluster.brokers,
        logger: silentLogger,
        onError: () => {},
        deliveryTimeoutMs: 2_000,
        requestTimeoutMs: 500,
        maxBlockMs: 2_000,
        unknownTopicTimeoutMs: 1_000,
        retryBackoffMaxMs: 200,
        reconnectBackoffMaxMs: 100,
        metadataMaxAgeMs: 1_000,
        ...options,
      },
      { clock, random: seededRandom(seed + 2), transport },
    )
  return { clock, cluster, transport, make }
}

type Stage = Awaited<ReturnType<typeof stageFor>>

const isTyped = (error: unknown): true => {
  assert.ok(error instanceof KafkaError, `no KafkaError: ${error}`)
  assert.notEqual(error.code, 'INTERNAL', error.stack)
  return true
}

/** One record or transaction; false = the producer is done for good. */
const use = async (producer: Producer, isTransactional: boolean): Promise<boolean> => {
  try {
    if (isTransactional) {
      await producer.transaction((transaction) => transaction.send({ topic: 't', value: 'x' }))
    } else await producer.send({ topic: 't', value: 'x' })
  } catch (error) {
    isTyped(error)
    return !(isTransactional && (error as KafkaError).kind === 'fatal')
  }
  return true
}

/** Runs virtual time until the promise settles. */
const settled = async <Value>({ clock }: Stage, promise: Promise<Value>): Promise<Value> => {
  let isSettled = false
  promise.then(
    () => {
      isSettled = true
    },
    () => {
      isSettled = true
    },
  )
  await clock.runUntil(() => isSettled, 600_000)
  return await promise
}

const fuzz = async (
  api: string,
  options: Partial<ProducerOptions> = {},
  versions: '3.9' | '4.4' = '4.4',
): Promise<void> => {
  const stage = await stageFor(versions, options)
  const { clock, cluster, transport, make } = stage
  const isTransactional = options.transactionalId !== undefined
  let producer = make()
  await settled(stage, use(producer, isTransactional))
  const heapBefore = heapUsed()
  transport.isTarget = (name) => name === api
  let uses = 0
  while (transport.damagedCount < casesPerApi) {
    const isUsable = await settled(stage, use(producer, isTransactional))
    producer.metrics()
    assert.ok(++uses < 100 * casesPerApi, `${transport.damagedCount} responses were damaged`)
    if (uses % 10 === 0) await clock.advance(1_000)
    // Some APIs are used once per producer; and a fenced one is done.
    if (!isUsable || uses % 25 === 0) {
      await settled(stage, producer.close({ timeoutMs: 100 }).catch(isTyped))
      producer = make()
    }
  }
  transport.isTarget = null
  await settled(stage, producer.close({ timeoutMs: 100 }).catch(isTyped))
  producer = make()
  await clock.advance(70_000)
  for (let count = 0; count < 20; count++) {
    const work = isTransactional
      ? producer.transaction((transaction) => transaction.send({ topic: 't', value: 'good' }))
      : producer.send({ topic: 't', value: 'good' })
    await settled(stage, work)
  }
  const growth = heapUsed() - heapBefore
  const slowMax = Math.max(10, transport.givenCount * slowShareMax)
  const slow = `${transport.slowCount} slow responses, the slowest ${transport.slowestMs} ms`
  assert.ok(transport.slowCount <= slowMax && transport.slowestMs < slowestMsMax, slow)
  await settled(stage, producer.close())
  const held = cluster.partitions('t').length
  assert.equal(held, 2)
  assert.ok(growth < heapGrowthMax, `the heap grew by ${growth} bytes`)
  await settled(stage, cluster.close())
}

describe(`${casesPerApi} damaged responses of each API, through a running producer`, () => {
  for (const api of ['ApiVersions', 'Metadata', 'Produce', 'InitProducerId']) {
    it(api, () => fuzz(api))
  }
  for (const api of ['FindCoordinator', 'InitProducerId', 'AddPartitionsToTxn', 'EndTxn']) {
    // Since 4.0 Produce adds partitions by itself.
    const versions = api === 'AddPartitionsToTxn' ? '3.9' : '4.4'
    it(`${api} of a transactional producer`, () => fuzz(api, { transactionalId: 'x' }, versions))
  }
  for (const api of ['GetTelemetrySubscriptions', 'PushTelemetry']) {
    it(api, () => fuzz(api, { enableMetricsPush: true }))
  }
})
