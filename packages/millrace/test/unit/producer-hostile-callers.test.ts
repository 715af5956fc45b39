// Callers that do what they should not: a producer that is closed from inside its own calls, arrays
// that change, a polluted Object.prototype, calls cancelled during an outage.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Admin, textSerializer, typedTopics } from '../../src/index.ts'
import { AsyncProducer, BatchError, KafkaProducer, SyncProducer } from '../../src/layers.ts'
import { resolveOptions } from '../../src/producer/options.ts'
import { Producer } from '../../src/producer/producer.ts'
import type { ProducerOptions } from '../../src/producer/producer-options.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { startCluster } from '../../src/testing.ts'
import { producerFor } from './producer-kit.ts'
import { unreadableValues } from './unreadable-values.ts'

const ends = {
  'close()': (producer: Producer) => void producer.close(),
  'close({ timeoutMs: 0 })': (producer: Producer) => void producer.close({ timeoutMs: 0 }),
  'destroy()': (producer: Producer) => producer.destroy(),
}

describe('a producer that is ended from inside a call settles every record once', () => {
  for (const [name, end] of Object.entries(ends)) {
    const scenes: Record<string, (producer: Producer) => object> = {
      'by a getter of the record': (producer) => ({
        topic: 't',
        get value() {
          end(producer)
          return 'x'
        },
      }),
      'by a getter of a header': (producer) => ({
        topic: 't',
        value: 'x',
        headers: {
          get h() {
            end(producer)
            return 'x'
          },
        },
      }),
    }
    const settles = async (producer: Producer, record: object): Promise<void> => {
      const sent = producer.send(record as never).then(
        ({ offset }) => assert.ok(offset >= 0),
        (error) => assert.ok(['CLOSED', 'ABORTED'].includes(error.code), error.code),
      )
      let calls = 0
      const batch = producer.sendBatch([record as never, record as never])
      try {
        if (producer.enqueue(record as never, () => calls++)) calls--
      } catch (error) {
        assert.equal((error as KafkaError).code, 'CLOSED')
      }
      const { results } = await batch.catch((error) => ({ results: [error, error] }))
      assert.equal(results.length, 2)
      await sent
      const { delivered, failed } = await producer.close()
      assert.equal(calls, 0)
      const taken = producer.metrics().recordsSent
      assert.ok(taken <= delivered + failed, `${taken} taken, ${delivered} + ${failed} reported`)
    }
    for (const [how, recordOf] of Object.entries(scenes)) {
      it(`${name} ${how}`, async () => {
        await using cluster = await startCluster({ topics: { t: 2 } })
        const producer = producerFor(cluster)
        await producer.send({ topic: 't', value: 'warm' })
        await settles(producer, recordOf(producer))
      })
    }
    it(`${name} by a partitioner`, async () => {
      await using cluster = await startCluster({ topics: { t: 2 } })
      let isArmed = false
      const producer: Producer = producerFor(cluster, {
        partitioner: () => {
          if (isArmed) end(producer)
          return 0
        },
      })
      await producer.send({ topic: 't', value: 'warm' })
      isArmed = true
      await settles(producer, { topic: 't', value: 'x' })
    })
    it(`${name} by a partitioner while the record waited for its topic`, async () => {
      await using cluster = await startCluster({ topics: { t: 2 } })
      const producer: Producer = producerFor(cluster, {
        partitioner: () => {
          end(producer)
          return 0
        },
      })
      await settles(producer, { topic: 't', value: 'x' })
    })
  }
})

describe('a record whose getter throws anything is an INVALID_ARGUMENT of every call', () => {
  for (const [name, thrown] of Object.entries(unreadableValues())) {
    it(name, async () => {
      await using cluster = await startCluster({ topics: { t: 1 } })
      await using producer = producerFor(cluster)
      const record = {
        get topic(): string {
          throw thrown
        },
        value: 'x',
      }
      const unread = { code: 'INVALID_ARGUMENT', message: /record could not be read/ }
      await assert.rejects(producer.send(record), unread)
      await assert.rejects(producer.send(record, { timeoutMs: 1000 }), unread)
      await assert.rejects(producer.submit(record), unread)
      await assert.rejects(producer.sendAll([record]), unread)
      assert.throws(() => producer.enqueue(record), unread)
      const { results } = await producer.sendBatch([record, { topic: 't', value: 'good' }])
      assert.equal((results[0] as KafkaError).code, 'INVALID_ARGUMENT')
      assert.equal(cluster.records('t').length, 1)
      const aborted = producer.send(record, { signal: AbortSignal.abort(thrown) })
      await assert.rejects(aborted, { code: 'ABORTED' })
    })
  }
})

it('options of a call that throw or have no meaning are an INVALID_ARGUMENT', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  await using producer = producerFor(cluster)
  const record = { topic: 't', value: 'x' }
  const throwing = {
    get timeoutMs(): number {
      throw new Error('mine')
    },
  }
  const unread = { code: 'INVALID_ARGUMENT', message: /options could not be read: .*mine/ }
  await assert.rejects(producer.send(record, throwing), unread)
  await assert.rejects(producer.sendBatch([record], throwing), unread)
  await assert.rejects(producer.flush(throwing), unread)
  await assert.rejects(producer.connect(throwing), unread)
  await assert.rejects(producer.beginTransaction(throwing), unread)
  const limited = producer.sendAll([record], { timeoutMs: 300 } as never)
  await assert.rejects(limited, { code: 'INVALID_ARGUMENT', message: /option "timeoutMs"/ })
  await assert.rejects(producer.sendAll([record], null as never), { code: 'INVALID_ARGUMENT' })
  for (const maxInFlight of [0, '5', Number.NaN, Object.create(null), Symbol('s')]) {
    const options = { maxInFlight } as never
    const expected = { code: 'INVALID_ARGUMENT', message: /maxInFlight must be a number from 1/ }
    await assert.rejects(producer.sendAll([record], options), expected)
    assert.throws(() => producer.writable(options), expected)
    assert.throws(() => producer.writableStream(options), expected)
  }
  const highWater = { code: 'INVALID_ARGUMENT', message: /highWaterMark must be a number from 0/ }
  assert.throws(() => producer.writable({ highWaterMark: -1 }), highWater)
  assert.throws(() => producer.writableStream({ highWaterMark: 5n as never }), highWater)
  const notIterable = { code: 'INVALID_ARGUMENT', message: /source must be iterable/ }
  await assert.rejects(producer.sendAll({ [Symbol.iterator]: 5 } as never), notIterable)
})

describe('an array of records that throws when it is read', () => {
  const good = { topic: 't', value: 'good' }
  const unreadable = (): never => {
    throw new Error('boom')
  }
  /** The second element throws. */
  const halfReadable = (): { topic: string; value: string }[] =>
    Object.defineProperty([good, good, good], 1, { get: unreadable })
  const isUnread = (error: unknown): boolean => {
    assert.ok(error instanceof KafkaError)
    assert.equal(error.code, 'INVALID_ARGUMENT')
    assert.match(error.message, /could not be read: boom/)
    return true
  }

  it('rejects that record only, in sendBatch of the producer and of typed topics', async () => {
    await using cluster = await startCluster({ topics: { t: 1 } })
    await using producer = producerFor(cluster)
    await using observed = producerFor(cluster, { interceptors: [{ onSend: (record) => record }] })
    const typed = typedTopics(producer, { t: { value: textSerializer } })
    for (const sender of [producer, observed, typed]) {
      const { results, failedIndexes } = await sender.sendBatch(halfReadable() as never)
      assert.deepEqual(failedIndexes, [1])
      isUnread(results[1])
    }
    assert.equal(cluster.records('t').length, 6)
  })

  it('rejects that record only while the call waits for space; the producer goes on', async () => {
    await using cluster = await startCluster({ topics: { t: 1 } })
    await using producer = producerFor(cluster, { bufferMemoryBytes: 65_536 })
    const records = Array.from({ length: 500 }, () => ({ topic: 't', value: 'v'.repeat(1000) }))
    Object.defineProperty(records, 400, { get: unreadable })
    const { results, failedIndexes } = await producer.sendBatch(records)
    assert.deepEqual(failedIndexes, [400])
    isUnread(results[400])
    await producer.send(good)
    assert.equal(cluster.records('t').length, 500)
  })

  it('is rejected as a whole if it is a proxy that has no length', async () => {
    await using cluster = await startCluster({ topics: { t: 1 } })
    await using producer = producerFor(cluster)
    const typed = typedTopics(producer, { t: { value: textSerializer } })
    const layer = new KafkaProducer({ brokers: cluster.brokers, onError: () => {} })
    const revoked = Proxy.revocable([good], {})
    revoked.revoke()
    const odd = [
      new Proxy([good], { get: unreadable }),
      new Proxy([good], { get: (_target, name) => (name === 'length' ? Number.NaN : good) }),
      new Proxy([good], { get: (_target, name) => (name === 'length' ? 2 ** 40 : good) }),
      new Proxy([good], { get: (_target, name) => (name === 'length' ? 2 ** 31 : good) }),
      // Without elements: it takes no memory, and the results of its records would take 40 GB.
      new Array(2 ** 30),
      revoked.proxy,
    ]
    for (const sender of [producer, typed, layer]) {
      for (const records of odd) {
        await assert.rejects(sender.sendBatch(records as never), { code: 'INVALID_ARGUMENT' })
      }
    }
    await layer.close()
    assert.equal(cluster.records('t').length, 0)
  })

  it('rejects that record only in a sendBatch of layer 1', async () => {
    await using cluster = await startCluster({ topics: { t: 1 } })
    for (const async of [true, false]) {
      const config = { async, batchTimeoutMs: 0 }
      const producer = new KafkaProducer({ brokers: cluster.brokers, onError: () => {} }, config)
      const error: unknown = await producer.sendBatch(halfReadable()).catch((thrown) => thrown)
      assert.ok(error instanceof BatchError)
      assert.deepEqual(
        error.failures.map(({ index }) => index),
        [1],
      )
      isUnread(error.failures[0]?.error)
      assert.deepEqual(await producer.close(), { delivered: 2, failed: 1, undelivered: 0 })
    }
  })
})

it('a message of layer 2 whose getter throws rejects its own call', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  const failed: KafkaError[] = []
  const handler = { handleSuccess() {}, handleError: (error: KafkaError) => failed.push(error) }
  const options = { brokers: cluster.brokers, onError: () => {} }
  const thrown = {
    get topic(): string {
      throw new Error('boom')
    },
  }
  for (const producer of [new SyncProducer(options), new AsyncProducer(options, handler)]) {
    const expected = { code: 'INVALID_ARGUMENT', message: /record could not be read: boom/ }
    await assert.rejects(producer.sendMessage(thrown, 'x'), expected)
    await producer.close()
  }
  assert.deepEqual(failed, [])
})

it('settings of layer 1 that have no text are named in the error', () => {
  for (const value of [Object.create(null), { toString: () => assert.fail() }, 5n]) {
    const create = () => new KafkaProducer('localhost:1', { batchSize: value as never })
    assert.throws(create, { code: 'INVALID_OPTION', message: /batchSize must be a whole number/ })
  }
})

it('a record of typed topics that is not an object fails alone', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  await using producer = producerFor(cluster)
  const typed = typedTopics(producer, { t: { value: textSerializer } })
  const good = { topic: 't', value: 'good' }
  const records = Object.assign(new Array<never>(5), { 0: null, 1: good, 3: 'x', 4: undefined })
  const { results, failedIndexes } = await typed.sendBatch(records as never)
  assert.deepEqual(failedIndexes, [0, 2, 3, 4])
  for (const index of failedIndexes) {
    assert.match((results[index] as KafkaError).message, /record must be an object, got/)
  }
  await assert.rejects(typed.send(null as never), { code: 'INVALID_ARGUMENT' })
  assert.throws(() => typed.enqueue(null as never), { code: 'INVALID_ARGUMENT' })
})

describe('a signal that is none is an INVALID_ARGUMENT of every call, and nothing is taken', () => {
  const throws = (): never => {
    throw new Error('mine')
  }
  const signals: Record<string, object> = {
    'it cannot be watched': { aborted: false, addEventListener: throws },
    'its state cannot be read': {
      get aborted() {
        return throws()
      },
      addEventListener: () => {},
    },
    'it has no state': { addEventListener: () => {} },
    'it is a proxy': new Proxy({}, { get: throws }),
  }
  for (const [what, signal] of Object.entries(signals)) {
    it(what, async () => {
      await using cluster = await startCluster({ topics: { t: 1 } })
      await using producer = producerFor(cluster)
      await using transactional = producerFor(cluster, { transactionalId: 'x' })
      await using admin = new Admin({ brokers: cluster.brokers, logger: silentLogger })
      const record = { topic: 't', value: 'x' }
      const options = { signal: signal as AbortSignal }
      const calls: Record<string, () => Promise<unknown>> = {
        send: () => producer.send(record, options),
        sendBatch: () => producer.sendBatch([record], options),
        submit: () => producer.submit(record, () => assert.fail('called'), options),
        sendAll: () => producer.sendAll([record], options),
        flush: () => producer.flush(options),
        ready: () => producer.ready(options),
        connect: () => producer.connect(options),
        partitionsFor: () => producer.partitionsFor('other', options),
        beginTransaction: () => transactional.beginTransaction(options),
        transaction: () => transactional.transaction(() => assert.fail('began'), options),
        close: () => producer.close(options),
        'admin.listTopics': () => admin.listTopics(options),
      }
      for (const [name, call] of Object.entries(calls)) {
        await assert.rejects(call(), { code: 'INVALID_ARGUMENT', message: /signal/ }, name)
      }
      await producer.send({ topic: 't', value: 'good' })
      assert.equal(cluster.records('t').length, 1)
      const { recordsSent, waitingSends } = producer.metrics()
      assert.deepEqual({ recordsSent, waitingSends }, { recordsSent: 1, waitingSends: 0 })
    })
  }
})

it('a signal that aborts while the record is read ends the call', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  await using producer = producerFor(cluster)
  const aborted = { code: 'ABORTED', persisted: 'no' }
  for (const call of ['send', 'submit'] as const) {
    const controller = new AbortController()
    const record = {
      topic: 't',
      get value() {
        controller.abort()
        return 'x'
      },
    }
    const { signal } = controller
    const sent =
      call === 'send'
        ? producer.send(record, { signal })
        : new Promise((resolve, reject) => {
            const settled = (error: unknown): void =>
              error === null ? resolve(null) : reject(error)
            producer.submit(record, settled, { signal }).catch(reject)
          })
    await assert.rejects(sent, aborted, call)
  }
  assert.equal(cluster.records('t').length, 0)
})

it('a signal that cannot forget its listener ends no call', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  await using producer = producerFor(cluster)
  const signal = { aborted: false, addEventListener: () => {} } as unknown as AbortSignal
  await producer.send({ topic: 't', value: 'x' }, { signal })
  await producer.sendBatch([{ topic: 't', value: 'x' }], { signal })
  assert.equal(cluster.records('t').length, 2)
})

it('a time limit of undefined is the default of the call', async () => {
  await using producer = new Producer({
    brokers: '127.0.0.1:1',
    transactionalId: 'x',
    maxBlockMs: 50,
    logger: silentLogger,
    onError: () => {},
  })
  await assert.rejects(producer.beginTransaction({ timeoutMs: undefined }), { code: 'TIMEOUT' })
  await producer.close({ timeoutMs: 0 })
})

it('every record of a sendBatch settles although the array changes its length', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  await using producer = producerFor(cluster, { bufferMemoryBytes: 65_536, batchBytes: 16_384 })
  await producer.send({ topic: 't', value: 'warm' })
  for (const length of [3, 900]) {
    const records = Array.from({ length: 300 }, () => ({ topic: 't', value: 'x'.repeat(1000) }))
    const sent = producer.sendBatch(records)
    if (length < 300) records.length = length
    else while (records.length < length) records.push({ topic: 't', value: 'more' })
    const { results, failedIndexes } = await sent
    assert.equal(results.length, 300)
    assert.equal(results.filter((result) => result === undefined).length, 0)
    for (const index of failedIndexes) {
      assert.equal((results[index] as KafkaError).code, 'INVALID_ARGUMENT')
    }
  }
})

describe('a polluted Object.prototype', () => {
  const pollute = async (fields: object, body: () => unknown): Promise<void> => {
    for (const [name, value] of Object.entries(fields)) {
      Object.assign(Object.prototype, { [name]: value })
    }
    try {
      await body()
    } finally {
      for (const name of Object.keys(fields)) Reflect.deleteProperty(Object.prototype, name)
    }
  }

  it('changes no option of a producer', () =>
    pollute(
      {
        acks: 0,
        transactionalId: 'x',
        dangerouslyTrustAnyCertificate: true,
        dangerouslySkipHostnameCheck: true,
        rejectUnauthorized: false,
        checkServerIdentity: () => undefined,
        sasl: { mechanism: 'PLAIN', username: 'u', password: 'p' },
        ca: 'not a certificate',
        level: 9,
        records: 5,
      },
      () => {
        const options: ProducerOptions = {
          brokers: 'a:1',
          tls: {},
          compression: { type: 'gzip' },
          flush: { bytes: 10 },
        }
        const { engine, effective } = resolveOptions(options)
        assert.equal(engine.acks, -1)
        assert.equal(engine.transactionalId, null)
        assert.equal(engine.flush?.records, 0)
        assert.equal(effective.compression, 'gzip')
        assert.ok(!Object.hasOwn(effective, 'sasl'))
      },
    ))

  it('changes no option of a call and breaks none', async () => {
    await using cluster = await startCluster({ topics: { t: 1 } })
    await using producer = producerFor(cluster)
    await pollute({ timeoutMs: 0, other: 1, partition: undefined }, async () => {
      await producer.send({ topic: 't', value: 'x' }, {})
      await producer.sendBatch([{ topic: 't', value: 'x' }], { timeoutMs: 5000 })
      await producer.submit({ topic: 't', value: 'x' }, null, {})
      await producer.flush({})
      await producer.close({})
    })
    assert.equal(cluster.records('t').length, 3)
  })
})

it('cancelled calls leave no record behind while no broker can be reached', async () => {
  await using producer = new Producer({
    brokers: '127.0.0.1:1',
    logger: silentLogger,
    onError: () => {},
  })
  const cancelled = (error: KafkaError) => assert.equal(error.persisted, 'no')
  for (const count of [1000, 1000]) {
    const controller = new AbortController()
    const options = { signal: controller.signal }
    const record = { topic: 't', value: 'x'.repeat(100) }
    const calls = Array.from({ length: count }, () =>
      producer.send(record, options).then(() => assert.fail(), cancelled),
    )
    const batch = producer.sendBatch(Array(count).fill(record), options)
    controller.abort()
    await Promise.all(calls)
    assert.equal((await batch).failedIndexes.length, count)
    const { waitingSends, waitingBytes, bufferUsedBytes } = producer.metrics()
    assert.deepEqual(
      { waitingSends, waitingBytes, bufferUsedBytes },
      {
        waitingSends: 0,
        waitingBytes: 0,
        bufferUsedBytes: 0,
      },
    )
  }
  assert.equal(producer.metrics().recordsFailed, 4000)
  await producer.close({ timeoutMs: 0 })
})
