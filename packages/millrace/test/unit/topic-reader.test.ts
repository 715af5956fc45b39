import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Producer } from '../../src/index.ts'
import { type ReadTopicOptions, readTopic } from '../../src/testing/topic-reader.ts'
import { startCluster } from '../../src/testing.ts'

const topic = 'numbers'
const partitionCount = 3
const recordsPerPartition = 200
let cluster: Awaited<ReturnType<typeof startCluster>>

/** Values are `PARTITION:NUMBER`; the number is the offset. */
before(async () => {
  cluster = await startCluster({ nodes: 2, topics: { [topic]: partitionCount, empty: 1 } })
  const producer = new Producer({ brokers: cluster.brokers })
  for (let first = 0; first < recordsPerPartition; first += 50) {
    const { failedIndexes } = await producer.sendBatch(
      Array.from({ length: 50 * partitionCount }, (_, index) => {
        const partition = index % partitionCount
        const number = first + Math.floor(index / partitionCount)
        return { topic, partition, value: `${partition}:${number}` }
      }),
    )
    assert.deepEqual(failedIndexes, [])
  }
  await producer.close()
})
after(() => cluster.close())

const read = async (options: Partial<ReadTopicOptions> = {}): Promise<Map<number, number[]>> => {
  const offsets = new Map<number, number[]>()
  for await (const { partition, offset, value } of readTopic({
    brokers: cluster.brokers,
    topic,
    ...options,
  })) {
    assert.equal(String(value), `${partition}:${offset}`)
    offsets.set(partition, [...(offsets.get(partition) ?? []), offset])
  }
  return offsets
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index)

test('all records are read, each once, in order per partition, from several leaders', async () => {
  const all = range(0, recordsPerPartition)
  assert.deepEqual(new Map([...(await read())].sort()), new Map(range(0, 3).map((p) => [p, all])))
})

test('with start offsets, only these partitions are read, from there on', async () => {
  const from = new Map([
    [0, 0],
    [2, 123],
  ])
  const expected = new Map([
    [0, range(0, recordsPerPartition)],
    [2, range(123, recordsPerPartition)],
  ])
  assert.deepEqual(new Map([...(await read({ from }))].sort()), expected)
})

test('maxRecords ends the reading', async () => {
  for (const maxRecords of [0, 1, 51, 600, 601]) {
    const counts = [...(await read({ maxRecords })).values()].map(({ length }) => length)
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      Math.min(maxRecords, 600),
    )
  }
})

test('an empty topic ends at once', async () => {
  assert.deepEqual(await read({ topic: 'empty' }), new Map())
})

test('a topic that does not exist is reported and not created', async () => {
  for (const _ of [1, 2]) {
    await assert.rejects(read({ topic: 'not-there' }), {
      code: 'UNKNOWN_TOPIC',
      topic: 'not-there',
    })
  }
})

test('a partition that does not exist is reported', () =>
  assert.rejects(read({ from: new Map([[3, 0]]) }), {
    code: 'UNKNOWN_PARTITION',
    message: /partition 3 does not exist: there are 3/,
  }))

test('an offset beyond the end is reported; at the end there is nothing to read', async () => {
  for (const offset of [-1, recordsPerPartition + 1, 0.5, Number.NaN]) {
    await assert.rejects(read({ from: new Map([[1, offset]]) }), {
      code: 'INVALID_ARGUMENT',
      message: /partition 1 has no offset/,
    })
  }
  assert.equal((await read({ from: new Map([[1, recordsPerPartition]]) })).size, 0)
})

test('without a broker it fails with the address; one that responds is enough', async () => {
  await assert.rejects(read({ brokers: ['127.0.0.1:1'] }), {
    code: 'CONNECTION_FAILED',
    message: /127\.0\.0\.1:1/,
  })
  assert.equal((await read({ brokers: ['127.0.0.1:1', ...cluster.brokers] })).size, partitionCount)
})

test('an aborted signal ends it: before, in the middle, and in the last batch', async () => {
  const reason = new Error('enough')
  const expected = { code: 'ABORTED', cause: reason }
  await assert.rejects(read({ signal: AbortSignal.abort(reason) }), expected)
  for (const lastOffset of [10, recordsPerPartition - 2]) {
    const controller = new AbortController()
    const { signal } = controller
    const from = new Map([[0, 0]])
    let count = 0
    await assert.rejects(async () => {
      for await (const { offset } of readTopic({
        brokers: cluster.brokers,
        topic,
        from,
        signal,
      })) {
        count++
        if (offset === lastOffset) controller.abort(reason)
      }
    }, expected)
    assert.equal(count, lastOffset + 1)
  }
})
