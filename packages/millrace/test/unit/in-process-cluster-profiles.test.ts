// Profiles of the in-process cluster: the rules of other brokers, each as its source states it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClusterOptions } from '../../src/in-process-cluster/cluster-options.ts'
import { profileNames } from '../../src/in-process-cluster/profiles.ts'
import type { KafkaError } from '../../src/index.ts'
import { produceApi } from '../../src/protocol/api/00-produce.ts'
import { metadataApi } from '../../src/protocol/api/03-metadata.ts'
import { apiVersionsApi } from '../../src/protocol/api/18-api-versions.ts'
import { initProducerIdApi } from '../../src/protocol/api/22-init-producer-id.ts'
import { compressionTypes } from '../../src/protocol/compression/codecs.ts'
import { errorNumber } from '../../src/protocol/errors.ts'
import { startCluster } from '../../src/testing.ts'
import { batchOf, onStage, produce, produceTo, type RawClient } from './in-process-cluster-kit.ts'

const topics = { orders: 1 }
const { UNSUPPORTED_FOR_MESSAGE_FORMAT, UNSUPPORTED_COMPRESSION_TYPE, POLICY_VIOLATION } =
  errorNumber

/** The ranges that a node advertises, by the name of the API. */
const versionsOf = async (client: RawClient): Promise<ReadonlyMap<number, string>> => {
  const { apiKeys } = await client.request(apiVersionsApi, 0, {})
  return new Map(
    apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, `${minVersion}-${maxVersion}`]),
  )
}

/** Which compression types a cluster takes, and the error for the others. */
const codecErrors = async (client: RawClient): Promise<Record<string, number>> => {
  const errors: Record<string, number> = {}
  for (const codec of compressionTypes) {
    const { errorCode } = await produce(client, 'orders', 0, batchOf(3, { compression: codec }), 7)
    errors[codec] = errorCode
  }
  return errors
}

test('every profile takes a plain batch in its newest Produce version', async () => {
  for (const profile of profileNames) {
    await onStage({ profile, topics }, async ({ cluster, connect, run }) => {
      const client = connect()
      const range = (await run(versionsOf(client))).get(produceApi.key)
      const version = Math.min(12, Number(range?.split('-')[1]))
      const { errorCode } = await run(produce(client, 'orders', 0, batchOf(2), version))
      assert.deepEqual([errorCode, cluster.records('orders').length], [0, 2], profile)
    })
  }
})

test('event-hubs advertises Metadata up to 5 and Produce up to 7, and no API of transactions', () =>
  onStage({ profile: 'event-hubs', topics }, async ({ connect, run }) => {
    const versions = await run(versionsOf(connect()))
    assert.deepEqual(
      [produceApi.key, metadataApi.key, initProducerIdApi.key, 24, 26].map((key) =>
        versions.get(key),
      ),
      ['0-7', '0-5', '0-1', undefined, undefined],
    )
  }))

test('event-hubs takes uncompressed batches only, event-hubs-premium gzip too', async () => {
  const rejected = UNSUPPORTED_FOR_MESSAGE_FORMAT
  await onStage({ profile: 'event-hubs', topics }, async ({ connect, run }) => {
    const errors = { none: 0, gzip: rejected, snappy: rejected, lz4: rejected, zstd: rejected }
    assert.deepEqual(await run(codecErrors(connect())), errors)
  })
  await onStage({ profile: 'event-hubs-premium', topics }, async ({ connect, run }) => {
    const errors = { none: 0, gzip: 0, snappy: rejected, lz4: rejected, zstd: rejected }
    assert.deepEqual(await run(codecErrors(connect())), errors)
  })
})

test('event-hubs-2019 does not serve InitProducerId, and closes a connection that sends it', () =>
  onStage({ profile: 'event-hubs-2019', topics }, async ({ connect, run }) => {
    const client = connect()
    const versions = await run(versionsOf(client))
    assert.deepEqual(
      [versions.get(0), versions.get(22), versions.get(17)],
      ['3-5', undefined, '0-0'],
    )
    const request = { transactionalId: null, transactionTimeoutMs: 1000 }
    await assert.rejects(run(client.request(initProducerIdApi, 0, request)), /closed/)
  }))

test('event-hubs closes a connection whose request is longer than 1,046,528 bytes', () =>
  onStage({ profile: 'event-hubs', topics }, async ({ cluster, connect, clock }) => {
    for (const [requestBytes, connections] of [
      [1_046_528, 1],
      [1_046_529, 0],
    ] as const) {
      const client = connect()
      const size = Buffer.alloc(4)
      size.writeInt32BE(requestBytes)
      client.sendRaw(size)
      await clock.advance(10)
      assert.equal(cluster.node(1).connections, connections, `${requestBytes} bytes`)
      client.close()
      await clock.advance(10)
    }
  }))

test('event-hubs closes a connection after 240 s without a request, not earlier', () =>
  onStage({ profile: 'event-hubs', topics }, async ({ connect, clock, cluster, run }) => {
    const client = connect()
    await run(versionsOf(client))
    await clock.advance(239_000)
    await run(versionsOf(client))
    await clock.advance(239_999)
    assert.equal(cluster.node(1).connections, 1)
    await clock.advance(1)
    await run(client.closed)
    assert.equal(cluster.node(1).connections, 0)
  }))

test('an idle connection is not closed while a response is due', () =>
  onStage({ connectionsMaxIdleMs: 100, topics }, async ({ connect, cluster, clock, run }) => {
    cluster.fault({ api: 'Produce', delayMs: 450 })
    const client = connect()
    const { errorCode } = await run(produce(client, 'orders', 0, batchOf(1)))
    assert.deepEqual([errorCode, clock.now()], [0, 450])
    await run(client.closed)
  }))

test('above its quota event-hubs responds late and reports the delay', () =>
  onStage({ profile: 'event-hubs', topics }, async ({ connect, cluster, clock, run }) => {
    const client = connect()
    const request = produceTo('orders', 0, batchOf(1000))
    const first = await run(client.request(produceApi, 7, request))
    assert.deepEqual([first.throttleTimeMs, clock.now()], [0, 0])
    const next = produceTo('orders', 0, batchOf(500))
    const second = await run(client.request(produceApi, 7, next))
    assert.deepEqual([second.throttleTimeMs, clock.now()], [500, 500])
    assert.equal(cluster.records('orders').length, 1500)
  }))

test('a delay above the request timeout is POLICY_VIOLATION, and nothing is written', () =>
  onStage({ profile: 'event-hubs', topics }, async ({ connect, cluster, clock, run }) => {
    const client = connect()
    const request = produceTo('orders', 0, batchOf(2500))
    const { responses } = await run(client.request(produceApi, 7, request))
    assert.equal(responses[0]!.partitionResponses[0]!.errorCode, POLICY_VIOLATION)
    assert.deepEqual([cluster.records('orders').length, clock.now()], [0, 0])
    const { errorCode } = await run(produce(client, 'orders', 0, batchOf(1000), 7))
    assert.equal(errorCode, 0, 'the rejected request is not charged')
  }))

test("above Kafka's kind of quota the response comes at once, and the next request waits", () => {
  const produceQuota = { recordsPerSecond: 100 }
  return onStage({ produceQuota, topics }, async ({ connect, clock, run }) => {
    const client = connect()
    const request = produceTo('orders', 0, batchOf(150))
    const first = await run(client.request(produceApi, 9, request))
    assert.deepEqual([first.throttleTimeMs, clock.now()], [500, 0])
    await run(client.request(metadataApi, 9, { topics: [] }))
    assert.equal(clock.now(), 500)
  })
})

test('bytes count against a quota as records do', () => {
  const produceQuota = { bytesPerSecond: 1000 }
  return onStage({ produceQuota, topics }, async ({ connect, run }) => {
    const request = produceTo('orders', 0, batchOf(100))
    const { throttleTimeMs } = await run(connect().request(produceApi, 9, request))
    assert.ok(throttleTimeMs > 0, `${throttleTimeMs}`)
  })
})

test('redpanda serves transactions in version 1, and nothing of KIP-890', () =>
  onStage({ profile: 'redpanda', topics }, async ({ connect, run }) => {
    const client = connect()
    const versions = await run(versionsOf(client))
    assert.deepEqual(
      [0, 22, 24, 26].map((key) => versions.get(key)),
      ['0-7', '0-1', '0-2', '0-3'],
    )
    const { finalizedFeatures } = await run(client.request(apiVersionsApi, 3, {}))
    assert.deepEqual(finalizedFeatures, [])
  }))

test('profiles of services create no topic by themselves', async () => {
  for (const profile of ['msk-serverless', 'confluent-cloud', 'redpanda'] as const) {
    await onStage({ profile }, async ({ cluster, connect, run }) => {
      const request = { topics: [{ name: 'new' }], allowAutoTopicCreation: true }
      await run(connect().request(metadataApi, 7, request))
      assert.deepEqual(cluster.topics, [], profile)
    })
  }
})

test('an option of the caller wins over the profile, one that is undefined does not', async () => {
  const options: ClusterOptions = {
    profile: 'event-hubs',
    versions: undefined,
    compression: { types: ['lz4'] },
    topicDefaults: { 'max.message.bytes': '100' },
    topics,
  }
  await onStage(options, async ({ connect, run }) => {
    const client = connect()
    assert.equal((await run(versionsOf(client))).get(metadataApi.key), '0-5')
    const none = await run(produce(client, 'orders', 0, batchOf(1), 7))
    assert.equal(none.errorCode, UNSUPPORTED_COMPRESSION_TYPE)
    const large = await run(produce(client, 'orders', 0, batchOf(50, { compression: 'lz4' }), 7))
    assert.equal(large.errorCode, errorNumber.MESSAGE_TOO_LARGE)
  })
})

test('bad profiles, codecs, quotas and limits are named in one error', async () => {
  const options = {
    profile: 'event-hub',
    compression: { types: ['brotli'], error: 'NOPE' },
    produceQuota: { bytesPerSecond: 0, delays: 'nothing', burst: 1 },
    maxRequestBytes: 0,
    connectionsMaxIdleMs: -1,
  }
  const named = ['compression.types', 'compression.error', 'produceQuota.burst']
  named.push('produceQuota.bytesPerSecond', 'produceQuota.delays', 'maxRequestBytes')
  named.push('connectionsMaxIdleMs', 'profile must be one of event-hubs')
  await assert.rejects(startCluster(options as unknown as ClusterOptions), (error: KafkaError) => {
    assert.equal(error.code, 'INVALID_OPTION')
    for (const name of named) assert.ok(error.message.includes(name), `${name}: ${error.message}`)
    return true
  })
})
