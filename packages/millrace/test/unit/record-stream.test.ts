// Streams of records: what is written is delivered, in order; memory stays bounded however fast the
// source is; failures end the stream, or are reported.

import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ReadableStream } from 'node:stream/web'
import { test } from 'node:test'
import { Producer, type ProducerRecord } from '../../src/index.ts'
import { RecordingProducer, startCluster } from '../../src/testing.ts'

const record = (index: number, bytes = 10): ProducerRecord => ({
  topic: 't',
  partition: 0,
  value: `${index}`.padEnd(bytes),
})

const generate = function* (count: number, bytes?: number): Generator<ProducerRecord> {
  for (let index = 0; index < count; index++) yield record(index, bytes)
}

const indexes = (producer: RecordingProducer): number[] =>
  producer.records.map(({ value }) => Number(value))

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

test('a pipeline into writable() delivers all, in order, and then ends', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  await using producer = new Producer({ brokers: cluster.brokers })
  await pipeline(Readable.from(generate(5000)), producer.writable())
  const values = cluster.records('t').map(({ value }) => Number(value))
  assert.deepEqual(values, upTo(5000))
})

test('a source far larger than the buffer is read as the buffer has space', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  const bufferMemoryBytes = 256 * 1024
  await using producer = new Producer({
    brokers: cluster.brokers,
    bufferMemoryBytes,
    batchBytes: 16 * 1024,
  })
  let most = 0
  let read = 0
  const source = async function* (): AsyncGenerator<ProducerRecord> {
    for (const one of generate(2000, 1024)) {
      read++
      const { bufferUsedBytes, waitingBytes } = producer.metrics()
      most = Math.max(most, bufferUsedBytes + waitingBytes)
      yield one
    }
  }
  const counts = await producer.sendAll(source())
  assert.deepEqual(counts, { delivered: 2000, failed: 0 })
  assert.equal(read, 2000)
  assert.ok(most <= bufferMemoryBytes, `${most} bytes were held`)
  assert.ok(most > 0)
  await pipeline(Readable.from(source()), producer.writable({ highWaterMark: 4 }))
  assert.ok(most <= bufferMemoryBytes, `${most} bytes were held`)
  assert.equal(cluster.records('t').length, 4000)
})

test('highWaterMark may be Infinity, a fraction or 0 in both kinds of streams', async () => {
  const producer = new RecordingProducer()
  for (const highWaterMark of [Number.POSITIVE_INFINITY, 1.5, 0]) {
    const record = { topic: 't', value: 'x' }
    await pipeline(Readable.from([record]), producer.writable({ highWaterMark }))
    await ReadableStream.from([record]).pipeTo(producer.writableStream({ highWaterMark }))
  }
  assert.equal(producer.records.length, 6)
})

test('maxInFlight bounds the records that are not settled', async () => {
  const producer = new RecordingProducer({ autoSettle: false })
  const all = producer.sendAll(generate(10), { maxInFlight: 3 })
  for (let round = 1; round <= 10; round++) {
    await Promise.resolve()
    assert.ok(producer.records.length <= round + 2, `${producer.records.length} in round ${round}`)
    producer.settle(1)
    // The source goes on in microtasks alone.
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.deepEqual(await all, { delivered: 10, failed: 0 })
  assert.deepEqual(indexes(producer), upTo(10))
})

test('the first failure ends a stream, and what was taken before is delivered', async () => {
  const producer = new RecordingProducer()
  producer.failNext('BROKER_UNAVAILABLE', { after: 2 })
  await assert.rejects(pipeline(Readable.from(generate(50)), producer.writable()), {
    code: 'BROKER_UNAVAILABLE',
  })
  assert.ok(producer.records.length >= 2 && producer.records.length < 50)
  producer.reset()
  producer.failNext('BROKER_UNAVAILABLE', { after: 2 })
  const all = producer.sendAll(Readable.from(generate(5000)))
  await assert.rejects(all, { code: 'BROKER_UNAVAILABLE' })
  assert.ok(producer.records.length < 5000)
})

test('with onFailed a stream goes on, and the counts say what became of each record', async () => {
  const producer = new RecordingProducer()
  const failed: unknown[] = []
  const delivered: number[] = []
  const options = {
    onFailed: (error: { code: string }, one: ProducerRecord) => failed.push([error.code, one]),
    onDelivered: ({ offset }: { offset: number }) => delivered.push(offset),
  }
  producer.failNext('BROKER_UNAVAILABLE', { after: 1 })
  const wrong = { topic: 't' } as ProducerRecord
  const source = [record(0), record(1), wrong, record(2)]
  assert.deepEqual(await producer.sendAll(source, options), { delivered: 2, failed: 2 })
  assert.deepEqual(failed, [
    ['BROKER_UNAVAILABLE', source[1]],
    ['INVALID_ARGUMENT', wrong],
  ])
  assert.deepEqual(delivered, [0, 1])
  await pipeline(Readable.from([...generate(3), wrong]), producer.writable(options))
  assert.equal(delivered.length, 5)
})

test('an aborted sendAll rejects at once although its source yields nothing', async () => {
  const producer = new RecordingProducer()
  const controller = new AbortController()
  let isReturned = false
  const source: AsyncIterable<ProducerRecord> = {
    [Symbol.asyncIterator]: () => {
      let index = 0
      return {
        next: () => {
          if (index < 2) return Promise.resolve({ done: false, value: record(index++) })
          queueMicrotask(() => controller.abort(new Error('enough')))
          return new Promise(() => {})
        },
        return: () => {
          isReturned = true
          return new Promise(() => {})
        },
      }
    },
  }
  await assert.rejects(producer.sendAll(source, { signal: controller.signal }), {
    code: 'ABORTED',
    cause: new Error('enough'),
  })
  assert.deepEqual(indexes(producer), [0, 1])
  assert.equal(isReturned, true)
  const aborted = producer.sendAll(generate(3), { signal: AbortSignal.abort() })
  await assert.rejects(aborted, { code: 'ABORTED' })
})

test('an error of the source reaches the caller', async () => {
  const producer = new RecordingProducer()
  const source = function* () {
    yield record(0)
    throw new Error('mine')
  }
  await assert.rejects(producer.sendAll(source()), /mine/)
  assert.equal(producer.records.length, 1)
  await assert.rejects(producer.sendAll(5 as never), { code: 'INVALID_ARGUMENT' })
  assert.throws(() => producer.writable({ maxInFlight: 0 }), { code: 'INVALID_ARGUMENT' })
})

test('writableStream() delivers all, waits for space, fails with the first record', async () => {
  const producer = new RecordingProducer()
  const web = (count: number) => ReadableStream.from<ProducerRecord>(generate(count))
  await web(100).pipeTo(producer.writableStream())
  assert.deepEqual(indexes(producer), upTo(100))
  producer.failNext('BROKER_UNAVAILABLE', { after: 3 })
  await assert.rejects(web(100).pipeTo(producer.writableStream()), { code: 'BROKER_UNAVAILABLE' })
  const slow = new RecordingProducer({ autoSettle: false })
  const writer = slow.writableStream({ maxInFlight: 1, highWaterMark: 1 }).getWriter()
  await writer.ready
  const written = writer.write(record(0))
  assert.equal(writer.desiredSize, 0)
  slow.settle()
  await written
  await writer.ready
  const closed = writer.close()
  await closed
  assert.equal(slow.records.length, 1)
})
