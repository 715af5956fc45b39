// Transactions as a program holds them: what becomes of calls that were given up, and of producers
// that were replaced.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KafkaError, ProducerOptions } from '../../src/index.ts'
import { startCluster } from '../../src/testing.ts'
import { holdBack, nextRequest, producerFor, rejectionOf } from './producer-kit.ts'

const options: Partial<ProducerOptions> = {
  transactionalId: 'x',
  retryBackoffMs: 5,
  retryBackoffMaxMs: 20,
}

const offsets = [{ topic: 't', partition: 0, offset: 1 }]

// The story: sendOffsets was given up, nobody awaited it, and commit() succeeded: the inputs were
// counted again.
test('offsets that were given up, or refused, make commit reject', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  await using producer = producerFor(cluster, options)
  for (const refused of [{ signal: AbortSignal.abort() }, undefined]) {
    const transaction = await producer.beginTransaction()
    await transaction.send({ topic: 't', value: 'a' })
    const group = refused === undefined ? '' : 'g'
    await rejectionOf(transaction.sendOffsets(offsets, group, refused))
    const { code } = await rejectionOf(transaction.commit())
    assert.equal(code, 'TRANSACTION_ABORTED')
    await transaction.abort()
  }
})

// The story: transaction() gave up on a commit that then failed; nobody had a handle to abort it
// with, and each transaction() after it was refused for good.
test('a commit that was given up, and fails, leaves the producer free', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  await using producer = producerFor(cluster, options)
  cluster.fault({ api: 'EndTxn', error: 'TRANSACTION_ABORTABLE', delayMs: 20 })
  const asked = nextRequest(cluster, 'EndTxn')
  const controller = new AbortController()
  const run = (value: string) =>
    producer.transaction((transaction) => transaction.send({ topic: 't', value }), {
      signal: controller.signal,
    })
  const given = run('a')
  await asked
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

test('destroy() settles offsets that are on their way', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  const producer = producerFor(cluster, options)
  const transaction = await producer.beginTransaction()
  holdBack(cluster, { api: 'TxnOffsetCommit' })
  const asked = nextRequest(cluster, 'TxnOffsetCommit')
  const sent = transaction.sendOffsets(offsets, 'g')
  await asked
  producer.destroy()
  assert.equal((await rejectionOf(sent)).code, 'CLOSED')
})

// The story: the coordinator committed, and could not say so in time (COORDINATOR_NOT_AVAILABLE);
// another producer took over. The old one took its epoch for free, took it away from its
// successor, and called the commit aborted.
test('version 1: fenced with a commit in doubt, it says maybe and disturbs nobody', async () => {
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
  const asked = nextRequest(cluster, 'EndTxn')
  const commit = old.commit()
  await asked
  await using producer = producerFor(cluster, options)
  const transaction = await producer.beginTransaction()
  lost.remove()
  const { code, persisted } = await rejectionOf(commit)
  assert.deepEqual([code, persisted], ['FENCED', 'maybe'])
  await transaction.send({ topic: 't', value: 'b' })
  await transaction.commit()
})

// The story: a producer that was replaced asked for an id to find out, by which coordinators abort
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
