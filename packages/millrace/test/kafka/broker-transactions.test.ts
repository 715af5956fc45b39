// The transactions of the in-process cluster, judged. Real brokers of two releases play the scenarios
// that our cluster is held to by unit/broker-transaction-rules.test.ts, so that what is expected there
// is Kafka's own. And Java's transactional producer writes to our cluster, and Java's consumer reads.

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { findCoordinatorApi } from '../../src/protocol/api/10-find-coordinator.ts'
import { errorNumber } from '../../src/protocol/errors.ts'
import { RawClient } from '../unit/broker-kit.ts'
import {
  fetchFrom,
  type Mode,
  patiently,
  type Wire,
  WireProducer,
} from '../unit/broker-transaction-kit.ts'
import { expectedOf, scenarios } from '../unit/transaction-scenarios.ts'
import { type Kafka, startKafka } from './fixture/index.ts'

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
    await patiently(async () => {
      const { errorCode } = await fetchFrom(this, client, { topic })
      return wanting.includes(errorCode) ? errorNumber.COORDINATOR_NOT_AVAILABLE : errorCode
    })
    client.close()
  }

  /** Resolves once the broker coordinates the key: it makes its own topics at the first question. */
  async coordinated(keyType: number, key: string): Promise<void> {
    const client = this.connect()
    const request = { keyType, coordinatorKeys: [key] }
    await patiently(async () => {
      const answer = await client.request(findCoordinatorApi, 4, request)
      return answer.coordinators[0]!.errorCode
    })
    client.close()
  }
}

/** Markers carry the time of now, our records an old one: a new segment would end a fetch. */
const oneSegment = { 'segment.ms': '9223372036854775807' }

for (const { version, modes } of [
  { version: '3.9.1', modes: [1] },
  { version: '4.4.0', modes: [1, 2] },
] as const) {
  describe(`Kafka ${version} answers to transactions as our cluster is held to`, () => {
    const isSince4 = Number.parseInt(version, 10) >= 4
    let kafka: Kafka
    let count = 0
    before(async () => {
      kafka = await startKafka({ version })
    })
    after(() => kafka?.close())

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
