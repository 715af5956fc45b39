// The producer options of a seed: within their bounds, and small, so that limits are met.

import { partitionerNames } from '../../src/engine/partitioner/partitioner.ts'
import type { ProducerOptions } from '../../src/producer/producer-options.ts'
import type { Chance } from './chance.ts'

type Drawn = Omit<ProducerOptions, 'brokers' | 'logger' | 'onError'>

const drawMode = (chance: Chance): Drawn =>
  chance.weighted<Drawn>([
    [70, {}],
    [12, { idempotent: false }],
    [9, { acks: 1 }],
    [9, { acks: 0 }],
  ])

const drawFlush = (chance: Chance): Drawn => {
  if (!chance.percent(12)) return {}
  const records = chance.pick([0, 5, 30])
  const bytes = chance.pick([0, 4000])
  const intervalMs = chance.pick([20, 200])
  const maxRecords = chance.pick([0, 0, 3])
  // A batch is never limited to less than the count that it waits for.
  return { flush: { records: maxRecords === 0 ? records : 0, bytes, intervalMs, maxRecords } }
}

export const drawOptions = (chance: Chance): Drawn => {
  const batchBytes = chance.pick([1024, 1024, 2048, 4096, 16_384])
  return {
    ...drawMode(chance),
    ...drawFlush(chance),
    maxInFlightRequests: chance.weighted([
      [2, 1],
      [2, 2],
      [6, 5],
    ]),
    batchBytes,
    maxRequestBytes: Math.max(batchBytes, chance.pick([4096, 8192, 65_536])),
    bufferMemoryBytes: chance.pick([65_536, 65_536, 131_072, 1_048_576]),
    lingerMs: chance.pick([0, 0, 0, 5, 50]),
    deliveryTimeoutMs: chance.pick([2000, 8000, 30_000, 120_000]),
    requestTimeoutMs: chance.pick([400, 2000, 5000]),
    connectTimeoutMs: chance.pick([500, 2000]),
    maxBlockMs: chance.pick([500, 5000, 60_000]),
    unknownTopicTimeoutMs: chance.pick([500, 3000]),
    retryBackoffMs: chance.pick([5, 50, 100]),
    retryBackoffMaxMs: chance.pick([200, 1000]),
    reconnectBackoffMs: chance.pick([10, 50]),
    reconnectBackoffMaxMs: chance.pick([200, 1000]),
    connectionsMaxIdleMs: chance.pick([0, 1500, 180_000, 180_000]),
    metadataMaxAgeMs: chance.pick([1000, 10_000, 300_000, 300_000]),
    metadataRecoveryRebootstrapTriggerMs: chance.pick([3000, 300_000]),
    ...(chance.percent(8) ? { retries: chance.pick([1, 3]) } : {}),
    compression: chance.weighted([
      [70, 'none' as const],
      [10, 'gzip' as const],
      [8, 'snappy' as const],
      [8, 'lz4' as const],
      [4, 'zstd' as const],
    ]),
    partitioner: chance.percent(60) ? 'java' : chance.pick(partitionerNames),
  }
}
