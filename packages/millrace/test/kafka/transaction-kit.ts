// What the tests of transactions on a real Kafka share: producers with a transactional id of their
// own, errors as they are expected, and what Java sees of committed records.

import assert from 'node:assert/strict'
import { type ErrorCode, KafkaError, type Producer, type ProducerOptions } from '../../src/index.ts'
import { tcpTransport } from '../../src/runtime/tcp-transport.ts'
import {
  type JavaTransactions,
  javaConsume,
  javaTransactions,
  type Kafka,
} from './fixture/index.ts'
import { producerFor } from './producer-kit.ts'
import type { RequestWatch } from './request-watch.ts'

/** Settings of the broker under which transactions time out soon, and rights are looked at. */
export const quickTimeouts = {
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': '200',
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'allow.everyone.if.no.acl.found': 'true',
}

/** Java's consumer then ends as soon as it has read everything. */
export const quickFetches = { 'fetch.max.wait.ms': '10' }

/** The KafkaError that the promise rejects with. */
export const rejectionOf = async (promise: Promise<unknown>): Promise<KafkaError> => {
  const error = await promise.then(
    (value) => assert.fail(`it did not reject: ${JSON.stringify(value)}`),
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof KafkaError, `no KafkaError: ${error}`)
  return error
}

/** Rejects with this code, and what it says one can do fits it. */
export const expectError = async (
  promise: Promise<unknown>,
  code: ErrorCode,
  kind: KafkaError['kind'],
): Promise<KafkaError> => {
  const error = await rejectionOf(promise)
  assert.deepEqual([error.code, error.kind], [code, kind], error.stack)
  return error
}

/** What the transaction failed of. */
export const rootOf = (error: KafkaError): KafkaError =>
  error.code === 'TRANSACTION_ABORTED' && error.cause instanceof KafkaError
    ? rootOf(error.cause)
    : error

export const expectFenced = (promise: Promise<unknown>): Promise<KafkaError> =>
  expectError(promise, 'FENCED', 'fatal')

/** One test's own names, and its producers, on a broker that others use too. */
export class TransactionStage {
  readonly kafka: Kafka
  readonly name: string
  readonly coordinator: JavaTransactions

  constructor(kafka: Kafka, name: string) {
    this.kafka = kafka
    this.name = name
    this.coordinator = javaTransactions({ brokers: kafka.brokers })
  }

  producer(options: Partial<ProducerOptions> = {}, watch?: RequestWatch): Producer {
    return producerFor(
      this.kafka,
      { transactionalId: this.name, ...options },
      watch?.transport ?? tcpTransport,
    )
  }

  /** What Java reads of the stage's topic, once markers are written. */
  async committed(topic: string = this.name): Promise<string[]> {
    await this.coordinator.settled(this.name)
    return this.#read(topic, 'read_committed')
  }

  /** All that is in the log. */
  stored(topic: string = this.name): Promise<string[]> {
    return this.#read(topic, 'read_uncommitted')
  }

  async #read(topic: string, isolation: 'read_committed' | 'read_uncommitted') {
    const { brokers } = this.kafka
    const records = await javaConsume({ brokers, topic, isolation, properties: quickFetches })
    return records.map(({ value }) => String(value)).sort()
  }

  /** The offset that a group has committed for partition 0 of the stage's topic; -1 = none. */
  async groupOffset(groupId: string, stable = false): Promise<number> {
    const place = { topic: this.name, partition: 0 }
    return (await this.coordinator.groupOffset(groupId, place, { stable }))?.offset ?? -1
  }

  /** Commits a transaction with this value; `committed` has it then. */
  async works(producer: Producer, value: string): Promise<void> {
    await producer.transaction((transaction) => {
      transaction.enqueue({ topic: this.name, partition: 0, value })
    })
  }
}
