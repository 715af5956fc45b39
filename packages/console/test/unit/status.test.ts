// The sentence at the top shows the most severe condition and its remedy.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BrokerMetrics, FailureMetrics, ProducerMetrics } from 'millrace'
import { type Situation, statusOf } from '../../src/status.ts'
import type { FaultRow } from '../../src/view.ts'
import { metricsOf, none } from '../support/stage.ts'

const failure: FailureMetrics = {
  code: 'BROKER_UNAVAILABLE',
  brokerError: 'NOT_ENOUGH_REPLICAS',
  message: 'fewer replicas are in sync',
  remedy: 'Bring them back.',
}

const broker = (nodeId: number, own: Partial<BrokerMetrics> = {}): BrokerMetrics => ({
  nodeId,
  host: '10.0.0.1',
  port: 9090 + nodeId,
  ready: true,
  requestsInFlight: 0,
  requests: 1,
  requestBytes: 1,
  requestLatencyMs: none,
  throttleTimeMs: none,
  lastError: null,
  lastFailure: null,
  ...own,
})

const held = (lastFailure: FailureMetrics | null, leaderId = 1, partitions = [3]) => ({
  unsettledBatches: 1,
  topics: [
    {
      topic: 'orders',
      recordsSent: 0,
      recordBytesSent: 0,
      recordsDelivered: 0,
      recordBytesDelivered: 0,
      recordsFailed: 0,
      recordsRetried: 0,
      partitionCount: 6,
      partitions: partitions.map((partition) => ({
        partition,
        leaderId,
        batchesWaiting: 1,
        batchesInFlight: 0,
        recordsHeld: 5,
        lastError: lastFailure?.code ?? null,
        lastFailure,
      })),
    },
  ],
})

const fault = (own: Partial<FaultRow>): FaultRow => ({
  kind: 'failed',
  code: 'RECORD_TOO_LARGE',
  places: ['orders-1'],
  placeCount: 1,
  count: 1,
  message: 'too large',
  remedy: 'Make it smaller.',
  firstAt: 0,
  lastAt: 0,
  ...own,
})

const three = [broker(1), broker(2), broker(3)]

const say = (metrics: Partial<ProducerMetrics>, own: Partial<Situation> = {}) => {
  const situation: Situation = {
    metrics: metricsOf({ connections: 3, brokers: three, bufferWindowBytes: 1000, ...metrics }),
    recordsAcked: 0,
    stalledMs: 0,
    failed: undefined,
    disconnected: undefined,
    throttledMs: 0,
    closed: null,
    ...own,
  }
  return statusOf(situation)
}

const cases: readonly [name: string, ReturnType<typeof say>, level: string, sentence: string][] = [
  [
    'a load that flows',
    say({ recordsDelivered: 9 }, { recordsAcked: 12_400 }),
    'good',
    'Delivering 12,400 records/s; 3 brokers connected.',
  ],
  [
    'one broker',
    say({ brokers: [broker(1), broker(2, { ready: false })] }, { recordsAcked: 1 }),
    'good',
    'Delivering 1.0 records/s; 1 broker connected.',
  ],
  ['nothing yet', say({}), 'quiet', 'Nothing has been sent yet; 3 brokers connected.'],
  [
    'no connection yet',
    say({ brokers: [], connections: 0 }),
    'quiet',
    'Nothing has been sent yet; no broker is connected.',
  ],
  [
    'at rest',
    say({ recordsDelivered: 1200 }),
    'quiet',
    'Nothing to send: 1,200 records delivered; 3 brokers connected.',
  ],
  [
    'a partition that is held up, while others go on',
    say(held(failure), { recordsAcked: 80 }),
    'warning',
    'Delivering 80 records/s, but not all: NOT_ENOUGH_REPLICAS on orders-3.',
  ],
  [
    'nothing goes, one partition',
    say(held(failure), { stalledMs: 2000 }),
    'bad',
    'Not delivering: NOT_ENOUGH_REPLICAS on orders-3.',
  ],
  [
    'nothing goes, two partitions',
    say(held(failure, 1, [3, 4]), { stalledMs: 2000 }),
    'bad',
    'Not delivering: NOT_ENOUGH_REPLICAS on orders-3 and 1 other partition.',
  ],
  [
    'no leader',
    say(held(null, -1), { stalledMs: 2000 }),
    'bad',
    'Not delivering: no leader on orders-3.',
  ],
  [
    'a broker is gone that something waits for',
    say(
      {
        ...held(null),
        brokers: [broker(1), broker(2, { ready: false, lastFailure: failure })],
      },
      { stalledMs: 2000 },
    ),
    'bad',
    'Not delivering: NOT_ENOUGH_REPLICAS on 10.0.0.1:9092.',
  ],
  [
    'no broker responds, and no record waits',
    say(
      { connections: 0, brokers: [] },
      { disconnected: fault({ kind: 'disconnected', code: 'CONNECTION_FAILED', places: ['b:1'] }) },
    ),
    'warning',
    'Not delivering yet: CONNECTION_FAILED on b:1.',
  ],
  [
    'records that fail permanently',
    say({}, { recordsAcked: 500, failed: fault({}) }),
    'bad',
    'Records fail: RECORD_TOO_LARGE on orders-1.',
  ],
  [
    'silence',
    say({ unsettledBatches: 1, requestsInFlight: 2 }, { stalledMs: 6000 }),
    'warning',
    'No response for 6,000 ms to 2 requests.',
  ],
  [
    'records that are held on purpose',
    say({ unsettledBatches: 1 }, { stalledMs: 6000 }),
    'quiet',
    'Holding records for 6,000 ms: none of them can be sent yet.',
  ],
  [
    'a quota',
    say({}, { recordsAcked: 100, throttledMs: 250 }),
    'warning',
    'Delivering 100 records/s; 3 brokers connected.',
  ],
  [
    'closed',
    say(held(failure), { stalledMs: 9000, closed: { delivered: 1000, failed: 2 } }),
    'closed',
    'The producer is closed: 1,000 records delivered, 2 failed.',
  ],
]

for (const [name, status, level, sentence] of cases) {
  test(`${name}: ${sentence}`, () => {
    assert.deepEqual([status.level, status.sentence], [level, sentence])
  })
}

test('an error is shown with its message and its remedy', () => {
  const { detail, remedy } = say(held(failure), { stalledMs: 2000 })
  assert.deepEqual([detail, remedy], [failure.message, failure.remedy])
})

test('a full buffer is shown, since it is why the caller waits', () => {
  const { level, detail } = say({ bufferUsedBytes: 950 }, { recordsAcked: 5 })
  assert.equal(level, 'good')
  assert.match(detail ?? '', /buffer is full/)
  assert.equal(say({ bufferUsedBytes: 500 }, { recordsAcked: 5 }).detail, null)
})

test('the topic of a sentence changes with its statement, not with its numbers', () => {
  const topics = [100, 200].map((recordsAcked) => say({}, { recordsAcked }).topic)
  assert.equal(topics[0], topics[1])
  assert.notEqual(say(held(failure), { stalledMs: 2000 }).topic, topics[0])
})
