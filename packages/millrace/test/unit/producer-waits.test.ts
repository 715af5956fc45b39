// `{ signal, timeoutMs }` on every call that waits, and what an abort means at each stage of a
// record.

import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { after, before, describe, it } from 'node:test'
import {
  KafkaError,
  type Producer,
  type RecordMetadata,
  type WaitOptions,
} from '../../src/index.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { startCluster, type TestCluster } from '../../src/testing.ts'
import {
  blackHole,
  holdBack,
  inOrder,
  nextRequest,
  numbered,
  producerFor,
  valuesOf,
} from './producer-kit.ts'

/** Every call that waits. */
const calls: Readonly<
  Record<string, (producer: Producer, options?: WaitOptions) => Promise<unknown>>
> = {
  send: (producer, options) => producer.send({ topic: 'one', value: 'x' }, options),
  sendBatch: (producer, options) => producer.sendBatch([{ topic: 'one', value: 'x' }], options),
  submit: async (producer, options) =>
    producer.submit({ topic: 'one', value: 'x' }, () => {}, options),
  ready: (producer, options) => producer.ready(options),
  flush: (producer, options) => producer.flush(options),
  connect: (producer, options) => producer.connect(options),
  partitionsFor: (producer, options) => producer.partitionsFor('one', options),
  close: (producer, options) => producer.close(options),
}

const wrongOptions: readonly (readonly [unknown, RegExp])[] = [
  [null, /options must be an object, got null/],
  [7, /options must be an object, got number/],
  [{ timeoutMs: -1 }, /timeoutMs must be milliseconds from 0, got -1/],
  [{ timeoutMs: Number.NaN }, /timeoutMs must be milliseconds from 0, got NaN/],
  [{ timeoutMs: '100' }, /timeoutMs must be milliseconds from 0, got "100"/],
  [{ timeoutMs: null }, /timeoutMs must be milliseconds from 0, got null/],
  [{ timeout: 5 }, /unknown option 'timeout' of a call: the options are signal and timeoutMs/],
  [{ signal: {} }, /signal must be an AbortSignal, got/],
  [{ signal: null }, /signal must be an AbortSignal, got/],
  [{ signal: new AbortController() }, /signal must be an AbortSignal, got/],
]

/** What a call came to: its error, or the error of the first record of a batch. */
const errorOf = async (promise: Promise<unknown>): Promise<KafkaError> => {
  const outcome = await promise.catch((error: unknown) => error)
  const error =
    typeof outcome === 'object' && outcome !== null && 'results' in outcome
      ? (outcome.results as unknown[])[0]
      : outcome
  assert.ok(error instanceof KafkaError, `no KafkaError: ${JSON.stringify(outcome)}`)
  return error
}

describe('the options of a wait', () => {
  let cluster: TestCluster
  before(async () => {
    cluster = await startCluster({ topics: { one: 1 } })
  })
  after(() => cluster.close())

  for (const [name, call] of Object.entries(calls)) {
    it(`${name} rejects options that are wrong`, async () => {
      await using producer = producerFor(cluster)
      for (const [options, pattern] of wrongOptions) {
        const error = await errorOf(call(producer, options as WaitOptions))
        assert.equal(error.code, 'INVALID_ARGUMENT')
        assert.match(error.message, pattern)
      }
      await producer.send({ topic: 'one', value: 'still open' })
    })

    it(`${name} takes a signal, a limit and none, and leaves no listener behind`, async () => {
      const { signal } = new AbortController()
      for (const options of [{}, { signal: undefined, timeoutMs: undefined }, { signal }]) {
        await using producer = producerFor(cluster)
        await call(producer, options)
      }
      for (const timeoutMs of [30_000, 0.5e9, Number.POSITIVE_INFINITY]) {
        await using producer = producerFor(cluster)
        await call(producer, { signal, timeoutMs })
      }
      await new Promise(setImmediate)
      assert.deepEqual(getEventListeners(signal, 'abort'), [])
    })
  }

  it('sendBatch leaves no listener behind when it has nothing to wait for', async () => {
    await using producer = producerFor(cluster)
    const { signal } = new AbortController()
    await producer.sendBatch([], { signal, timeoutMs: 1e6 })
    const { failedIndexes } = await producer.sendBatch([{ topic: '', value: 'x' }], { signal })
    assert.deepEqual(failedIndexes, [0])
    assert.deepEqual(getEventListeners(signal, 'abort'), [])
  })

  for (const name of [
    'send',
    'sendBatch',
    'submit',
    'ready',
    'flush',
    'connect',
    'partitionsFor',
  ]) {
    it(`${name} with a signal that was aborted before does nothing and says so`, async () => {
      await using producer = producerFor(cluster)
      const before = cluster.requests.Metadata
      const reason = new Error('no longer wanted')
      const error = await errorOf(calls[name]!(producer, { signal: AbortSignal.abort(reason) }))
      assert.equal(error.code, 'ABORTED')
      assert.equal(error.kind, 'aborted')
      assert.equal(error.persisted, 'no')
      assert.equal(error.cause, reason)
      assert.equal(cluster.requests.Metadata, before)
    })
  }
})

describe('a wait that no event would end', () => {
  for (const name of ['send', 'sendBatch', 'flush', 'connect', 'partitionsFor']) {
    it(`${name} ends by its signal, or within its limit, when no broker responds`, async () => {
      await using hole = await blackHole()
      await using cluster = await startCluster()
      const producer = producerFor(cluster, { brokers: hole.address })
      if (name === 'flush') producer.send({ topic: 'one', value: 'kept' })
      const late = await errorOf(calls[name]!(producer, { timeoutMs: 60 }))
      assert.equal(late.code, 'TIMEOUT')
      assert.match(late.message, /within 60 ms/)
      const controller = new AbortController()
      const waiting = errorOf(calls[name]!(producer, { signal: controller.signal }))
      await new Promise(setImmediate)
      controller.abort(new Error('enough'))
      const aborted = await waiting
      assert.equal(aborted.code, 'ABORTED')
      assert.deepEqual(getEventListeners(controller.signal, 'abort'), [])
      producer.destroy()
    })
  }

  it('ready ends by its signal, or within its limit, while the buffer is full', async () => {
    await using hole = await blackHole()
    await using cluster = await startCluster()
    const producer = producerFor(cluster, { brokers: hole.address, bufferMemoryBytes: 1 << 16 })
    while (producer.enqueue({ topic: 'one', value: Buffer.alloc(1000) }));
    const late = await errorOf(producer.ready({ timeoutMs: 20 }))
    assert.equal(late.code, 'TIMEOUT')
    const controller = new AbortController()
    const waiting = errorOf(producer.ready({ signal: controller.signal }))
    controller.abort()
    assert.equal((await waiting).code, 'ABORTED')
    producer.destroy()
  })

  it('every call that waits ends when the producer is closed or destroyed', async () => {
    for (const end of ['destroy', 'close'] as const) {
      await using hole = await blackHole()
      await using cluster = await startCluster()
      const producer = producerFor(cluster, { brokers: hole.address, bufferMemoryBytes: 1 << 16 })
      const connected = hole.connected()
      const waits = ['send', 'sendBatch', 'submit', 'flush', 'connect', 'partitionsFor'].map(
        (name) =>
          calls[name]!(producer, { timeoutMs: 3_600_000 }).catch((error: KafkaError) => error.code),
      )
      while (producer.enqueue({ topic: 'one', value: Buffer.alloc(1000) }));
      waits.push(producer.ready({ timeoutMs: 3_600_000 }))
      await connected
      if (end === 'destroy') producer.destroy()
      else await producer.close({ timeoutMs: 10 })
      await Promise.all(waits)
    }
  })
})

describe('cancelling a record', () => {
  let cluster: TestCluster
  before(async () => {
    cluster = await startCluster({ nodes: 2 })
  })
  after(() => cluster.close())
  let count = 0
  const newTopic = (): string => {
    const topic = `given-up-${count++}`
    cluster.createTopic(topic, 1)
    return topic
  }

  it('that lingers in a batch: it is never sent, and those around it are', async () => {
    const topic = newTopic()
    await using producer = producerFor(cluster, { lingerMs: 3_600_000 })
    await producer.partitionsFor(topic)
    const controller = new AbortController()
    const { signal } = controller
    const sends = numbered(topic, 5).map((record, index) =>
      producer.send(record, index % 2 === 1 ? { signal } : undefined).catch((error) => error),
    )
    controller.abort()
    await producer.flush()
    const outcomes = await Promise.all(sends)
    const said = outcomes.map((outcome) => outcome.persisted ?? outcome.offset)
    assert.deepEqual(said, [0, 'no', 1, 'no', 2])
    assert.deepEqual(valuesOf(cluster, topic), ['0', '2', '4'])
    assert.deepEqual(await producer.close(), { delivered: 3, failed: 2, undelivered: 0 })
  })

  it('all records of a batch that lingers: nothing is sent, the next ones arrive', async () => {
    const topic = newTopic()
    await using producer = producerFor(cluster, { lingerMs: 3_600_000 })
    await producer.partitionsFor(topic)
    const controller = new AbortController()
    const batch = producer.sendBatch(numbered(topic, 1000), { signal: controller.signal })
    controller.abort()
    const { results, failedIndexes } = await batch
    assert.equal(failedIndexes.length, 1000)
    assert.ok(results.every((result) => (result as KafkaError).persisted === 'no'))
    await producer.flush()
    assert.equal(cluster.records(topic).length, 0)
    const next = producer.send({ topic, value: 'next' })
    await producer.flush()
    assert.equal((await next).offset, 0)
    assert.deepEqual(await producer.close(), { delivered: 1, failed: 1000, undelivered: 0 })
  })

  it('that is in flight: it may have been written, and the next ones arrive', async () => {
    const topic = newTopic()
    await using producer = producerFor(cluster, { requestTimeoutMs: 300 })
    await producer.send({ topic, value: 'first' })
    const fault = cluster.fault({ api: 'Produce', topic, at: 'after', delayMs: 100 })
    const request = nextRequest(cluster, 'Produce')
    const controller = new AbortController()
    const record = { topic, value: 'unknown' }
    const aborted = errorOf(producer.send(record, { signal: controller.signal }))
    await request
    controller.abort()
    assert.equal((await aborted).persisted, 'maybe')
    assert.match((await aborted).message, /it may have been written/)
    const later = await Promise.all(numbered(topic, 50).map((one) => producer.send(one)))
    assert.equal(fault.hits, 1)
    assert.deepEqual(valuesOf(cluster, topic), ['first', 'unknown', ...inOrder(50)])
    assert.deepEqual(
      later.map(({ offset }) => offset),
      Array.from({ length: 50 }, (_, index) => index + 2),
    )
  })

  it('whose first attempt wrote nothing: what is said of it is true', async () => {
    const topic = newTopic()
    await using producer = producerFor(cluster, { retryBackoffMs: 100 })
    await producer.send({ topic, value: 'first' })
    cluster.fault({ api: 'Produce', topic, error: 'NOT_ENOUGH_REPLICAS' })
    const controller = new AbortController()
    const request = nextRequest(cluster, 'Produce')
    const record = { topic, value: 'again' }
    const aborted = errorOf(producer.send(record, { signal: controller.signal }))
    await request
    while (producer.metrics().retries === 0) await new Promise(setImmediate)
    controller.abort()
    const { persisted, message } = await aborted
    assert.equal(persisted, 'no')
    // It was sent, and the broker rejected it.
    assert.equal(message, 'The send was aborted by its signal; it was not written')
    await producer.send({ topic, value: 'last' })
    assert.deepEqual(valuesOf(cluster, topic), ['first', 'last'])
  })

  it('that waits for space: it is not sent, and the others are', async () => {
    const topic = newTopic()
    await using producer = producerFor(cluster, { bufferMemoryBytes: 1 << 17, batchBytes: 1 << 14 })
    await producer.send({ topic, value: 'first' })
    const release = holdBack(cluster, { topic })
    const value = 'x'.repeat(1000)
    const sends: Promise<RecordMetadata>[] = []
    while (producer.metrics().waitingBytes === 0) sends.push(producer.send({ topic, value }))
    const controller = new AbortController()
    const { signal } = controller
    const inLine = errorOf(producer.send({ topic, value: 'cancelled' }, { signal }))
    const batch = producer.sendBatch([{ topic, value: 'cancelled too' }], { signal })
    sends.push(producer.send({ topic, value: 'last' }))
    controller.abort()
    assert.equal((await inLine).persisted, 'no')
    assert.equal((await errorOf(batch)).persisted, 'no')
    release()
    for (const node of cluster.nodes) node.disconnectAll()
    await Promise.all(sends)
    const values = valuesOf(cluster, topic)
    assert.equal(values.length, sends.length + 1)
    assert.equal(values.at(-1), 'last')
    assert.deepEqual(await producer.close(), {
      delivered: sends.length + 1,
      failed: 2,
      undelivered: 0,
    })
  })

  it('with a limit of 0: it is not sent unless that was done in the same turn', async () => {
    const topic = newTopic()
    await using producer = producerFor(cluster)
    await producer.send({ topic, value: 'first' })
    const error = await errorOf(producer.send({ topic, value: 'late' }, { timeoutMs: 0 }))
    assert.equal(error.code, 'TIMEOUT')
    await producer.send({ topic, value: 'last' })
    const wanted = error.persisted === 'no' ? ['first', 'last'] : ['first', 'late', 'last']
    assert.deepEqual(valuesOf(cluster, topic), wanted)
  })

  it('a signal that many sends share causes no warning and keeps no listener', async () => {
    const topic = newTopic()
    await using producer = producerFor(cluster)
    const warnings: Error[] = []
    const onWarning = (warning: Error) => warnings.push(warning)
    process.on('warning', onWarning)
    const { signal } = new AbortController()
    await Promise.all(numbered(topic, 500).map((one) => producer.send(one, { signal })))
    await new Promise(setImmediate)
    process.off('warning', onWarning)
    assert.deepEqual(warnings, [])
    assert.deepEqual(getEventListeners(signal, 'abort'), [])
  })

  it('a sendBatch of 50,000 records is cancelled without blocking the event loop', async () => {
    const topic = newTopic()
    await using producer = producerFor(cluster, { lingerMs: 3_600_000, bufferMemoryBytes: 1 << 28 })
    await producer.partitionsFor(topic)
    const controller = new AbortController()
    const records = Array.from({ length: 50_000 }, () => ({ topic, value: '' }))
    const batch = producer.sendBatch(records, { signal: controller.signal })
    const start = systemClock.now()
    controller.abort()
    const elapsedMs = systemClock.now() - start
    assert.equal((await batch).failedIndexes.length, 50_000)
    assert.ok(elapsedMs < 1000, `${elapsedMs} ms`)
  })

  it('a sendBatch larger than the buffer may exceed maxBlockMs while it progresses', async () => {
    const topic = newTopic()
    await using producer = producerFor(cluster, {
      bufferMemoryBytes: 1 << 16,
      batchBytes: 1 << 12,
      maxBlockMs: 400,
    })
    await producer.send({ topic, value: 'first' })
    cluster.fault({ api: 'Produce', topic, delayMs: 20, count: Number.POSITIVE_INFINITY })
    const records = Array.from({ length: 1500 }, () => ({ topic, value: 'x'.repeat(400) }))
    const batch = producer.sendBatch(records)
    // Who came later and does not move still waits no longer than that.
    const behind = await errorOf(producer.send({ topic, value: 'behind' }))
    assert.equal(behind.code, 'BUFFER_TIMEOUT')
    const { failedIndexes } = await batch
    cluster.removeFaults()
    assert.deepEqual(failedIndexes, [])
  })

  it('maxBlockMs ends the wait of every call that waits for space', async () => {
    const topic = newTopic()
    await using producer = producerFor(cluster, {
      bufferMemoryBytes: 1 << 16,
      maxBlockMs: 100,
      deliveryTimeoutMs: 2000,
      requestTimeoutMs: 2000,
    })
    await producer.send({ topic, value: 'first' })
    const release = holdBack(cluster, { topic })
    const value = 'x'.repeat(1000)
    while (producer.metrics().waitingBytes === 0) producer.send({ topic, value }).catch(() => {})
    const errors = await Promise.all([
      errorOf(producer.send({ topic, value })),
      errorOf(producer.sendBatch([{ topic, value }])),
      errorOf(producer.submit({ topic, value })),
    ])
    for (const error of errors) {
      assert.equal(error.code, 'BUFFER_TIMEOUT')
      assert.equal(error.persisted, 'no')
      assert.match(error.message, /The buffer had no space within 100 ms/)
    }
    release()
    producer.destroy()
  })
})
