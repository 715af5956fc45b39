// Options of single topics, codecs by preference, and purge.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KafkaError, ProducerOptions } from '../../src/index.ts'
import { errorNumber } from '../../src/protocol/errors.ts'
import { type ClusterOptions, startCluster } from '../../src/testing.ts'
import { Bench } from './engine-kit.ts'
import {
  holdBack,
  nextRequest,
  producerFor,
  rejectionOf,
  thrownBy,
  valuesOf,
} from './producer-kit.ts'

const text = 'a text that compresses well '.repeat(40)

/** Sends one record to each topic; what became of each. */
const outcomesOf = async (
  clusterOptions: ClusterOptions,
  options: Partial<ProducerOptions>,
  topics: readonly string[],
): Promise<readonly (string | undefined)[]> => {
  const all = Object.fromEntries(topics.map((topic) => [topic, 1]))
  await using cluster = await startCluster({ ...clusterOptions, topics: all })
  const producer = producerFor(cluster, { onError: () => {}, ...options })
  const sends = topics.map((topic) =>
    producer.send({ topic, value: text }).then(
      () => 'delivered',
      (error: KafkaError) => error.brokerError ?? error.code,
    ),
  )
  const outcomes = await Promise.all(sends)
  await producer.close()
  return outcomes
}

describe('topics', () => {
  it('have codecs of their own beside that of the producer', async () => {
    const gzipOnly = { compression: { types: ['gzip'] as const } }
    const options: Partial<ProducerOptions> = {
      compression: 'gzip',
      topics: { images: { compression: 'lz4' }, texts: { lingerMs: 1 } },
    }
    const names = ['images', 'texts', 'others']
    assert.deepEqual(await outcomesOf(gzipOnly, options, names), [
      'UNSUPPORTED_COMPRESSION_TYPE',
      'delivered',
      'delivered',
    ])
  })

  it('have sizes of batches and lingers of their own', () => {
    const own = { batchBytes: 2048, lingerMs: 50, codecs: [null] }
    const bench = Bench.ready({ topics: new Map([['own', own]]) }, { t: [1], own: [1] })
    const topicOf = (name: string) => bench.engine.parts.topics.find(name)!.topic
    for (const topic of ['own', 't']) bench.send('x', { topic, partition: 0 })
    bench.step()
    assert.deepEqual(
      bench.take().map(({ batches }) => batches.map(({ topic }) => topic)),
      [['t']],
    )
    assert.deepEqual([topicOf('own').batchBytes, topicOf('own').lingerMs], [2048, 50])
    assert.deepEqual(
      [topicOf('t').batchBytes, topicOf('t').lingerMs],
      [bench.engine.settings.batchBytes, 0],
    )
  })

  it('keep small batches small when a broker refuses one as too large', () => {
    const bench = Bench.ready({ batchBytes: 2048 })
    for (const name of ['a', 'b']) bench.send(name)
    bench.step()
    bench.takeOne().respond({ error: errorNumber.MESSAGE_TOO_LARGE })
    assert.equal(bench.engine.parts.topics.find('t')!.topic.batchBytes, 2048)
  })

  it('have partitioners of their own', async () => {
    await using cluster = await startCluster({ topics: { own: 6, usual: 6 } })
    const producer = producerFor(cluster, {
      partitioner: () => 1,
      topics: { own: { partitioner: () => 4 } },
    })
    const sent = [
      producer.send({ topic: 'own', value: 'x' }),
      producer.send({ topic: 'usual', value: 'x' }),
    ]
    assert.deepEqual(
      (await Promise.all(sent)).map(({ partition }) => partition),
      [4, 1],
    )
    await producer.close()
  })

  it('that are invalid are named in one error', () => {
    const error = thrownBy(() =>
      producerFor({ brokers: ['a:1'] } as never, {
        topics: {
          a: { compresion: 'gzip' } as never,
          b: { batchBytes: 1 },
          c: 5 as never,
          __proto__: { lingerMs: -1 },
        },
      }),
    )
    assert.equal(error.code, 'INVALID_OPTION')
    for (const part of [
      /topics "a": compresion is not an option of a topic\. Did you mean compression\?/,
      /"b": batchBytes must be a whole number from 1024 to 67108864, got 1/,
      /"c" must be an object, got 5/,
    ]) {
      assert.match(error.message, part)
    }
    const large = { maxRequestBytes: 1_000_000, topics: { a: { batchBytes: 2_000_000 } } }
    const tooLarge = thrownBy(() => producerFor({ brokers: ['a:1'] } as never, large))
    assert.match(
      tooLarge.message,
      /"a": batchBytes must be at most maxRequestBytes \(1000000\), got 2000000/,
    )
  })
})

describe('a list of codecs', () => {
  it('continues with the next if a broker does not know one', async () => {
    const compression = ['zstd', 'lz4', 'gzip'] as const
    for (const type of compression) {
      const cluster = { compression: { types: [type] } }
      assert.deepEqual(await outcomesOf(cluster, { compression }, ['a', 'b']), [
        'delivered',
        'delivered',
      ])
    }
    const snappyOnly = { compression: { types: ['snappy'] as const } }
    assert.deepEqual(await outcomesOf(snappyOnly, { compression }, ['a']), [
      'UNSUPPORTED_COMPRESSION_TYPE',
    ])
  })

  it('omits zstd if the version of Produce is too old for it', async () => {
    const versions = {
      Produce: [3, 6],
      Metadata: [0, 5],
      ApiVersions: [0, 2],
      InitProducerId: [0, 1],
    } as const
    const old = { versions, compression: { types: ['lz4'] as const } }
    const compression = ['zstd', 'lz4'] as const
    assert.deepEqual(await outcomesOf(old, { compression }, ['a']), ['delivered'])
    const [alone] = await outcomesOf(old, { compression: ['zstd'], maxBlockMs: 2000 }, ['a'])
    assert.equal(alone, 'UNSUPPORTED_VERSION')
  })

  it('keeps the order of records while batches are compressed again', async () => {
    await using cluster = await startCluster({
      topics: { a: 1 },
      compression: { types: ['gzip'] },
    })
    const producer = producerFor(cluster, { compression: ['lz4', 'gzip'], batchBytes: 4096 })
    const values = Array.from({ length: 400 }, (_, index) => `${index} ${text}`)
    const { failedIndexes } = await producer.sendBatch(
      values.map((value) => ({ topic: 'a', value })),
    )
    assert.deepEqual(failedIndexes, [])
    assert.deepEqual(valuesOf(cluster, 'a'), values)
    await producer.close()
  })

  it('that is empty or names a codec twice is rejected', () => {
    for (const [compression, pattern] of [
      [[], /compression must name at least one codec/],
      [['lz4', 'lz4'], /compression must name each codec once/],
      [['lz4', 'brotli'], /compression must be one of none, .*, got "brotli"/],
    ] as const) {
      const options = { compression } as never
      assert.match(
        thrownBy(() => producerFor({ brokers: ['a:1'] } as never, options)).message,
        pattern,
      )
    }
  })
})

describe('purge', () => {
  it('fails what waits, of one topic or partition only if it is named', async () => {
    await using cluster = await startCluster({ topics: { a: 2, b: 1 } })
    const producer = producerFor(cluster, { lingerMs: 60_000, onError: () => {} })
    await producer.partitionsFor('a')
    await producer.partitionsFor('b')
    const send = (topic: string, partition: number) =>
      producer.send({ topic, partition, value: 'x' })
    const [first, second, other] = [send('a', 0), send('a', 1), send('b', 0)]
    assert.equal(producer.purge({ topic: 'a', partition: 1 }), 1)
    const error = await rejectionOf(second)
    assert.deepEqual([error.code, error.kind, error.persisted], ['ABORTED', 'aborted', 'no'])
    assert.deepEqual([error.topic, error.partition], ['a', 1])
    assert.equal(producer.purge({ topic: 'a' }), 1)
    await rejectionOf(first)
    await producer.flush()
    assert.equal((await other).topic, 'b')
    assert.equal(producer.purge(), 0)
    const again = send('a', 1)
    await producer.flush()
    assert.equal((await again).offset, 0)
    await producer.close()
  })

  it('does not count records that their callers have cancelled', async () => {
    await using cluster = await startCluster({ topics: { a: 1 } })
    const producer = producerFor(cluster, { lingerMs: 60_000, onError: () => {} })
    await producer.partitionsFor('a')
    const controller = new AbortController()
    const { signal } = controller
    const cancelled = rejectionOf(producer.send({ topic: 'a', value: 'x' }, { signal }))
    const purged = rejectionOf(producer.send({ topic: 'a', value: 'y' }))
    controller.abort()
    await cancelled
    assert.equal(producer.purge(), 1)
    await purged
    await producer.close()
  })

  it('leaves what is in flight to its response', async () => {
    await using cluster = await startCluster({ topics: { a: 1 } })
    const producer = producerFor(cluster, { onError: () => {} })
    await producer.send({ topic: 'a', value: 'warm' })
    holdBack(cluster)
    const seen = nextRequest(cluster, 'Produce')
    const inFlight = rejectionOf(producer.send({ topic: 'a', value: 'in flight' }))
    await seen
    assert.equal(producer.purge(), 0)
    producer.destroy()
    assert.equal((await inFlight).persisted, 'maybe')
  })

  it('says that a record may be in the log if an attempt may have written it', async () => {
    await using cluster = await startCluster({ topics: { a: 1 } })
    const backoff = { retryBackoffMs: 60_000, retryBackoffMaxMs: 60_000 }
    const producer = producerFor(cluster, { onError: () => {}, ...backoff })
    await producer.send({ topic: 'a', value: 'warm' })
    cluster.fault({ api: 'Produce', error: 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', count: 1 })
    const failed = rejectionOf(producer.send({ topic: 'a', value: 'x' }))
    await nextRequest(cluster, 'Produce')
    // In flight until the response is there.
    while (producer.purge() === 0) await new Promise(setImmediate)
    assert.deepEqual([(await failed).code, (await failed).persisted], ['ABORTED', 'maybe'])
    await producer.close()
  })

  it('fails records that wait for space or for a topic, and calls with many records', async () => {
    await using cluster = await startCluster({ topics: { a: 1 } })
    const producer = producerFor(cluster, {
      onError: () => {},
      bufferMemoryBytes: 65_536,
      waitingMemoryBytes: 10_000_000,
      requestTimeoutMs: 300,
    })
    await producer.send({ topic: 'a', value: 'warm' })
    const release = holdBack(cluster)
    const seen = nextRequest(cluster, 'Produce')
    const value = 'x'.repeat(10_000)
    const sends = Array.from({ length: 20 }, () => producer.send({ topic: 'a', value }))
    await seen
    const unknown = producer.send({ topic: 'missing', value: 'x' })
    const batch = producer.sendBatch([{ topic: 'a', value }])
    assert.equal(producer.purge({ topic: 'missing' }), 1)
    assert.equal((await rejectionOf(unknown)).code, 'ABORTED')
    const count = producer.purge()
    assert.ok(count > 10, `${count}`)
    release()
    const outcomes = await Promise.allSettled(sends)
    const failed = outcomes.filter(({ status }) => status === 'rejected').length
    assert.ok(failed >= count - 1, `${failed} of ${count}`)
    assert.deepEqual((await batch).failedIndexes, [0])
    await producer.close({ timeoutMs: 5000 })
  })

  it('rejects invalid scopes', async () => {
    await using cluster = await startCluster({ topics: { a: 1 } })
    const producer = producerFor(cluster)
    for (const [scope, pattern] of [
      [5, /scope must be an object/],
      [{ topic: '' }, /topic must be a topic name/],
      [{ topic: 'a', partition: -1 }, /partition must be a whole number/],
      [{ partition: 1 }, /topic must be set where partition is set/],
      [{ topc: 'a' }, /Unknown field "topc" of the scope: did you mean "topic"\?/],
      [['a'], /Unknown field "0" of the scope/],
      [{ topic: Object.create(null) }, /topic must be a topic name, got an object/],
      [{ topic: 'a', partition: '1' }, /partition must be a whole number from 0, got "1"/],
    ] as const) {
      const error = thrownBy(() => producer.purge(scope as never))
      assert.equal(error.code, 'INVALID_ARGUMENT')
      assert.match(error.message, pattern)
    }
    await producer.close()
    assert.equal(producer.purge(), 0)
  })
})
