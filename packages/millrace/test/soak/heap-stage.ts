// The world of the heap tests: a cluster and its senders on virtual time, and the memory before the
// senders were used. MILLRACE_HEAP_SCALE=1 is the full size of these tests; the default is a tenth.

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { TestCluster } from '../../src/in-process-cluster/in-process-cluster.ts'
import { Producer, type ProducerOptions } from '../../src/index.ts'
import type { ProducerEnvironment } from '../../src/producer/environment.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { MemoryNetwork } from '../../src/runtime/memory-transport.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import { VirtualClock } from '../../src/runtime/virtual-clock.ts'
import { memoryUsed } from './memory-used.ts'

export const scale = Number(process.env.MILLRACE_HEAP_SCALE ?? 0.1)
const bufferMemoryBytes = 32 * 1024 * 1024
const growthMax = bufferMemoryBytes + 40 * 1024 * 1024

export const stageFor = async (
  topics: Record<string, number>,
  options: Partial<ProducerOptions> = {},
) => {
  const clock = new VirtualClock({ stepsMax: 100_000_000 })
  const random = seededRandom(1)
  const transport = new MemoryNetwork({ clock, random, latencyMs: () => 1 })
  const cluster = await TestCluster.start({ topics }, { transport, clock, random })
  const environment: ProducerEnvironment = { clock, random, transport }
  const target: ProducerOptions = {
    brokers: cluster.brokers,
    bufferMemoryBytes,
    batchBytes: 65_536,
    logger: silentLogger,
    onError: () => {},
  }
  const make = (own: Partial<ProducerOptions>): Producer =>
    new Producer({ ...target, ...own }, environment)
  const producer = make(options)
  const settled = async <Value>(promise: Promise<Value>): Promise<Value> => {
    await clock.runUntil(promise, 600_000)
    return promise
  }
  await settled(producer.send({ topic: 't', value: 'warm' }))
  const end = async (): Promise<void> => {
    await settled(producer.close({ timeoutMs: 100 }))
    await settled(cluster.close())
  }
  const before = await memoryUsed()
  return { clock, cluster, target, environment, producer, make, settled, end, before }
}

export const checkGrowth = async (
  context: TestContext,
  before: number,
  what: string,
): Promise<void> => {
  const growth = (await memoryUsed()) - before
  context.diagnostic(`${(growth / 2 ** 20).toFixed(1)} MiB more memory ${what}`)
  assert.ok(growth < growthMax, `${growth} bytes more ${what}`)
}
