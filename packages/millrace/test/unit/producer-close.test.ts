// The end of a producer: close, destroy, `await using`; what becomes of the records, of those who
// wait, and of the process.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KafkaError, Producer, RecordMetadata } from '../../src/index.ts'
import { startCluster } from '../../src/testing.ts'
import {
  blackHole,
  deadAddress,
  holdBack,
  inOrder,
  nextRequest,
  numbered,
  producerFor,
  rejectionOf,
  runChild,
  thrownBy,
  valuesOf,
} from './producer-kit.ts'

const codeOf = (error: KafkaError) => error.code

describe('close', () => {
  it('delivers what was sent, and reports it; twice is the same promise', async () => {
    await using cluster = await startCluster({ topics: { t: 2 } })
    const producer = producerFor(cluster)
    const sends = numbered('t', 1000, 0).map((record) => producer.send(record))
    const closing = producer.close()
    assert.equal(producer.close(), closing)
    assert.equal(producer.close({ timeoutMs: 0 }), closing)
    assert.deepEqual(await closing, { delivered: 1000, failed: 0, undelivered: 0 })
    assert.equal((await Promise.all(sends)).length, 1000)
    assert.deepEqual(valuesOf(cluster, 't'), inOrder(1000))
    assert.equal(producer.close(), closing)
    while (cluster.node(1).connections > 0) await new Promise(setImmediate)
  })

  it('of a producer that did nothing connects to nothing', async () => {
    const producer = producerFor(await startClosedCluster())
    assert.deepEqual(await producer.close(), { delivered: 0, failed: 0, undelivered: 0 })
    assert.equal(producer.metrics().connectionFailures, 0)
  })

  it('delivers records that linger, or wait for space or for their topic', async () => {
    await using cluster = await startCluster({ electionMs: 100 })
    const producer = producerFor(cluster, { bufferMemoryBytes: 1 << 17, lingerMs: 3_600_000 })
    const value = 'x'.repeat(500)
    const results: Promise<unknown>[] = []
    for (let index = 0; index < 60; index++) results.push(producer.send({ topic: 'new', value }))
    const batch = Array.from({ length: 500 }, () => ({ topic: 'new', value }))
    results.push(producer.sendBatch(batch))
    assert.deepEqual(await producer.close(), { delivered: 560, failed: 0, undelivered: 0 })
    await Promise.all(results)
    assert.equal(cluster.records('new').length, 560)
  })

  it('makes every later call fail at once with CLOSED', async () => {
    await using cluster = await startCluster({ topics: { t: 1 } })
    const reported: string[] = []
    const producer = producerFor(cluster, { onError: (error) => reported.push(error.code) })
    await producer.send({ topic: 't', value: 'x' })
    const closing = producer.close()
    for (const state of ['closing', 'closed']) {
      const record = { topic: 't', value: 'late' }
      const errors = [
        await rejectionOf(producer.send(record)),
        await rejectionOf(producer.send(record, { timeoutMs: 5 })),
        await rejectionOf(producer.sendBatch([record])),
        await rejectionOf(producer.submit(record)),
        await rejectionOf(producer.connect()),
        await rejectionOf(producer.ready()),
        await rejectionOf(producer.partitionsFor('t')),
        thrownBy(() => producer.enqueue(record)),
      ]
      assert.deepEqual(errors.map(codeOf), new Array(8).fill('CLOSED'))
      assert.ok(errors.every(({ persisted, kind }) => persisted === 'no' && kind === 'usage'))
      await producer.flush()
      if (state === 'closing') await closing
    }
    assert.deepEqual(reported, new Array(6).fill('CLOSED'), 'send twice and sendBatch, each time')
    assert.equal(cluster.records('t').length, 1)
  })

  it('with a timeout settles every record although no broker responds', async () => {
    await using hole = await blackHole()
    await using cluster = await startCluster()
    const producer = producerFor(cluster, { brokers: hole.address })
    const connected = hole.connected()
    const sends = numbered('t', 10).map((record) => rejectionOf(producer.send(record)))
    await connected
    assert.deepEqual(await producer.close({ timeoutMs: 200 }), {
      delivered: 0,
      failed: 10,
      undelivered: 10,
    })
    for (const error of await Promise.all(sends)) {
      assert.equal(error.code, 'ABORTED')
      assert.equal(error.persisted, 'no')
    }
  })

  it('with a timeout reports records in flight as persisted maybe', async () => {
    await using cluster = await startCluster({ topics: { t: 1 } })
    const producer = producerFor(cluster)
    await producer.send({ topic: 't', value: 'first' })
    holdBack(cluster, { at: 'after' })
    const request = nextRequest(cluster, 'Produce')
    const unknown = rejectionOf(producer.send({ topic: 't', value: 'unknown' }))
    await request
    const behind = rejectionOf(producer.send({ topic: 't', value: 'behind' }))
    assert.deepEqual(await producer.close({ timeoutMs: 50 }), {
      delivered: 1,
      failed: 2,
      undelivered: 2,
    })
    assert.equal((await unknown).persisted, 'maybe')
    assert.equal((await behind).code, 'ABORTED')
  })

  it('ends early at its signal, also one that was aborted before', async () => {
    for (const early of [true, false]) {
      await using hole = await blackHole()
      await using cluster = await startCluster()
      const producer = producerFor(cluster, { brokers: hole.address })
      const send = rejectionOf(producer.send({ topic: 't', value: 'x' }))
      const controller = new AbortController()
      if (early) controller.abort()
      const closing = producer.close({ signal: controller.signal })
      controller.abort()
      assert.deepEqual(await closing, { delivered: 0, failed: 1, undelivered: 1 })
      assert.equal((await send).code, 'ABORTED')
    }
  })

  it('by `await using` delivers what was sent in the block', async () => {
    await using cluster = await startCluster({ topics: { t: 1 } })
    let send: Promise<RecordMetadata>
    {
      await using producer = producerFor(cluster)
      send = producer.send({ topic: 't', value: 'x' })
    }
    assert.equal((await send).offset, 0)
    const producer: Producer = producerFor(cluster)
    assert.equal(await producer[Symbol.asyncDispose](), undefined)
  })

  it('inside a callback is safe, and counts every record', async () => {
    await using cluster = await startCluster({ topics: { t: 1 } })
    const producer = producerFor(cluster)
    let reported = 0
    let closing: Promise<unknown> | null = null
    for (const record of numbered('t', 100)) {
      producer.enqueue(record, () => {
        reported++
        closing ??= producer.close()
      })
    }
    await producer.flush()
    assert.deepEqual(await closing, { delivered: 100, failed: 0, undelivered: 0 })
    assert.equal(reported, 100)
  })
})

/** A cluster that is gone. */
const startClosedCluster = async () => {
  const cluster = await startCluster()
  await cluster.close()
  return cluster
}

describe('destroy', () => {
  it('fails every record at once with the reason; later calls do nothing', async () => {
    await using cluster = await startCluster({ topics: { t: 1 } })
    const producer = producerFor(cluster, { bufferMemoryBytes: 1 << 17 })
    await producer.send({ topic: 't', value: 'first' })
    holdBack(cluster)
    const value = 'x'.repeat(1000)
    const sends = Array.from({ length: 100 }, () =>
      rejectionOf(producer.send({ topic: 't', value })),
    )
    const unknown = rejectionOf(producer.send({ topic: 'other', value }))
    const batch = producer.sendBatch([{ topic: 't', value }])
    const flushed = producer.flush()
    const request = nextRequest(cluster, 'Produce')
    await request
    const fire = new Error('the house burns')
    producer.destroy(fire)
    producer.destroy()
    const errors = await Promise.all([...sends, unknown])
    assert.ok(errors.every(({ code }) => code === 'ABORTED' || code === 'BUFFER_FULL'))
    const aborted = errors.filter(({ code }) => code === 'ABORTED')
    assert.ok(aborted.length > 50)
    assert.ok(aborted.every(({ message }) => message.includes('the house burns')))
    assert.ok(aborted.every(({ cause }) => cause === fire))
    assert.equal(errors[0]!.persisted, 'maybe')
    assert.equal(errors.at(-1)!.persisted, 'no')
    assert.deepEqual((await batch).failedIndexes, [0])
    await flushed
    const { delivered, failed } = await producer.close()
    assert.deepEqual([delivered, failed], [1, 102])
    assert.equal((await rejectionOf(producer.send({ topic: 't', value }))).code, 'CLOSED')
  })

  it('ends a pending close()', async () => {
    await using hole = await blackHole()
    await using cluster = await startCluster()
    const producer = producerFor(cluster, { brokers: hole.address })
    const send = rejectionOf(producer.send({ topic: 't', value: 'x' }))
    const closing = producer.close()
    producer.destroy()
    assert.deepEqual(await closing, { delivered: 0, failed: 1, undelivered: 1 })
    assert.equal((await send).code, 'ABORTED')
  })

  it('inside a callback settles every record once, and the report counts them all', async () => {
    await using cluster = await startCluster({ topics: { t: 1 } })
    const producer = producerFor(cluster)
    const outcomes: string[] = []
    for (const record of numbered('t', 20_000)) {
      producer.enqueue(record, (error) => {
        outcomes.push(error?.code ?? 'ok')
        if (outcomes.length === 10) producer.destroy()
      })
    }
    const { delivered, failed } = await producer.close()
    assert.equal(outcomes.length, 20_000)
    assert.deepEqual(
      [delivered, failed],
      [
        outcomes.filter((code) => code === 'ok').length,
        outcomes.filter((code) => code === 'ABORTED').length,
      ],
    )
  })
})

describe('a process of its own', () => {
  it('closed under a broker that never responds, has nothing left open and ends', async () => {
    await using hole = await blackHole()
    const { code, report, stderr } = await runChild('black-hole', hole.address)
    assert.equal(code, 0, stderr)
    assert.deepEqual(report.resources, [])
    assert.deepEqual(report.closed, { delivered: 0, failed: 20, undelivered: 20 })
  })

  it('without a broker: send rejects, saying where and why, and it ends', async () => {
    const address = await deadAddress()
    const { code, report, stderr } = await runChild('no-broker', address)
    assert.equal(code, 0, stderr)
    for (const message of report.messages as string[]) {
      assert.ok(message.includes(address), message)
      assert.match(message, /ECONNREFUSED|refused/)
    }
    assert.deepEqual(report.codes, ['METADATA_TIMEOUT', 'CONNECTION_FAILED'])
  })

  it('has no unhandled rejection for failures that are not awaited', async () => {
    const { code, report, stderr } = await runChild('unawaited', await deadAddress())
    assert.equal(code, 0, stderr)
    assert.deepEqual(report.surprises, [])
    assert.deepEqual(report.reported, { producing: 602, afterwards: 2 })
    assert.equal(report.failed, 601)
  })

  it('sends a million records to a stopped broker in bounded memory', async () => {
    const { code, report, stderr } = await runChild('flood', await deadAddress())
    assert.equal(code, 0, stderr)
    assert.deepEqual(report.surprises, [])
    const { ABORTED, BUFFER_FULL } = report.codes as Record<string, number>
    assert.ok(BUFFER_FULL! > 900_000 && ABORTED! > 10_000, JSON.stringify(report.codes))
    assert.equal(ABORTED! + BUFFER_FULL!, 1_000_000)
    const mib = (bytes: unknown): number => Math.round((bytes as number) / 2 ** 20)
    const { heldBytes, rssGrownBytes, bufferMemoryBytes } = report
    assert.ok(mib(heldBytes) <= mib(bufferMemoryBytes), `it holds ${mib(heldBytes)} MiB`)
    assert.ok(mib(rssGrownBytes) <= 64, `the process continued to grow: ${mib(rssGrownBytes)} MiB`)
  })
})
