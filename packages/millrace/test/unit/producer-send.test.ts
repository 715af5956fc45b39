// send, sendBatch, enqueue and what they promise of records, as a user tries them, over real
// sockets.

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { KafkaError, type ProducerRecord, type RecordMetadata } from '../../src/index.ts'
import { startCluster, type TestCluster } from '../../src/testing.ts'
import {
  holdBack,
  inOrder,
  numbered,
  producerFor,
  rejectionOf,
  thrownBy,
  valuesOf,
} from './producer-kit.ts'

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

/** What TypeScript would not let pass, and the words that must name it. */
const wrongRecords: readonly (readonly [unknown, RegExp])[] = [
  [undefined, /record must be an object, got undefined/],
  [null, /record must be an object, got null/],
  ['text', /record must be an object, got string/],
  [{ value: 'a' }, /record\.topic must be a string that is not empty, got undefined/],
  [{ topic: '', value: 'a' }, /record\.topic/],
  [{ topic: 't' }, /record\.value must be a string, a Uint8Array, or null.*, got undefined/],
  [{ topic: 't', value: 7 }, /record\.value must be .*, got number 7/],
  [{ topic: 't', value: { a: 1 } }, /record\.value must be .*, got Object/],
  [{ topic: 't', value: ['a'] }, /record\.value must be .*, got Array/],
  [{ topic: 't', value: new Uint16Array(2) }, /record\.value must be .*, got Uint16Array/],
  [{ topic: 't', value: new ArrayBuffer(2) }, /record\.value must be .*, got ArrayBuffer/],
  [{ topic: 't', value: Promise.resolve('a') }, /record\.value must be .*, got Promise/],
  [{ topic: 't', value: 'a', key: 7 }, /record\.key must be .*, got number 7/],
  [{ topic: 't', value: 'a', key: {} }, /record\.key must be .*, got Object/],
  [{ topic: 't', value: 'a', partition: -1 }, /record\.partition must be .*, got number -1/],
  [{ topic: 't', value: 'a', partition: 1.5 }, /record\.partition/],
  [{ topic: 't', value: 'a', partition: '1' }, /record\.partition must be .*, got string/],
  [{ topic: 't', value: 'a', partition: null }, /record\.partition must be .*, got null/],
  [{ topic: 't', value: 'a', timestamp: new Date() }, /record\.timestamp must be .*, got Date/],
  [{ topic: 't', value: 'a', timestamp: -5 }, /record\.timestamp must be .*, got number -5/],
  [{ topic: 't', value: 'a', timestamp: Number.NaN }, /record\.timestamp/],
  [{ topic: 't', value: 'a', headers: 'x' }, /record\.headers must be .*, got string/],
  [
    { topic: 't', value: 'a', headers: { n: 7 } },
    /record\.headers\["n"\] must be .*, got number 7/,
  ],
  [{ topic: 't', value: 'a', headers: [['a']] }, /record\.headers\[0\]/],
  [
    { topic: 't', value: 'a', headers: [[1, 'a']] },
    /record\.headers: a key must be .*, got number 1/,
  ],
  [
    { topic: 't', value: 'a', headers: { a: { b: 'c' } } },
    /record\.headers\["a"\] must be .*, got Object/,
  ],
]

describe('sending to a cluster', () => {
  let cluster: TestCluster
  before(async () => {
    cluster = await startCluster({ nodes: 3, defaultPartitions: 3, topics: { one: 1, six: 6 } })
  })
  after(() => cluster.close())

  it('send resolves with where the record is, its time and its sizes', async () => {
    await using producer = producerFor(cluster)
    const start = Math.floor(performance.timeOrigin)
    const first = await producer.send({ topic: 'places', key: 'ключ', value: 'héllo' })
    assert.equal(first.topic, 'places')
    assert.equal(first.offset, 0)
    assert.deepEqual([first.keyBytes, first.valueBytes], [8, 6])
    assert.ok(Number.isInteger(first.timestamp) && first.timestamp > start)
    const second = await producer.send({
      topic: 'places',
      partition: first.partition,
      value: null,
      timestamp: 1_600_000_000_000,
    })
    assert.deepEqual(second, {
      topic: 'places',
      partition: first.partition,
      offset: 1,
      timestamp: 1_600_000_000_000,
      keyBytes: -1,
      valueBytes: -1,
    })
    assert.deepEqual(JSON.parse(JSON.stringify(second)), second)
    const [stored] = cluster.records('places')
    assert.equal(stored!.timestamp, first.timestamp)
  })

  it('records are stored as they were sent: nulls, empty, binary, repeated headers', async () => {
    await using producer = producerFor(cluster)
    const every = Uint8Array.from({ length: 256 }, (_, index) => index)
    const records: ProducerRecord[] = [
      { topic: 'odd', partition: 0, key: '', value: '' },
      { topic: 'odd', partition: 0, key: null, value: null, headers: {} },
      { topic: 'odd', partition: 0, key: undefined, value: bytes(), headers: [] },
      { topic: 'odd', partition: 0, key: every, value: Buffer.from(every) },
      {
        topic: 'odd',
        partition: 0,
        value: 'x',
        headers: { a: ['1', null, bytes(0, 255)], b: undefined, '': '', ü: 'ö' },
      },
      {
        topic: 'odd',
        partition: 0,
        value: 'x',
        headers: [
          ['k', 'v'],
          ['k', undefined],
          ['k', null],
          ['k', every],
        ],
      },
    ]
    const { failedIndexes } = await producer.sendBatch(records)
    assert.deepEqual(failedIndexes, [])
    const stored = cluster
      .records('odd')
      .map(({ key, value, headers }) => ({ key, value, headers }))
    const empty = Buffer.alloc(0)
    assert.deepEqual(stored, [
      { key: empty, value: empty, headers: [] },
      { key: null, value: null, headers: [] },
      { key: null, value: empty, headers: [] },
      { key: Buffer.from(every), value: Buffer.from(every), headers: [] },
      {
        key: null,
        value: Buffer.from('x'),
        headers: [
          ['a', Buffer.from('1')],
          ['a', null],
          ['a', Buffer.from([0, 255])],
          ['', empty],
          ['ü', Buffer.from('ö')],
        ],
      },
      {
        key: null,
        value: Buffer.from('x'),
        headers: [
          ['k', Buffer.from('v')],
          ['k', null],
          ['k', Buffer.from(every)],
        ],
      },
    ])
  })

  it('an invalid record is rejected with the name of its field, by every call', async () => {
    await using producer = producerFor(cluster)
    for (const [wrong, pattern] of wrongRecords) {
      const record = wrong as ProducerRecord
      const errors = [
        await rejectionOf(producer.send(record)),
        await rejectionOf(producer.send(record, { timeoutMs: 1000 })),
        await rejectionOf(producer.submit(record)),
        thrownBy(() => producer.enqueue(record)),
        (await producer.sendBatch([record])).results[0],
      ]
      for (const error of errors) {
        assert.ok(error instanceof KafkaError)
        assert.equal(error.code, 'INVALID_ARGUMENT')
        assert.equal(error.persisted, 'no')
        assert.match(error.message, pattern)
      }
    }
    assert.equal(cluster.topics.includes('t'), false, 'nothing was sent')
  })

  it('a getter that throws reaches the caller, not the process', async () => {
    await using producer = producerFor(cluster)
    const record = {
      topic: 'one',
      get value(): string {
        throw new TypeError('from a getter')
      },
    }
    const rejected = await producer.send(record).then(
      () => null,
      (error: Error) => error,
    )
    assert.match(String(rejected), /from a getter/)
    const { results } = await producer.sendBatch([record, { topic: 'one', value: 'good' }])
    assert.match(String(results[0]), /from a getter/)
    assert.equal((results[1] as RecordMetadata).topic, 'one')
  })

  it('10,000 sends, none awaited, get 10,000 offsets in call order in few requests', async () => {
    cluster.createTopic('order', 1)
    await using producer = producerFor(cluster)
    const sends = numbered('order', 10_000).map((record) => producer.send(record))
    const offsets = (await Promise.all(sends)).map(({ offset }) => offset)
    assert.deepEqual(
      offsets,
      Array.from({ length: 10_000 }, (_, index) => index),
    )
    assert.deepEqual(valuesOf(cluster, 'order'), inOrder(10_000))
    const { requests, batches, recordsSent, recordsDelivered } = producer.metrics()
    assert.ok(requests <= 20, `${requests} requests`)
    assert.ok(batches <= 20, `${batches} batches`)
    assert.deepEqual([recordsSent, recordsDelivered], [10_000, 10_000])
  })

  it('send, sendBatch and enqueue mixed keep the order of the calls', async () => {
    cluster.createTopic('mixed', 1)
    await using producer = producerFor(cluster)
    const results: number[] = []
    const waits: Promise<unknown>[] = []
    for (let index = 0; index < 900; index += 3) {
      waits.push(producer.send({ topic: 'mixed', value: `${index}` }))
      waits.push(producer.sendBatch([{ topic: 'mixed', value: `${index + 1}` }]))
      const value = `${index + 2}`
      while (!producer.enqueue({ topic: 'mixed', value }, (_, at) => results.push(at!.offset))) {
        await producer.ready()
      }
    }
    await Promise.all(waits)
    await producer.flush()
    assert.deepEqual(valuesOf(cluster, 'mixed'), inOrder(900))
    assert.deepEqual(
      results,
      Array.from({ length: 300 }, (_, index) => 3 * index + 2),
    )
  })

  it('the bytes of a record are free to change once the call has returned', async () => {
    cluster.createTopic('bytes', 1)
    await using producer = producerFor(cluster, { bufferMemoryBytes: 1 << 17 })
    const value = Buffer.alloc(1000, 'a')
    const key = Buffer.alloc(10, 'a')
    const header = Buffer.alloc(10, 'a')
    const record = { topic: 'bytes', key, value, headers: [['h', header]] as [string, Buffer][] }
    const sends: Promise<unknown>[] = []
    for (let letter = 0; letter < 70; letter++) {
      // The first ones wait for their topic; once it is known, more are sent than there is space
      // for.
      if (letter === 20) await sends[0]
      for (const part of [value, key, header]) part.fill(65 + letter)
      sends.push(producer.send(record))
    }
    assert.ok(producer.metrics().waitingBytes > 0, 'some wait in line')
    for (const part of [value, key, header]) part.fill(0)
    record.headers.length = 0
    await Promise.all(sends)
    for (const [index, stored] of cluster.records('bytes').entries()) {
      const letter = 65 + index
      assert.ok(stored.value!.every((byte) => byte === letter))
      assert.ok(stored.key!.every((byte) => byte === letter))
      assert.ok(stored.headers[0]![1]!.every((byte) => byte === letter))
    }
  })

  it('a batch far larger than the buffer arrives whole and in order', async () => {
    cluster.createTopic('large', 1)
    await using producer = producerFor(cluster, { bufferMemoryBytes: 1 << 17, batchBytes: 1 << 14 })
    const padding = 'x'.repeat(200)
    const records = Array.from({ length: 20_000 }, (_, index) => ({
      topic: 'large',
      value: `${index} ${padding}`,
    }))
    const { results, failedIndexes } = await producer.sendBatch(records)
    assert.deepEqual(failedIndexes, [])
    assert.deepEqual(
      results.map((result) => (result as RecordMetadata).offset),
      Array.from({ length: 20_000 }, (_, index) => index),
    )
    const numbers = valuesOf(cluster, 'large').map((text) => Number.parseInt(text, 10))
    assert.deepEqual(
      numbers,
      Array.from({ length: 20_000 }, (_, index) => index),
    )
  })

  it('sendBatch() resolves with results by index, with errors for invalid records', async () => {
    await using producer = producerFor(cluster, { maxRequestBytes: 1 << 16, batchBytes: 1 << 12 })
    const result = await producer.sendBatch([
      { topic: 'one', value: 'good' },
      { topic: 'one', value: 7 as unknown as string },
      { topic: 'one', value: 'x'.repeat(1 << 16) },
      { topic: 'one', key: 'k', value: 'also good' },
    ])
    const { results, failedIndexes } = result
    assert.deepEqual(failedIndexes, [1, 2])
    const codes = results.map((result) => (result instanceof KafkaError ? result.code : 'ok'))
    assert.deepEqual(codes, ['ok', 'INVALID_ARGUMENT', 'RECORD_TOO_LARGE', 'ok'])
    assert.equal(producer.metrics().recordsFailed, 2)
    assert.equal(result.results, results)
    assert.deepEqual(
      results,
      [0, 1, 2, 3].map((index) => result.metadata(index) ?? result.error(index)),
    )
    assert.deepEqual([result.offset(1), result.metadata(1)], [-1, null])
    assert.deepEqual([result.offset(3), result.error(3)], [result.offset(0) + 1, null])
    assert.deepEqual([result.metadata(3)?.keyBytes, result.metadata(3)?.valueBytes], [1, 9])
    for (const index of [-1, 4, 0.5]) {
      const message = `index must be an integer from 0 to 3, got ${index}`
      assert.throws(() => result.metadata(index), { code: 'INVALID_ARGUMENT', message })
    }
    assert.deepEqual(Object.keys(JSON.parse(JSON.stringify(result))), ['results', 'failedIndexes'])
    const empty = await producer.sendBatch([])
    assert.deepEqual([empty.count, empty.results, empty.failedIndexes], [0, [], []])
    for (const wrong of [undefined, null, 'abc', { length: 1 }]) {
      const error = await rejectionOf(producer.sendBatch(wrong as unknown as ProducerRecord[]))
      assert.match(error.message, /records must be an array of records, got/)
    }
  })

  it('a record over the limit says its size, limit and topic, and harms no other', async () => {
    await using producer = producerFor(cluster, { maxRequestBytes: 1 << 16, batchBytes: 1 << 12 })
    const [good, error] = await Promise.all([
      producer.send({ topic: 'one', value: 'good' }),
      rejectionOf(producer.send({ topic: 'one', value: Buffer.alloc(1 << 16) })),
    ])
    assert.ok(good.offset >= 0)
    assert.equal(error.code, 'RECORD_TOO_LARGE')
    assert.equal(error.kind, 'rejected')
    assert.equal(error.topic, 'one')
    assert.match(
      error.message,
      /for topic "one" must be at most \d+ bytes \(maxRequestBytes 65536\), got 655\d\d/,
    )
    const nearly = Number(/at most (\d+)/.exec(error.message)![1]) - 8
    assert.ok((await producer.send({ topic: 'one', value: Buffer.alloc(nearly) })).offset >= 0)
  })

  it('enqueue returns false when the buffer is full, ready() waits for space', async () => {
    cluster.createTopic('full', 1)
    await using producer = producerFor(cluster, { bufferMemoryBytes: 1 << 17, batchBytes: 1 << 14 })
    await producer.send({ topic: 'full', value: 'first' })
    const release = holdBack(cluster, { topic: 'full' })
    let results = 0
    let taken = 0
    const value = Buffer.alloc(1000)
    while (producer.enqueue({ topic: 'full', value }, () => results++)) taken++
    assert.ok(taken >= 30 && taken <= 131, `${taken} were taken`)
    assert.equal(
      producer.enqueue({ topic: 'full', value }, () => assert.fail('called')),
      false,
    )
    const waits = [producer.ready(), producer.ready(), producer.ready()]
    release()
    for (const node of cluster.nodes) node.disconnectAll()
    await Promise.all(waits)
    assert.equal(
      producer.enqueue({ topic: 'full', value }, () => results++),
      true,
    )
    await producer.flush()
    assert.equal(results, taken + 1)
    assert.equal(cluster.records('full').length, taken + 2)
  })

  it('a callback is called once, after the call; one that throws affects no other', async () => {
    const lines: string[] = []
    const logger = { debug() {}, info() {}, warn() {}, error: (text: string) => lines.push(text) }
    await using producer = producerFor(cluster, { logger })
    let inside = true
    const results: string[] = []
    for (const name of ['a', 'b', 'c']) {
      producer.enqueue({ topic: 'one', value: name }, (error, metadata) => {
        assert.equal(inside, false)
        assert.equal(error, null)
        assert.ok(metadata!.offset >= 0)
        results.push(name)
        if (name === 'b') throw new Error('thrown in a callback')
      })
    }
    inside = false
    await producer.flush()
    assert.deepEqual(results, ['a', 'b', 'c'])
    assert.equal(lines.length, 1)
    assert.match(lines[0]!, /callback threw.*thrown in a callback/s)
    const wrong = thrownBy(() => producer.enqueue({ topic: 'one', value: '' }, 'x' as never))
    assert.match(wrong.message, /callback must be a function, got/)
  })

  it('flush waits for what was sent before it, and not for what comes after', async () => {
    cluster.createTopic('flushed', 1)
    await using producer = producerFor(cluster, { lingerMs: 3_600_000 })
    let settled = 0
    for (const record of numbered('flushed', 100)) {
      producer.send(record).then(() => settled++)
    }
    await producer.flush()
    await Promise.resolve()
    assert.equal(settled, 100)
    producer.send({ topic: 'flushed', value: 'lingers' }).then(() => settled++)
    await Promise.all([producer.flush(), producer.flush()])
    assert.equal(cluster.records('flushed').length, 101)
    await producer.flush()
  })

  it('keys choose partitions as in Java; keyless records go to more than one', async () => {
    await using producer = producerFor(cluster, { batchBytes: 1024 })
    // murmur2 of "foobar" is -790332482, of "21" -973932308.
    const foobar = await producer.send({ topic: 'six', key: 'foobar', value: '' })
    const number = await producer.send({ topic: 'six', key: Buffer.from('21'), value: '' })
    assert.equal(foobar.partition, (-790332482 & 0x7fffffff) % 6)
    assert.equal(number.partition, (-973932308 & 0x7fffffff) % 6)
    const value = Buffer.alloc(100)
    const sends = Array.from({ length: 2000 }, () => producer.send({ topic: 'six', value }))
    const used = new Set((await Promise.all(sends)).map(({ partition }) => partition))
    assert.ok(used.size > 1, `only ${[...used]}`)
  })

  it('a partitioner of the user sees the record; a wrong one fails only its record', async () => {
    let response: unknown = 4
    await using producer = producerFor(cluster, {
      partitioner: ({ topic, partitionCount, key }) => {
        assert.deepEqual([topic, partitionCount, Buffer.from(key!).toString()], ['six', 6, 'k'])
        if (response instanceof Error) throw response
        return response as number
      },
    })
    const record = { topic: 'six', key: 'k', value: 'v' }
    assert.equal((await producer.send(record)).partition, 4)
    for (const wrong of [-1, 6, 1.5, '2', undefined, Number.NaN, new Error('a bad day')]) {
      response = wrong
      const error = await rejectionOf(producer.send(record))
      assert.equal(error.persisted, 'no')
    }
    response = 0
    assert.equal((await producer.send(record)).partition, 0)
    assert.equal((await producer.send({ ...record, partition: 5 })).partition, 5)
  })

  it('acks 1 gives offsets, acks 0 does not; neither is idempotent', async () => {
    for (const acks of [1, 0] as const) {
      const topic = `acks-${acks}`
      cluster.createTopic(topic, 1)
      const producer = producerFor(cluster, { acks })
      const results = await Promise.all(numbered(topic, 100).map((record) => producer.send(record)))
      const expected = Array.from({ length: 100 }, (_, index) => (acks === 0 ? -1 : index))
      assert.deepEqual(
        results.map(({ offset }) => offset),
        expected,
      )
      assert.deepEqual(await producer.close(), { delivered: 100, failed: 0, undelivered: 0 })
      // What acks 0 has handed over arrives, for closing is orderly.
      while (cluster.records(topic).length < 100) await new Promise(setImmediate)
      assert.deepEqual(valuesOf(cluster, topic), inOrder(100))
      assert.ok(cluster.records(topic).every(({ producerId }) => producerId === -1))
    }
  })

  for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
    it(`compression ${compression}: the log holds what was sent, in order`, async () => {
      const topic = `codec-${compression}`
      cluster.createTopic(topic, 2)
      await using producer = producerFor(cluster, { compression, batchBytes: 1 << 14 })
      const records = Array.from({ length: 2000 }, (_, index) => ({
        topic,
        partition: index % 2,
        value: `${'compress me '.repeat(8)}${index}`,
      }))
      const { failedIndexes } = await producer.sendBatch(records)
      assert.deepEqual(failedIndexes, [])
      for (const partition of [0, 1]) {
        const stored = cluster.records(topic).filter((record) => record.partition === partition)
        const sent = records.filter((record) => record.partition === partition)
        assert.deepEqual(
          stored.map(({ value }) => String(value)),
          sent.map(({ value }) => value),
        )
      }
      const plain = records.reduce((sum, { value }) => sum + value.length, 0)
      const { requestBytes } = producer.metrics()
      assert.equal(requestBytes < plain / 2, compression !== 'none', `${requestBytes} of ${plain}`)
    })
  }

  it('a batch that compression does not shrink is sent uncompressed', async () => {
    cluster.createTopic('noise', 1)
    await using producer = producerFor(cluster, { compression: 'gzip' })
    const value = crypto.getRandomValues(new Uint8Array(1000))
    await producer.send({ topic: 'noise', value })
    assert.deepEqual(cluster.records('noise')[0]!.value, Buffer.from(value))
  })

  it('flush by counts holds records back until there are enough', async () => {
    cluster.createTopic('counted', 1)
    await using producer = producerFor(cluster, { flush: { records: 10 } })
    await producer.partitionsFor('counted')
    const sends = numbered('counted', 9).map((record) => producer.send(record))
    await producer.partitionsFor('counted')
    assert.equal(cluster.records('counted').length, 0)
    sends.push(producer.send({ topic: 'counted', value: '9' }))
    await Promise.all(sends)
    assert.equal(producer.metrics().batches, 1)
    assert.deepEqual(valuesOf(cluster, 'counted'), inOrder(10))
  })

  it('flush by bytes ends batches at maxRecords, and full batches are sent at once', async () => {
    cluster.createTopic('cut', 1)
    await using producer = producerFor(cluster, { flush: { bytes: 100_000, maxRecords: 4 } })
    await producer.partitionsFor('cut')
    const sends = numbered('cut', 10).map((record) => producer.send(record))
    await Promise.all(sends.slice(0, 8))
    assert.deepEqual(valuesOf(cluster, 'cut'), inOrder(8))
    await producer.flush()
    assert.equal(producer.metrics().batches, 3)
    assert.deepEqual(valuesOf(cluster, 'cut'), inOrder(10))
  })
})
