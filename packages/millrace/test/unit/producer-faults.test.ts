// Faults: responses that are errors, lost or late, leaders that move, brokers that stop, topics
// that change. In each case a record is stored once and in order, and its result is true.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Producer, type ProducerOptions, type RecordMetadata } from '../../src/index.ts'
import type { ProduceRequest } from '../../src/protocol/api/00-produce.ts'
import { decodeBatchHeader } from '../../src/protocol/records/record-batch.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { type FaultRule, startCluster, type TestCluster } from '../../src/testing.ts'
import { onStage } from '../layers/stage.ts'
import {
  inOrder,
  nextRequest,
  numbered,
  producerFor,
  rejectionOf,
  valuesOf,
} from './producer-kit.ts'

const offsetsOf = (results: readonly RecordMetadata[]) => results.map(({ offset }) => offset)
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index)
const quick = { retryBackoffMs: 5, retryBackoffMaxMs: 20, reconnectBackoffMs: 5 }

/** Sends `count` records in turns, so that they are many requests, under faults of Produce. */
const sendUnder = async (
  rules: readonly FaultRule[],
  options: Partial<ProducerOptions> = {},
  count = 600,
) => {
  await using cluster = await startCluster({ nodes: 3, topics: { t: { partitions: 1 } } })
  await using producer = producerFor(cluster, { ...quick, ...options })
  await producer.send({ topic: 't', value: '0' })
  const faults = rules.map((rule) => cluster.fault({ api: 'Produce', ...rule }))
  const sends: Promise<RecordMetadata>[] = []
  for (let index = 1; index < count; index++) {
    sends.push(producer.send({ topic: 't', value: `${index}` }))
    if (index % 20 === 0) await new Promise(setImmediate)
  }
  const results = await Promise.all(sends)
  assert.ok(
    faults.every(({ hits }) => hits > 0),
    'every fault applied',
  )
  return { results, values: valuesOf(cluster, 't'), metrics: producer.metrics() }
}

describe('responses that cannot be read', () => {
  for (const malformed of ['huge', 'truncated', 'garbage'] as const) {
    it(`(${malformed}) cost a connection, and no record is lost or stored twice`, async () => {
      const { values, metrics } = await sendUnder([{ malformed, at: 'after', count: 3 }])
      assert.deepEqual(values, inOrder(600))
      assert.equal(metrics.recordsDelivered, 600)
    })

    it(`(${malformed}) leave the outcome of a record without retries unknown`, async () => {
      await using cluster = await startCluster({ topics: { t: 1 } })
      await using producer = producerFor(cluster, { retries: 0, onError: () => {} })
      await producer.send({ topic: 't', value: '0' })
      cluster.fault({ api: 'Produce', malformed, at: 'after' })
      const { persisted } = await rejectionOf(producer.send({ topic: 't', value: '1' }))
      assert.deepEqual([persisted, valuesOf(cluster, 't')], ['maybe', ['0', '1']])
    })
  }

  it('are set with a known kind, after the request was carried out', async () => {
    await using cluster = await startCluster()
    for (const rule of [{ malformed: 'large' as never }, { malformed: 'huge' } as const]) {
      assert.throws(() => cluster.fault(rule), /malformed/)
    }
  })
})

describe('retries', () => {
  for (const error of [
    'NOT_LEADER_OR_FOLLOWER',
    'NOT_ENOUGH_REPLICAS',
    'LEADER_NOT_AVAILABLE',
    'UNKNOWN_TOPIC_OR_PARTITION',
    'UNKNOWN_TOPIC_ID',
    'CORRUPT_MESSAGE',
    'REQUEST_TIMED_OUT',
    'KAFKA_STORAGE_ERROR',
    'NETWORK_EXCEPTION',
  ]) {
    it(`after ${error} nothing is lost, doubled or out of order`, async () => {
      const { results, values, metrics } = await sendUnder([{ error, count: 4 }])
      assert.deepEqual(values, inOrder(600))
      assert.deepEqual(offsetsOf(results), upTo(600).slice(1))
      assert.ok(metrics.retries > 0)
    })
  }

  for (const error of ['REQUEST_TIMED_OUT', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND']) {
    it(`after ${error} for what was written, it is not written again`, async () => {
      const { values } = await sendUnder([{ error, at: 'after', count: 4 }])
      assert.deepEqual(values, inOrder(600))
    })
  }

  it('a connection that breaks before or after the write loses and doubles nothing', async () => {
    const { values } = await sendUnder([
      { close: true, at: 'after', count: 3 },
      { close: true, at: 'before', count: 3 },
    ])
    assert.deepEqual(values, inOrder(600))
  })

  it('a response that never comes: the request is sent again, and stored once', async () => {
    const { values } = await sendUnder([{ drop: true, at: 'after' }], { requestTimeoutMs: 150 })
    assert.deepEqual(values, inOrder(600))
  })

  it('all faults together keep the order, also under compression', async () => {
    const { values } = await sendUnder(
      [
        { error: 'NOT_LEADER_OR_FOLLOWER', count: 3 },
        { close: true, at: 'after', count: 2 },
        { error: 'NOT_ENOUGH_REPLICAS', count: 3, delayMs: 5 },
        { delayMs: 10, at: 'after', count: 3 },
        { error: 'REQUEST_TIMED_OUT', at: 'after', count: 2 },
      ],
      { compression: 'gzip' },
      1500,
    )
    assert.deepEqual(values, inOrder(1500))
  })

  it('without idempotence order holds too, and nothing is lost', async () => {
    const { values } = await sendUnder(
      [
        { error: 'NOT_LEADER_OR_FOLLOWER', count: 3 },
        { close: true, count: 2 },
      ],
      { idempotent: false },
    )
    assert.deepEqual(values, inOrder(600))
  })

  it('with retries 0 the first error is the result, and names its broker and attempt', async () => {
    await using cluster = await startCluster({ topics: { t: 1 } })
    await using producer = producerFor(cluster, { retries: 0, acks: 1 })
    await producer.send({ topic: 't', value: 'first' })
    cluster.fault({ api: 'Produce', error: 'NOT_ENOUGH_REPLICAS' })
    const error = await rejectionOf(producer.send({ topic: 't', value: 'x' }))
    assert.equal(error.code, 'BROKER_UNAVAILABLE')
    assert.deepEqual(
      [error.brokerCode, error.brokerError, error.api],
      [19, 'NOT_ENOUGH_REPLICAS', 'Produce'],
    )
    assert.deepEqual([error.topic, error.partition, error.attempts], ['t', 0, 1])
    assert.ok(error.broker?.includes(cluster.brokers[0]!))
    assert.equal(error.persisted, 'no')
    assert.equal((await producer.send({ topic: 't', value: 'next' })).offset, 1)
  })

  it('deliveryTimeoutMs ends them with the cause, and later records are delivered', () =>
    onStage({ topics: { t: 1 } }, async (stage) => {
      const { cluster } = stage
      const backoff = { retryBackoffMs: 150, retryBackoffMaxMs: 150 }
      const options = stage.target({ deliveryTimeoutMs: 200, ...backoff, onError: () => {} })
      const producer = new Producer(options, stage.environment)
      await stage.run(producer.send({ topic: 't', value: '0' }))
      const count = Number.POSITIVE_INFINITY
      const fault = cluster.fault({ api: 'Produce', error: 'NOT_ENOUGH_REPLICAS', count })
      const error = await stage.run(rejectionOf(producer.send({ topic: 't', value: 'x' })))
      assert.deepEqual([error.code, error.persisted], ['DELIVERY_TIMEOUT', 'no'])
      assert.match(error.message, /t-0 were not delivered within 200 ms: .*NOT_ENOUGH_REPLICAS/)
      assert.ok(error.attempts === 1 || error.attempts === 2, 'as the backoff is drawn')
      fault.remove()
      assert.equal((await stage.run(producer.send({ topic: 't', value: '1' }))).offset, 1)
      assert.deepEqual(valuesOf(cluster, 't'), ['0', '1'])
      await stage.run(producer.close())
    }))

  it('a record that can never succeed fails alone, and later ones are delivered', async () => {
    await using cluster = await startCluster({ topics: { t: 2 } })
    await using producer = producerFor(cluster, quick)
    await Promise.all(
      [0, 1].map((partition) => producer.send({ topic: 't', partition, value: '' })),
    )
    for (const name of [
      'POLICY_VIOLATION',
      'TOPIC_AUTHORIZATION_FAILED',
      'INVALID_REQUIRED_ACKS',
    ]) {
      cluster.fault({ api: 'Produce', topic: 't', partition: 0, error: name })
      const [error] = await Promise.all([
        rejectionOf(producer.send({ topic: 't', partition: 0, value: 'bad' })),
        producer.send({ topic: 't', partition: 1, value: 'good' }),
      ])
      assert.equal(error.brokerError, name)
      assert.equal(error.retriable, false)
      const next = numbered('t', 20, 0).map((record) => producer.send(record))
      await Promise.all(next)
    }
    assert.ok(!valuesOf(cluster, 't').includes('bad'))
  })

  it('a producer that the broker forgot continues by itself', async () => {
    await using cluster = await startCluster({ topics: { t: 1 }, unknownProducers: 'reject' })
    await using producer = producerFor(cluster, quick)
    for (let round = 0; round < 3; round++) {
      await Promise.all(numbered('t', 50).map((record) => producer.send(record)))
      cluster.expireProducerIds()
    }
    assert.deepEqual(valuesOf(cluster, 't'), [...inOrder(50), ...inOrder(50), ...inOrder(50)])
  })

  it('a producer whose id a broker never accepts gets another one and loses nothing', async () => {
    await using cluster = await startCluster({ topics: { t: 1 }, firstProducerId: 1000 })
    await using producer = producerFor(cluster, {
      ...quick,
      deliveryTimeoutMs: 3_000,
      requestTimeoutMs: 1_000,
    })
    await producer.send({ topic: 't', value: 'first' })
    cluster.fault({
      api: 'Produce',
      error: 'UNKNOWN_PRODUCER_ID',
      count: Number.POSITIVE_INFINITY,
      when: ({ body }) => producerIdOf(body) === 1000n,
    })
    await Promise.all(numbered('t', 50).map((record) => producer.send(record)))
    assert.deepEqual(valuesOf(cluster, 't'), ['first', ...inOrder(50)])
    assert.equal(producer.metrics().producerIdRequests, 2)
  })

  it('a rejected producer id fails the records that wait, with the broker’s reason', async () => {
    await using cluster = await startCluster({ topics: { t: 1 } })
    await using producer = producerFor(cluster, quick)
    const fault = cluster.fault({
      api: 'InitProducerId',
      error: 'CLUSTER_AUTHORIZATION_FAILED',
      count: Number.POSITIVE_INFINITY,
    })
    const error = await rejectionOf(producer.send({ topic: 't', value: 'x' }))
    assert.equal(error.code, 'AUTHORIZATION_FAILED')
    assert.equal(error.persisted, 'no')
    assert.equal(error.api, 'InitProducerId')
    assert.match(error.remedy, /IDEMPOTENT_WRITE/)
    fault.remove()
    assert.equal((await producer.send({ topic: 't', value: 'later' })).offset, 0)
  })
})

/** The producer id of the first batch of a Produce request. */
const producerIdOf = (body: unknown): bigint => {
  const { topicData } = body as ProduceRequest
  return BigInt(decodeBatchHeader(topicData[0]!.partitionData[0]!.records!, 0).producerId)
}

describe('size limits of the broker', () => {
  it('a batch that is too large is split until it fits; a record that is fails alone', async () => {
    await using cluster = await startCluster({
      topics: { t: { partitions: 1, config: { 'max.message.bytes': '2000' } } },
    })
    await using producer = producerFor(cluster, quick)
    const padding = 'x'.repeat(100)
    const records = upTo(300).map((index) => ({ topic: 't', value: `${index} ${padding}` }))
    const [{ results, failedIndexes }, error] = await Promise.all([
      producer.sendBatch(records),
      rejectionOf(producer.send({ topic: 't', value: 'y'.repeat(3000) })),
    ])
    assert.deepEqual(failedIndexes, [])
    assert.deepEqual(offsetsOf(results as RecordMetadata[]), upTo(300))
    assert.equal(error.code, 'RECORD_TOO_LARGE')
    assert.ok(producer.metrics().splits > 0)
    assert.deepEqual(
      valuesOf(cluster, 't').map((value) => Number.parseInt(value, 10)),
      upTo(300),
    )
  })

  it('records that the broker names fail, the others are delivered (KIP-467)', async () => {
    await using cluster = await startCluster({
      topics: { t: { partitions: 1, config: { 'cleanup.policy': 'compact' } } },
    })
    await using producer = producerFor(cluster, quick)
    const records = upTo(50).map((index) => ({
      topic: 't',
      key: index % 7 === 2 ? null : 'k',
      value: `${index}`,
    }))
    const { failedIndexes } = await producer.sendBatch(records)
    assert.deepEqual(failedIndexes, [2, 9, 16, 23, 30, 37, 44])
    const good = records.filter(({ key }) => key !== null).map(({ value }) => value)
    assert.deepEqual(valuesOf(cluster, 't'), good)
  })
})

describe('leaders and nodes', () => {
  it('a leader that moves under load loses no record, and causes few retries', async () => {
    await using cluster = await startCluster({ nodes: 3, topics: { t: 2 } })
    await using producer = producerFor(cluster, quick)
    const sends: Promise<RecordMetadata>[] = []
    for (let index = 0; index < 3000; index++) {
      sends.push(producer.send({ topic: 't', partition: index % 2, value: `${index}` }))
      if (index % 10 === 0) await new Promise(setImmediate)
      if (index % 300 === 0) cluster.moveLeader('t', index % 2, 1 + ((index / 300) % 3))
    }
    await Promise.all(sends)
    const stored = cluster.records('t')
    for (const partition of [0, 1]) {
      const found = stored.filter((record) => record.partition === partition)
      assert.ok(found.every(({ value }, index) => Number(value) === 2 * index + partition))
    }
    assert.equal(stored.length, 3000)
    assert.ok(cluster.requests.Metadata! < 60, `${cluster.requests.Metadata} metadata requests`)
  })

  it('a leader that stops is replaced; a single replica is waited for', async () => {
    await using cluster = await startCluster({ nodes: 3, topics: { t: 1 } })
    await using producer = producerFor(cluster, quick)
    const { leader } = cluster.partitions('t')[0]!
    await producer.send({ topic: 't', value: '0' })
    const sends: Promise<RecordMetadata>[] = []
    for (let index = 1; index < 500; index++) {
      sends.push(producer.send({ topic: 't', value: `${index}` }))
      if (index % 10 === 0) await new Promise(setImmediate)
      if (index === 200) await cluster.node(leader).stop()
    }
    await Promise.all(sends)
    assert.deepEqual(valuesOf(cluster, 't'), inOrder(500))
  })

  it('a cluster that stops and comes back at another port is found again', async () => {
    await using cluster = await startCluster({ nodes: 2, topics: { t: 1 } })
    await using producer = producerFor(cluster, quick)
    await producer.send({ topic: 't', value: '0' })
    const { leader } = cluster.partitions('t')[0]!
    const other = 3 - leader
    await cluster.node(leader).stop()
    await cluster.node(leader).start({ port: 0 })
    cluster.moveLeader('t', 0, leader)
    assert.equal((await producer.send({ topic: 't', value: '1' })).offset, 1)
    await cluster.node(other).stop()
    assert.equal((await producer.send({ topic: 't', value: '2' })).offset, 2)
  })

  it('a node that does not respond costs its request timeout, and doubles no record', async () => {
    await using cluster = await startCluster({ topics: { t: 1 } })
    await using producer = producerFor(cluster, { ...quick, requestTimeoutMs: 200 })
    await producer.send({ topic: 't', value: '0' })
    const node = cluster.node(1)
    node.blackHole(true)
    const sends = upTo(50).map((index) => producer.send({ topic: 't', value: `${index + 1}` }))
    while (producer.metrics().retries === 0) await new Promise(setImmediate)
    node.blackHole(false)
    await Promise.all(sends)
    assert.deepEqual(valuesOf(cluster, 't'), inOrder(51))
  })

  it('a stopped cluster is requested with a backoff, whatever is sent meanwhile', async () => {
    const cluster = await startCluster({ topics: { t: 1 } })
    const producer = producerFor(cluster, { deliveryTimeoutMs: 600, maxBlockMs: 600 })
    await producer.send({ topic: 't', value: 'x' })
    await cluster.close()
    const sends: Promise<unknown>[] = []
    const start = systemClock.now()
    while (systemClock.now() - start < 500) {
      for (let index = 0; index < 10; index++) {
        sends.push(rejectionOf(producer.send({ topic: 't', value: 'x' })))
        sends.push(rejectionOf(producer.send({ topic: `t${index}`, value: 'x' })))
      }
      await new Promise(setImmediate)
    }
    await Promise.all(sends)
    const { connectionFailures, metadataRequests } = producer.metrics()
    assert.ok(connectionFailures < 40, `${connectionFailures} attempts`)
    assert.ok(metadataRequests < 40, `${metadataRequests} metadata requests`)
    await producer.close()
  })

  it("a throttled producer waits for the broker's throttle time and fails no record", async () => {
    await using cluster = await startCluster({ topics: { t: 1 } })
    await using producer = producerFor(cluster)
    await producer.send({ topic: 't', value: '0' })
    cluster.fault({ api: 'Produce', throttleMs: 300 })
    await producer.send({ topic: 't', value: '1' })
    assert.equal((await producer.send({ topic: 't', value: '2' })).offset, 2)
    assert.ok(producer.metrics().throttleTimeMs.max >= 300)
    assert.equal(producer.metrics().connectionFailures, 0)
  })

  it('an idle connection is closed, and the next send opens another one', async () => {
    await using cluster = await startCluster({ topics: { t: 1 } })
    await using producer = producerFor(cluster, { connectionsMaxIdleMs: 60 })
    await producer.send({ topic: 't', value: '0' })
    while (cluster.node(1).connections > 0) await new Promise(setImmediate)
    assert.equal((await producer.send({ topic: 't', value: '1' })).offset, 1)
    cluster.node(1).disconnectAll()
    assert.equal((await producer.send({ topic: 't', value: '2' })).offset, 2)
  })
})

describe('topics', () => {
  it('are created at first use: the first send succeeds without a leader yet', async () => {
    await using cluster = await startCluster({ nodes: 3, defaultPartitions: 4, electionMs: 150 })
    await using producer = producerFor(cluster, quick)
    const sends = upTo(40).map((index) =>
      producer.send({ topic: `made-${index % 4}`, key: `${index}`, value: 'x' }),
    )
    assert.equal((await Promise.all(sends)).length, 40)
    assert.equal((await producer.partitionsFor('made-0')).length, 4)
    assert.equal((await producer.partitionsFor('requested-only')).length, 4)
  })

  it('that do not exist fail with their name, and receive records once they exist', async () => {
    for (const clusterMakes of [true, false]) {
      await using cluster = await startCluster({
        topics: { there: 1 },
        autoCreateTopics: clusterMakes,
      })
      await using producer = producerFor(cluster, {
        allowAutoTopicCreation: !clusterMakes,
        unknownTopicTimeoutMs: 300,
      })
      const waiting = [
        rejectionOf(producer.send({ topic: 'nowhere', value: 'x' })),
        rejectionOf(producer.partitionsFor('nowhere')),
      ]
      await Promise.all(numbered('there', 100).map((record) => producer.send(record)))
      for (const error of await Promise.all(waiting)) {
        assert.equal(error.code, 'UNKNOWN_TOPIC')
        assert.equal(error.topic, 'nowhere')
        assert.match(error.message, /nowhere/)
        assert.equal(error.persisted, 'no')
      }
      cluster.createTopic('nowhere', 1)
      assert.equal((await producer.send({ topic: 'nowhere', value: 'now' })).offset, 0)
    }
  })

  it('with a name that Kafka does not allow are rejected at the call', async () => {
    await using cluster = await startCluster()
    await using producer = producerFor(cluster)
    for (const topic of ['no spaces', '..', 'x'.repeat(250)]) {
      const error = await rejectionOf(producer.send({ topic, value: 'x' }))
      assert.equal(error.topic, topic)
      assert.match(error.message, /^record\.topic: a topic name must /)
      assert.equal(error.kind, 'usage')
    }
  })

  it('that lack a partition are waited for, then the error names those there are', async () => {
    await using cluster = await startCluster({ topics: { t: 2 } })
    await using producer = producerFor(cluster, { ...quick, maxBlockMs: 300 })
    const error = await rejectionOf(producer.send({ topic: 't', partition: 2, value: 'x' }))
    assert.equal(error.code, 'UNKNOWN_PARTITION')
    assert.match(error.message, /Topic "t" has 2 partitions \(0 to 1\)/)
    assert.equal((await producer.send({ topic: 't', partition: 1, value: 'x' })).offset, 0)
  })

  it('that are deleted and created again receive records from their first offset', async () => {
    await using cluster = await startCluster({ topics: { t: 1 } })
    await using producer = producerFor(cluster, quick)
    for (let round = 0; round < 3; round++) {
      const sends = numbered('t', 30).map((record) => producer.send(record))
      assert.deepEqual(offsetsOf(await Promise.all(sends)), upTo(30))
      cluster.deleteTopic('t')
      cluster.createTopic('t', 1)
    }
  })

  it('are requested by id, and by name if the broker is too old for that', async () => {
    for (const [versions, produceVersion] of [
      ['4.4', 13],
      ['3.9', 11],
      ['2.8', 9],
      ['2.1', 7],
    ] as const) {
      await using cluster: TestCluster = await startCluster({ topics: { t: 1 }, versions })
      await using producer = producerFor(cluster)
      const request = nextRequest(cluster, 'Produce')
      await producer.send({ topic: 't', value: versions })
      assert.equal((await request).version, produceVersion, versions)
      assert.deepEqual(valuesOf(cluster, 't'), [versions])
    }
  })
})
