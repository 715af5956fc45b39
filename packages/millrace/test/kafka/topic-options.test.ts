// Options of single topics on a real Kafka: one producer, and what Kafka's own kafka-dump-log shows
// of each topic's log: codec and size of every batch, and the partition of every key.

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Producer, type ProducerRecord, partitionForKey } from '../../src/index.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { type Kafka, startKafka } from './fixture/index.ts'
import { type DumpedBatch, dumpLog } from './fixture/kafka-commands.ts'

const partitions: Readonly<Record<string, number>> = {
  usual: 1,
  images: 1,
  small: 1,
  preferred: 1,
  hashed: 6,
  slow: 1,
}
const value = 'a line of text that compresses well; '.repeat(6)
const recordCount = 500
const smallBytes = 2048
const imageBytes = 100_000

const topics = {
  images: { compression: 'none', batchBytes: imageBytes },
  small: { compression: 'none', batchBytes: smallBytes },
  preferred: { compression: ['lz4', 'snappy'] },
  hashed: { compression: 'zstd', partitioner: 'fnv1a' },
  slow: { lingerMs: 60_000 },
} as const

const keyOf = (index: number): string => `key-${index % 40}`

/** `recordCount` records for each topic but `slow`, which gets ten, each after a request. */
const sendAll = async (producer: Producer): Promise<void> => {
  const lingering: Promise<unknown>[] = []
  for (let index = 0; index < 10; index++) {
    lingering.push(producer.send({ topic: 'slow', key: keyOf(index), value }))
    await producer.send({ topic: 'usual', key: keyOf(index), value })
  }
  const records = ['usual', 'images', 'small', 'preferred', 'hashed'].flatMap((topic) =>
    Array.from(
      { length: recordCount },
      (_, index): ProducerRecord => ({ topic, key: keyOf(index), value }),
    ),
  )
  const { failedIndexes } = await producer.sendBatch(records)
  assert.deepEqual(failedIndexes, [])
  await producer.flush()
  await Promise.all(lingering)
}

describe('options of single topics, as kafka-dump-log shows them', () => {
  let kafka: Kafka
  let dumped: readonly DumpedBatch[]
  const batchesOf = (name: string): DumpedBatch[] => dumped.filter(({ topic }) => topic === name)
  const codecsOf = (topic: string): string[] => [
    ...new Set(batchesOf(topic).map(({ codec }) => codec)),
  ]

  before(async () => {
    kafka = await startKafka()
    for (const [topic, count] of Object.entries(partitions)) {
      await kafka.admin.createTopic(topic, { partitions: count })
    }
    const { brokers } = kafka
    const options = { compression: 'gzip', batchBytes: 16_384, topics } as const
    const producer = new Producer({ brokers, logger: silentLogger, ...options })
    await sendAll(producer)
    await producer.close()
    dumped = await dumpLog(kafka, partitions)
  })
  after(() => kafka?.close())

  it('every record is in a batch that Kafka finds valid', () => {
    const counts = Object.keys(partitions).map((topic) => [
      topic,
      batchesOf(topic).reduce((sum, { records }) => sum + records, 0),
    ])
    assert.deepEqual(counts, [
      ['usual', recordCount + 10],
      ['images', recordCount],
      ['small', recordCount],
      ['preferred', recordCount],
      ['hashed', recordCount],
      ['slow', 10],
    ])
    assert.deepEqual(
      dumped.filter(({ isValid }) => !isValid),
      [],
    )
  })

  it('the batches of a topic have its codec, the first of a list, or that of the producer', () => {
    assert.deepEqual(
      Object.keys(partitions).map((topic) => [topic, ...codecsOf(topic)]),
      [
        ['usual', 'gzip'],
        ['images', 'none'],
        ['small', 'none'],
        ['preferred', 'lz4'],
        ['hashed', 'zstd'],
        ['slow', 'gzip'],
      ],
    )
  })

  it('the batches of a topic fill its batchBytes, and are not larger', () => {
    const largestOf = (topic: string): number =>
      Math.max(...batchesOf(topic).map(({ bytes }) => bytes))
    assert.ok(largestOf('small') <= smallBytes, `${largestOf('small')}`)
    assert.ok(largestOf('small') > smallBytes - 300, `${largestOf('small')}`)
    assert.ok(largestOf('images') <= imageBytes, `${largestOf('images')}`)
    assert.ok(largestOf('images') > 16_384, `${largestOf('images')}`)
  })

  it('a key is in the partition that the partitioner of its topic names', () => {
    const wrong = batchesOf('hashed').flatMap(({ partition, keys }) =>
      keys.filter((key) => partitionForKey(key, partitions.hashed!, 'fnv1a') !== partition),
    )
    assert.deepEqual(wrong, [])
    assert.equal(batchesOf('hashed').flatMap(({ keys }) => keys).length, recordCount)
  })

  it('the records of a topic that lingers are in one batch, those of others in one each', () => {
    assert.deepEqual(
      batchesOf('slow').map(({ records }) => records),
      [10],
    )
    assert.deepEqual(
      batchesOf('usual')
        .slice(0, 10)
        .map(({ records }) => records),
      Array.from({ length: 10 }, () => 1),
    )
  })
})
