// Each class of the two layers gives every option of its target to the producer within: those that
// change a record, those that choose its way, and those that listen.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ProducerOptions } from '../../src/index.ts'
import { AsyncProducer, BatchAsyncProducer, KafkaProducer, SyncProducer } from '../../src/layers.ts'
import { type RequestView, startCluster } from '../../src/testing.ts'

const message = { topic: 't', key: 'k', value: 'v' }
const { topic, key, value } = message
const slow = { batchSize: 100, batchIntervalMs: 0 }

/** Sends one message, and closes. */
const senders: Readonly<Record<string, (target: ProducerOptions) => Promise<unknown>>> = {
  'KafkaProducer, async': async (target) => {
    const producer = new KafkaProducer(target, { batchSize: 1 })
    await producer.send(message)
    await producer.close()
  },
  'KafkaProducer, sync': async (target) => {
    const producer = new KafkaProducer(target, { async: false })
    await producer.send(message)
    await producer.close()
  },
  SyncProducer: async (target) => {
    const producer = new SyncProducer(target)
    await producer.sendMessage({ topic, key }, value)
    await producer.close()
  },
  AsyncProducer: async (target) => {
    const producer = new AsyncProducer(target)
    await producer.sendMessage({ topic, key }, value)
    await producer.close()
  },
  BatchAsyncProducer: async (target) => {
    const producer = new BatchAsyncProducer(target, undefined, slow)
    await producer.sendMessage({ topic, key }, value)
    await producer.close()
  },
}

for (const [name, send] of Object.entries(senders)) {
  test(`${name}: interceptors, partitioner, compression and client id are used`, async () => {
    await using cluster = await startCluster({ topics: { t: 3 } })
    const clients = new Set<string | null>()
    cluster.onRequest(({ clientId }: RequestView) => clients.add(clientId))
    const settled: string[] = []
    let producers = 0
    const silent = { debug() {}, info() {}, warn() {}, error() {} }
    const target: ProducerOptions = {
      brokers: cluster.brokers,
      clientId: 'layered',
      logger: silent,
      partitioner: () => 2,
      compression: 'gzip',
      interceptors: [
        () => {
          producers++
          return {
            onSend: (record) => ({ ...record, headers: { by: 'interceptor' } }),
            onSettled: (record, error) => settled.push(`${record.topic} ${error?.code ?? 'ok'}`),
          }
        },
      ],
    }
    await send(Object.freeze(target))
    const [record, ...others] = cluster.records('t')
    assert.deepEqual([others.length, record?.partition], [0, 2])
    assert.deepEqual(
      record?.headers.map(([header, data]) => [header, String(data)]),
      [['by', 'interceptor']],
    )
    assert.deepEqual([settled, producers, [...clients]], [['t ok'], 1, ['layered']])
  })
}
