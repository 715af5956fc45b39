// Transactions as a program holds them: the results of calls that were cancelled, and of producers
// that were replaced.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KafkaError, ProducerOptions } from '../../src/index.ts'
import { startCluster } from '../../src/testing.ts'
import { holdBack, nextRequest, producerFor, rejectionOf, valuesOf } from './producer-kit.ts'

const options: Partial<ProducerOptions> = {
  transactionalId: 'x',
  retryBackoffMs: 5,
  retryBackoffMaxMs: 20,
}

const offsets = [{ topic: 't', partition: 0, offset: 1 }]

// sendOffsets() was cancelled and not awaited, and commit() succeeded: the inputs were counted
// again.
test('offsets that were cancelled or rejected make commit() reject', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  await using producer = producerFor(cluster, options)
  for (const rejected of [{ signal: AbortSignal.abort() }, undefined]) {
    const transaction = await producer.beginTransaction()
    await transaction.send({ topic: 't', value: 'a' })
    const group = rejected === undefined ? '' : 'g'
    await rejectionOf(transaction.sendOffsets(offsets, group, rejected))
    const { code } = await rejectionOf(transaction.commit())
    assert.equal(code, 'TRANSACTION_ABORTED')
    await transaction.abort()
  }
})

// transaction() was cancelled during a commit that then failed. No caller had a handle to abort it
// with, so every later transaction() was rejected.
test('a commit that was cancelled and fails leaves the producer usable', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  await using producer = producerFor(cluster, options)
  cluster.fault({ api: 'EndTxn', error: 'TRANSACTION_ABORTABLE', delayMs: 20 })
  const requestSent = nextRequest(cluster, 'EndTxn')
  const controller = new AbortController()
  const run = (value: string) =>
    producer.transaction((transaction) => transaction.send({ topic: 't', value }), {
      signal: controller.signal,
    })
  const given = run('a')
  await requestSent
  controller.abort()
  assert.equal((await rejectionOf(given)).persisted, 'maybe')
  await nextRequest(cluster, 'EndTxn')
  const next = async (): Promise<unknown> => {
    const transaction = await producer.beginTransaction()
    await transaction.send({ topic: 't', value: 'b' })
    return transaction.commit()
  }
  for (let isEnding = true; isEnding; ) {
    try {
      await next()
      isEnding = false
    } catch (error) {
      assert.equal((error as KafkaError).code, 'INVALID_STATE', 'it is still being aborted')
      await new Promise(setImmediate)
    }
  }
  assert.equal(cluster.requests.EndTxn, 3)
})

// The message said "was not committed", although the coordinator had committed it.
// An abort then seemed to succeed, and the caller's second run stored every record twice.
for (const errors of [
  ['UNKNOWN_SERVER_ERROR'],
  ['POLICY_VIOLATION'],
  // It is sent again after the first of these.
  ['KAFKA_STORAGE_ERROR', 'INVALID_PRODUCER_ID_MAPPING'],
] as const) {
  test(`a commit that ends with ${errors.join(', then ')} has an unknown outcome`, async () => {
    await using cluster = await startCluster({ topics: { t: 1 } })
    await using producer = producerFor(cluster, options)
    const transaction = await producer.beginTransaction()
    await transaction.send({ topic: 't', value: 'a' })
    for (const [index, error] of errors.entries()) {
      const when = (): boolean => cluster.requests.EndTxn === index + 1
      cluster.fault({ api: 'EndTxn', error, at: 'after', when })
    }
    const commit = await rejectionOf(transaction.commit())
    assert.deepEqual([commit.kind, commit.persisted, commit.api], ['fatal', 'maybe', 'EndTxn'])
    assert.match(commit.message, /^The outcome of the commit is unknown: EndTxn failed/)
    assert.match(commit.remedy, /Create a new producer/)
    assert.equal((await rejectionOf(transaction.abort())).kind, 'fatal')
    await using next = producerFor(cluster, options)
    await next.transaction((second) => second.send({ topic: 't', value: 'b' }))
    assert.deepEqual(valuesOf(cluster, 't'), ['a', 'b'])
  })
}

for (const call of ['destroy', 'close'] as const) {
  test(`${call}() during a commit leaves the outcome of the commit unknown`, async () => {
    await using cluster = await startCluster({ topics: { t: 1 } })
    const producer = producerFor(cluster, options)
    const transaction = await producer.beginTransaction()
    await transaction.send({ topic: 't', value: 'a' })
    holdBack(cluster, { api: 'EndTxn' })
    const requestSent = nextRequest(cluster, 'EndTxn')
    const commit = transaction.commit()
    await requestSent
    const closing = call === 'close' ? producer.close({ timeoutMs: 1 }) : producer.destroy()
    const { code, persisted } = await rejectionOf(commit)
    assert.deepEqual([code, persisted], ['CLOSED', 'maybe'])
    await closing
  })
}

test('a coordinator that is not found has stored nothing', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  await using producer = producerFor(cluster, options)
  cluster.fault({ api: 'FindCoordinator', error: 'UNKNOWN_SERVER_ERROR' })
  const { brokerError, persisted } = await rejectionOf(producer.beginTransaction())
  assert.deepEqual([brokerError, persisted], ['UNKNOWN_SERVER_ERROR', 'no'])
})

test('destroy() settles offsets in flight', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  const producer = producerFor(cluster, options)
  const transaction = await producer.beginTransaction()
  holdBack(cluster, { api: 'TxnOffsetCommit' })
  const requestSent = nextRequest(cluster, 'TxnOffsetCommit')
  const sent = transaction.sendOffsets(offsets, 'g')
  await requestSent
  producer.destroy()
  assert.equal((await rejectionOf(sent)).code, 'CLOSED')
})

// The coordinator committed, and could not say so in time (COORDINATOR_NOT_AVAILABLE);
// another producer took over. The old one took its epoch for free, took it away from its
// successor, and called the commit aborted.
test('version 1: a fenced producer whose commit has no response fences no other', async () => {
  await using cluster = await startCluster({ topics: { t: 1 }, transactions: { version: 0 } })
  await using zombie = producerFor(cluster, options)
  const old = await zombie.beginTransaction()
  await old.send({ topic: 't', value: 'a' })
  const lost = cluster.fault({
    api: 'EndTxn',
    error: 'COORDINATOR_NOT_AVAILABLE',
    at: 'after',
    count: Number.POSITIVE_INFINITY,
  })
  const requestSent = nextRequest(cluster, 'EndTxn')
  const commit = old.commit()
  await requestSent
  await using producer = producerFor(cluster, options)
  const transaction = await producer.beginTransaction()
  lost.remove()
  const { code, persisted } = await rejectionOf(commit)
  assert.deepEqual([code, persisted], ['FENCED', 'maybe'])
  await transaction.send({ topic: 't', value: 'b' })
  await transaction.commit()
})

// A producer that was replaced requested an id to find out, by which coordinators abort
// its successor's open transaction.
test('a producer that is fenced leaves its successor’s transaction open', async () => {
  for (const version of [0, 2] as const) {
    await using cluster = await startCluster({ topics: { t: 1 }, transactions: { version } })
    await using zombie = producerFor(cluster, options)
    const old = await zombie.beginTransaction()
    await old.send({ topic: 't', value: 'a' })
    await using producer = producerFor(cluster, options)
    const transaction = await producer.beginTransaction()
    await transaction.send({ topic: 't', value: 'b' })
    assert.equal((await rejectionOf(old.commit())).code, 'FENCED')
    assert.equal(cluster.transactions()[0]?.state, 'Ongoing')
    await transaction.commit()
  }
})

// Kafka 4.4 refuses a client that names the node it expects without the cluster.
test('a coordinator that is found before the first metadata can be connected to', async () => {
  await using cluster = await startCluster({ nodes: 3, topics: { t: 3 } })
  for (const transactionalId of ['a', 'b', 'c', 'd', 'e', 'f']) {
    await using producer = producerFor(cluster, { ...options, transactionalId, maxBlockMs: 5000 })
    const transaction = await producer.beginTransaction()
    await transaction.send({ topic: 't', value: transactionalId })
    await transaction.commit()
  }
})
