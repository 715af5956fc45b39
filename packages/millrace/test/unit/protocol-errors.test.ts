import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import {
  brokerError,
  brokerErrorEntry,
  brokerErrors,
  errorNumber,
  isRetriable,
} from '../../src/protocol/errors.ts'
import { goldenFile } from '../golden/golden-file.ts'

describe('the table of broker errors', () => {
  it("is Kafka's: every number, name and view of retrying", () => {
    // Printed by a program over org.apache.kafka.common.protocol.Errors of kafka-clients 4.4.0.
    const kafka: unknown = JSON.parse(readFileSync(goldenFile('kafka-errors-4.4.0.json'), 'utf8'))
    const ours = [...brokerErrors.values()].map(({ number, name, retriable }) => ({
      number,
      name,
      retriable,
    }))
    assert.deepEqual(ours, kafka)
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
  it('says what, where, and what Kafka calls it', () => {
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

  it('admits that the records may be in the log where the broker leaves that open', () => {
    for (const name of ['REQUEST_TIMED_OUT', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND'] as const) {
      assert.equal(brokerError(errorNumber[name]).persisted, 'maybe', name)
    }
    for (const name of ['NOT_ENOUGH_REPLICAS', 'MESSAGE_TOO_LARGE'] as const) {
      assert.equal(brokerError(errorNumber[name]).persisted, 'no', name)
    }
  })

  it('lets the one who asked know better', () => {
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

  it('is never made of error 0', () => {
    assert.throws(() => brokerError(0))
  })
})
