// The transactions of the in-process cluster, judged. Real brokers of two releases play the
// scenarios that our cluster is held to by unit/broker-transaction-rules.test.ts, so that what is
// expected there is Kafka's own. And Java's transactional producer writes to our cluster, and
// Java's consumer reads.

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { findCoordinatorApi } from '../../src/protocol/api/10-find-coordinator.ts'
import { apiVersionsApi } from '../../src/protocol/api/18-api-versions.ts'
import { errorNumber } from '../../src/protocol/errors.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { readTopic, startCluster } from '../../src/testing.ts'
import { RawClient } from '../unit/in-process-cluster-kit.ts'
import {
  fetchFrom,
  type Mode,
  untilAccepted,
  type Wire,
  WireProducer,
} from '../unit/in-process-cluster-transaction-kit.ts'
import { expectedOf } from '../unit/transaction-scenario.ts'
import { scenarios } from '../unit/transaction-scenarios.ts'
import { javaConsume, type Kafka, startKafka } from './fixture/index.ts'
import { type JavaTransaction, javaTransactions } from './fixture/java-transactions.ts'

class RealWire implements Wire {
  readonly #broker: string
  readonly #clients: RawClient[] = []

  constructor(broker: string) {
    this.#broker = broker
  }

  connect(): RawClient {
    const client = new RawClient(this.#broker)
    this.#clients.push(client)
    return client
  }

  run<Value>(promise: Promise<Value>): Promise<Value> {
    return promise
  }

  close(): void {
    for (const client of this.#clients) client.close()
  }

  /** Resolves once the broker leads the topic's first partition. */
  async led(topic: string): Promise<void> {
    const client = this.connect()
    const wanting: readonly number[] = [
      errorNumber.NOT_LEADER_OR_FOLLOWER,
      errorNumber.UNKNOWN_TOPIC_OR_PARTITION,
    ]
    await untilAccepted(async () => {
      const { errorCode } = await fetchFrom(this, client, { topic })
      return wanting.includes(errorCode) ? errorNumber.COORDINATOR_NOT_AVAILABLE : errorCode
    })
    client.close()
  }

  /**
   * Resolves once the broker coordinates the key: it makes its own topics at the first question.
   */
  async coordinated(keyType: number, key: string): Promise<void> {
    const client = this.connect()
    const request = { keyType, coordinatorKeys: [key] }
    await untilAccepted(async () => {
      const response = await client.request(findCoordinatorApi, 4, request)
      return response.coordinators[0]!.errorCode
    })
    client.close()
  }
}

/** Markers carry the time of now, our records an old one: a new segment would end a fetch. */
const oneSegment = { 'segment.ms': '9223372036854775807' }

const transactionApis = [22, 24, 25, 26, 28]

/** What a broker says of the apis of transactions, and of their level. */
const finalizedVersions = async (broker: string) => {
  const client = new RawClient(broker)
  const software = { clientSoftwareName: 'raw', clientSoftwareVersion: '1' }
  const response = await client.request(apiVersionsApi, 4, software)
  assert.equal(response.errorCode, 0)
  client.close()
  const name = 'transaction.version'
  return {
    apis: response.apiKeys.filter(({ apiKey }) => transactionApis.includes(apiKey)),
    supported: response.supportedFeatures.filter((feature) => feature.name === name),
    finalized: response.finalizedFeatures.filter((feature) => feature.name === name),
  }
}

for (const { version, modes } of [
  { version: '3.9.1', modes: [1] },
  { version: '4.4.0', modes: [1, 2] },
] as const) {
  describe(`Kafka ${version} responds to transactions as the in-process cluster must`, () => {
    const isSince4 = Number.parseInt(version, 10) >= 4
    let kafka: Kafka
    let count = 0
    before(async () => {
      kafka = await startKafka({ version })
    })
    after(() => kafka?.close())

    it('and names the same versions and the same level', async () => {
      const release = version === '3.9.1' ? '3.9' : '4.4'
      await using cluster = await startCluster({ versions: release })
      const versions = await Promise.all(
        [kafka.brokers[0]!, cluster.brokers[0]!].map(finalizedVersions),
      )
      assert.deepEqual(versions[0], versions[1])
    })

    for (const scenario of scenarios) {
      for (const mode of modes as readonly Mode[]) {
        if (scenario.mode !== undefined && scenario.mode !== mode) continue
        if (scenario.since4 && !isSince4) continue
        it(`mode ${mode}: ${scenario.name}`, async () => {
          const wire = new RealWire(kafka.brokers[0]!)
          const name = `scenario-${count++}`
          await kafka.admin.createTopic(name, { partitions: 2, configs: oneSegment })
          await wire.led(name)
          await wire.coordinated(0, name)
          await wire.coordinated(1, name)
          const producer = (id = name) =>
            new WireProducer(wire, mode, { id, topic: name, groupId: name })
          try {
            const outcome = await scenario.run({ wire, mode, topic: name, producer })
            assert.deepEqual(outcome, expectedOf(scenario, mode))
          } finally {
            wire.close()
          }
        })
      }
    }
  })
}

/** Records in two topics, with the number of their transaction. */
const seriesOf = (count: number, isCommitted: (index: number) => boolean): JavaTransaction[] =>
  Array.from({ length: count }, (_, index) => ({
    records: Array.from({ length: 10 }, (_, each) => ({
      topic: each % 2 === 0 ? 'orders' : 'audit',
      partition: each % 3,
      value: `${index}-${each}`,
    })),
    offsets: { groupId: 'g', topic: 'source', partition: 0, offset: index + 1 },
    commit: isCommitted(index),
  }))

const sorted = (values: readonly string[]): string[] => [...values].sort()

for (const transactionVersion of [0, 2] as const) {
  describe(`Java's transactions on our cluster, transaction.version ${transactionVersion}`, () => {
    const isCommitted = (index: number): boolean => index % 3 !== 1
    const topics = ['orders', 'audit']
    const topicOptions = { orders: 3, audit: 3, source: 1 }
    const transactions = { version: transactionVersion }

    it('Java and we read whole transactions only, and offsets move with them', async () => {
      await using cluster = await startCluster({ nodes: 3, topics: topicOptions, transactions })
      const { brokers } = cluster
      const series = seriesOf(12, isCommitted)
      const outcomes = await javaTransactions({ brokers }).transactSeries('series', series)
      const wantedOutcomes = series.map(({ commit }) => (commit ? 'committed' : 'aborted'))
      assert.deepEqual(outcomes, wantedOutcomes)
      for (const topic of topics) {
        const wanted = series.flatMap(({ records, commit }) =>
          commit ? records.flatMap((each) => (each.topic === topic ? each.value : [])) : [],
        )
        const isolation = 'read_committed'
        const byJava = await javaConsume({ brokers, topic, isolation })
        assert.deepEqual(sorted(byJava.map(({ value }) => String(value))), sorted(wanted))
        const byUs: string[] = []
        for await (const { value } of readTopic({ brokers, topic, isolation })) {
          byUs.push(String(value))
        }
        assert.deepEqual(sorted(byUs), sorted(wanted))
        const all = await javaConsume({ brokers, topic })
        assert.equal(all.length, 60)
        assert.equal(cluster.records(topic).length, 60)
      }
      assert.equal(cluster.committedOffsets('g')[0]?.offset, 12)
      const adds = cluster.requests.AddPartitionsToTxn ?? 0
      assert.equal(adds > 0, transactionVersion === 0, `${adds} AddPartitionsToTxn`)
      const [state] = cluster.transactions()
      assert.equal(state?.state, 'CompleteCommit')
      assert.equal(state?.producerEpoch, transactionVersion === 0 ? 0 : 12)
    })

    it('Java survives a moved coordinator, slow markers and a stopped node', async () => {
      await using cluster = await startCluster({
        nodes: 3,
        topics: topicOptions,
        transactions: { ...transactions, markerDelayMs: 15, coordinatorLoadMs: 30 },
      })
      const { brokers } = cluster
      let ended = 0
      cluster.onRequest(({ api }) => {
        if (api !== 'EndTxn') return
        ended++
        const other = (cluster.coordinator('transaction', 'moved') % 3) + 1
        if (ended === 3) cluster.moveCoordinator('transaction', 'moved', other)
        if (ended === 6) cluster.moveLeader('orders', 0, other)
      })
      const series = seriesOf(9, isCommitted)
      const outcomes = await javaTransactions({ brokers }).transactSeries('moved', series)
      assert.deepEqual(
        outcomes,
        series.map(({ commit }) => (commit ? 'committed' : 'aborted')),
      )
      // The response to EndTxn comes before the last markers are written.
      while (!cluster.transactions()[0]?.state.startsWith('Complete')) {
        await new Promise<void>((resolve) => systemClock.setImmediate(resolve))
      }
      const read = await javaConsume({ brokers, topic: 'orders', isolation: 'read_committed' })
      assert.equal(read.length, 6 * 5)
    })

    it('a transaction that the cluster aborts fails in Java, and none of it is read', async () => {
      await using cluster = await startCluster({ topics: topicOptions, transactions })
      const { brokers } = cluster
      let ended = 0
      cluster.onRequest(({ api }) => {
        if (api === 'EndTxn' && ++ended === 2) cluster.abortTransaction('aborted')
      })
      const series = seriesOf(4, () => true)
      const outcomes = await javaTransactions({ brokers }).transactSeries('aborted', series)
      // Before KIP-890 the epoch that the coordinator raised can't be recovered from.
      assert.equal(outcomes[0], 'committed')
      assert.notEqual(outcomes[1], 'committed')
      const read = await javaConsume({ brokers, topic: 'orders', isolation: 'read_committed' })
      const seen = new Set(read.map(({ value }) => String(value).split('-')[0]))
      assert.ok(!seen.has('1'), 'the aborted transaction is not read')
      const wanted = outcomes.filter((each) => each === 'committed').length
      assert.equal(seen.size, wanted)
    })
  })
}
