// The first run's check must be able to fail: here each kind of difference is made on purpose.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Producer, type ProducerRecord } from 'millrace'
import { startCluster } from 'millrace/testing'
import { orderKey, orderValue } from '../../src/first-run/order.ts'
import { OrderResults } from '../../src/first-run/order-results.ts'
import { verifyRun } from '../../src/first-run/verify.ts'

const orderCount = 20
const runId = 'this-run'
let cluster: Awaited<ReturnType<typeof startCluster>>
let topicCount = 0
before(async () => {
  const topics = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`check-${index}`, 1]))
  cluster = await startCluster({ nodes: 1, topics })
})
after(() => cluster.close())

/** Writes the orders, after `change` has spoilt what is written but not what is expected. */
const check = async (change: (records: ProducerRecord[]) => ProducerRecord[]): Promise<void> => {
  const topic = `check-${topicCount++}`
  const orderResults = new OrderResults(orderCount)
  const records = Array.from({ length: orderCount }, (_, order) => ({
    topic,
    key: orderKey(order),
    value: orderValue(order),
    headers: { run: runId },
  }))
  const producer = new Producer({ brokers: cluster.brokers })
  const { results } = await producer.sendBatch(change([...records]))
  await producer.close()
  results.slice(0, orderCount).forEach((result, order) => {
    assert.ok('offset' in result)
    orderResults.markDelivered(order, result)
  })
  for (let order = results.length; order < orderCount; order++) {
    const metadata = {
      topic,
      partition: 0,
      offset: order,
      timestamp: 0,
      keyBytes: 0,
      valueBytes: 0,
    }
    orderResults.markDelivered(order, metadata)
  }
  const progress = { done: 0, stop: () => {} }
  const signal = new AbortController().signal
  await verifyRun({ brokers: cluster.brokers, topic, runId, orderResults, progress, signal })
  assert.equal(progress.done, orderCount)
}

const replace =
  (index: number, change: (record: ProducerRecord) => ProducerRecord) =>
  (records: ProducerRecord[]): ProducerRecord[] =>
    records.with(index, change(records[index]!))

test('what was written as expected passes', () => check((records) => records))

test('a changed byte in a value is found', () =>
  assert.rejects(
    check(replace(7, (record) => ({ ...record, value: `${record.value} ` }))),
    /value at partition 0, offset 7 is not that of order 7/,
  ))

test('a changed key is found', () =>
  assert.rejects(
    check(replace(3, (record) => ({ ...record, key: null }))),
    /key at partition 0, offset 3 is not that of order 3/,
  ))

test('two records in the wrong order are found', () =>
  assert.rejects(
    check((records) => records.with(4, records[5]!).with(5, records[4]!)),
    /offset 4 is not that of order 4/,
  ))

test('a missing record is found', () =>
  assert.rejects(
    check((records) => records.slice(0, -1)),
    /lacks 1 records, the first of them order 19/,
  ))

test('a record that is there twice is found', () =>
  assert.rejects(
    check((records) => [...records, records[0]!]),
    /a record that was not sent at partition 0, offset 20/,
  ))

test('a record of the run in front of the others, at another offset, is found', () =>
  assert.rejects(
    check((records) => [{ ...records[0]!, headers: {} }, ...records]),
    /acknowledged at offset 0, but is not at partition 0, offset 1/,
  ))
