// Damaged requests to the in-process cluster: it responds or closes that connection, and continues.
// A defect that they bring to light makes close() reject, which fails the test. MILLRACE_SEED
// chooses another seed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { produceApi } from '../../src/protocol/api/00-produce.ts'
import { fetchApi } from '../../src/protocol/api/01-fetch.ts'
import { listOffsetsApi } from '../../src/protocol/api/02-list-offsets.ts'
import { metadataApi } from '../../src/protocol/api/03-metadata.ts'
import { joinGroupApi } from '../../src/protocol/api/11-join-group.ts'
import { createTopicsApi } from '../../src/protocol/api/19-create-topics.ts'
import { encodeRequestHeader } from '../../src/protocol/api/header.ts'
import { Writer } from '../../src/protocol/bytes/writer.ts'
import type { Api, Input } from '../../src/protocol/schema/api.ts'
import { randomBelow, seededRandom } from '../../src/runtime/random.ts'
import { batchOf, onStage, produce, produceTo } from './in-process-cluster-kit.ts'

const frameOf = <Request>(
  api: Api<Request, unknown>,
  version: number,
  request: Input<Request>,
): Uint8Array => {
  const writer = new Writer()
  writer.reserve(4)
  const header = { apiKey: api.key, apiVersion: version, correlationId: 1, clientId: 'x' }
  encodeRequestHeader(writer, header, api.isFlexible(version))
  api.encodeRequest(writer, request, version)
  writer.patchInt32(0, writer.size - 4)
  return writer.finish()
}

const frames = (): Uint8Array[] => [
  frameOf(produceApi, 9, produceTo('orders', 0, batchOf(5))),
  frameOf(produceApi, 12, produceTo('orders', 0, batchOf(5, { compression: 'lz4' }))),
  frameOf(produceApi, 3, produceTo('orders', 0, batchOf(5, { compression: 'gzip' }))),
  frameOf(fetchApi, 12, {
    maxBytes: 1000,
    topics: [{ topic: 'orders', partitions: [{ partition: 0, fetchOffset: 0 }] }],
  }),
  frameOf(listOffsetsApi, 6, {
    topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, timestamp: 5 }] }],
  }),
  frameOf(metadataApi, 12, { topics: [{ name: 'orders' }] }),
  frameOf(joinGroupApi, 7, {
    groupId: 'g',
    sessionTimeoutMs: 1000,
    rebalanceTimeoutMs: 1000,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.alloc(3) }],
  }),
  frameOf(createTopicsApi, 5, {
    topics: [{ name: 'made', numPartitions: 1, replicationFactor: 1 }],
  }),
]

const rounds = 40
const seed = Number(process.env.MILLRACE_SEED ?? 7)

test('requests with changed bytes do not affect the cluster', () =>
  onStage({ topics: { orders: 1 } }, async ({ connect, run, clock }) => {
    const random = seededRandom(seed)
    const good = connect()
    for (let round = 0; round < rounds; round++) {
      const clients = frames().map((frame) => {
        const client = connect()
        for (let change = randomBelow(random, 4); change >= 0; change--) {
          frame[randomBelow(random, frame.length)] = randomBelow(random, 256)
        }
        client.sendRaw(frame)
        return client
      })
      await clock.advance(2000)
      for (const client of clients) client.close()
      await clock.advance(2000)
    }
    assert.equal((await run(produce(good, 'orders', 0, batchOf(1)))).errorCode, 0)
  }))
