import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import {
  brokerError,
  brokerErrorEntry,
  brokerErrors,
  errorNumber,
  isRetriable,
} from '../../src/protocol/errors.ts'
import { asKafkaError, KafkaError } from '../../src/protocol/kafka-error.ts'
import { goldenFile } from '../golden/golden-file.ts'
import { unreadableValues } from './unreadable-values.ts'

describe('the table of broker errors', () => {
  it("is Kafka's: every number, name and retriable flag", () => {
    // Printed by a program over org.apache.kafka.common.protocol.Errors of kafka-clients 4.4.0.
    const kafka: unknown = JSON.parse(readFileSync(goldenFile('kafka-errors-4.4.0.json'), 'utf8'))
    const ours = [...brokerErrors.values()].map(({ number, name, retriable }) => ({
      number,
      name,
      retriable,
    }))
    assert.deepEqual(ours, kafka)
  })

  it('an idempotent producer without the ACL for it learns both remedies', () => {
    const number = errorNumber.CLUSTER_AUTHORIZATION_FAILED
    const of = (api: string): string => brokerError(number, { api }).remedy
    assert.match(
      of('InitProducerId'),
      /IDEMPOTENT_WRITE on the cluster, or set idempotent to false/,
    )
    assert.doesNotMatch(of('CreateTopics'), /IDEMPOTENT_WRITE/)
  })

  it('what Kafka tries again can be tried again here', () => {
    for (const { name, retriable, kind } of brokerErrors.values()) {
      assert.ok(!retriable || kind === 'retriable', name)
    }
  })

  it('has a number for each name', () => {
    assert.equal(errorNumber.NOT_LEADER_OR_FOLLOWER, 6)
    assert.equal(errorNumber.UNKNOWN_SERVER_ERROR, -1)
    assert.equal(Object.keys(errorNumber).length, brokerErrors.size)
    assert.equal(isRetriable(errorNumber.NOT_LEADER_OR_FOLLOWER), true)
    assert.equal(isRetriable(errorNumber.MESSAGE_TOO_LARGE), false)
  })
})

describe('brokerError', () => {
  it("names what failed, where, and Kafka's name for it", () => {
    const error = brokerError(errorNumber.TOPIC_AUTHORIZATION_FAILED, {
      api: 'Produce',
      topic: 'orders',
      partition: 3,
      broker: '127.0.0.1:9092 (node 1)',
      brokerMessage: 'denied by policy',
    })
    assert.equal(
      error.message,
      'Produce orders[3] failed at 127.0.0.1:9092 (node 1): no right to use this topic ' +
        '(TOPIC_AUTHORIZATION_FAILED, 29); the broker says: denied by policy',
    )
    assert.equal(error.code, 'AUTHORIZATION_FAILED')
    assert.equal(error.kind, 'rejected')
    assert.equal(error.brokerCode, 29)
    assert.equal(error.brokerError, 'TOPIC_AUTHORIZATION_FAILED')
    assert.equal(error.persisted, 'no')
    assert.equal(error.topic, 'orders')
  })

  it('says that the records may be in the log if the broker leaves that open', () => {
    for (const name of ['REQUEST_TIMED_OUT', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND'] as const) {
      assert.equal(brokerError(errorNumber[name]).persisted, 'maybe', name)
    }
    for (const name of ['NOT_ENOUGH_REPLICAS', 'MESSAGE_TOO_LARGE'] as const) {
      assert.equal(brokerError(errorNumber[name]).persisted, 'no', name)
    }
  })

  it('takes what its caller passes instead', () => {
    const context = { kind: 'abortable', persisted: 'maybe' } as const
    const error = brokerError(errorNumber.INVALID_PRODUCER_EPOCH, context)
    assert.equal(error.kind, 'abortable')
    assert.equal(error.persisted, 'maybe')
    assert.equal(brokerError(errorNumber.INVALID_PRODUCER_EPOCH).kind, 'fatal')
  })

  it('keeps a number that is newer than the table', () => {
    const error = brokerError(999)
    assert.equal(error.brokerCode, 999)
    assert.equal(error.brokerError, 'UNKNOWN(999)')
    assert.equal(error.code, 'BROKER_REJECTED')
    assert.equal(error.persisted, 'maybe')
    assert.equal(brokerErrorEntry(999).name, 'UNKNOWN(999)')
  })

  it('is never created for error 0', () => {
    assert.throws(() => brokerError(0))
  })
})

describe('a printed error', () => {
  const cause = new KafkaError('CONNECTION_FAILED', 'could not connect: 10.0.0.1:9092 refused', {
    broker: '10.0.0.1:9092',
    cause: Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
  })
  const error = new KafkaError('METADATA_TIMEOUT', `No metadata within 9 ms: ${cause.message}`, {
    topic: 'orders',
    cause,
  })

  it('has at most 12 lines, no undefined field, and each address once', () => {
    const text = inspect(error)
    assert.ok(text.split('\n').length <= 12, text)
    assert.doesNotMatch(text, /undefined/)
    assert.equal(text.split('10.0.0.1:9092').length - 1, 1, text)
    assert.match(text, /^KafkaError \[METADATA_TIMEOUT\]: No metadata .*\n {2}kind: retriable, /)
    assert.match(text, /ECONNREFUSED/)
    assert.match(text, /\n {4}at /)
  })

  it('as JSON has the known fields, the remedy and its causes', () => {
    const plain = JSON.parse(JSON.stringify(error))
    assert.deepEqual(
      [plain.code, plain.topic, plain.cause.code],
      ['METADATA_TIMEOUT', 'orders', 'CONNECTION_FAILED'],
    )
    assert.equal(plain.cause.cause, 'Error [ECONNREFUSED]: connect ECONNREFUSED')
    assert.equal(plain.message, error.message)
    assert.equal(typeof plain.remedy, 'string')
    assert.equal('partition' in plain, false)
  })

  for (const [name, unreadable] of Object.entries(unreadableValues())) {
    it(`prints, and has a JSON form, with a cause that cannot be read: ${name}`, () => {
      const own = new KafkaError('INVALID_ARGUMENT', 'no', { cause: unreadable })
      const wrapped = asKafkaError(unreadable, 'where')
      for (const each of [own, wrapped, new KafkaError('TIMEOUT', 'late', { cause: own })]) {
        assert.ok(each instanceof KafkaError)
        assert.match(inspect(each), /^KafkaError \[/)
        assert.equal(JSON.parse(JSON.stringify(each)).code, each.code)
      }
    })
  }

  it('as JSON has the fields of a cause that is an object', () => {
    const aborted = new KafkaError('ABORTED', 'aborted', { cause: { reason: 'shut down', id: 1n } })
    assert.match(JSON.parse(JSON.stringify(aborted)).cause, /reason: 'shut down', id: 1n/)
  })
})
