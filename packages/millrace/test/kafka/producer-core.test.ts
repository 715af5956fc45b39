// Our producer against each Kafka release that we support, judged by Java's consumer: what was sent
// is what is read, byte for byte and in order, under every codec and by every way of sending.

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Producer, RecordMetadata } from '../../src/index.ts'
import { javaConsume, type Kafka, kafkaVersions, latestKafka, startKafka } from './fixture/index.ts'
import { listening, Places, producerFor, recordOf } from './producer-kit.ts'

const partitionCount = 6
const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
/** The release in the middle gets less: it has no part of the protocol that the others lack. */
const recordsPerCodec = (version: string): number => (version === '4.3.1' ? 4000 : 40_000)

type Send = (producer: Producer, from: number, to: number, places: Places) => Promise<void>

const place = (places: Places, number: number, { partition, offset }: RecordMetadata): void =>
  places.put(partition, offset, number)

const byEnqueue: Send = async (producer, from, to, places) => {
  for (let number = from; number < to; number++) {
    const record = recordOf(number, 'everything')
    const settled = (error: Error | null, metadata: RecordMetadata | null): void => {
      assert.equal(error, null)
      place(places, number, metadata!)
    }
    while (!producer.enqueue(record, settled)) await producer.ready()
  }
  await producer.flush()
}

const byBatch: Send = async (producer, from, to, places) => {
  const numbers = Array.from({ length: to - from }, (_, index) => from + index)
  const batch = numbers.map((number) => recordOf(number, 'everything'))
  const { results, failedIndexes } = await producer.sendBatch(batch)
  assert.deepEqual(failedIndexes, [])
  for (const [index, result] of results.entries()) {
    place(places, from + index, result as RecordMetadata)
  }
}

const bySend: Send = async (producer, from, to, places) => {
  const sendsMax = 5000
  for (let first = from; first < to; first += sendsMax) {
    const sends: Promise<void>[] = []
    for (let number = first; number < Math.min(first + sendsMax, to); number++) {
      const sent = producer.send(recordOf(number, 'everything'))
      sends.push(sent.then((metadata) => place(places, number, metadata)))
    }
    await Promise.all(sends)
  }
}

/** Each codec is used with all three ways of sending, a part of the records each. */
const sendAll = async (producer: Producer, from: number, count: number, places: Places) => {
  const third = Math.ceil(count / 3)
  await byEnqueue(producer, from, from + third, places)
  await byBatch(producer, from + third, from + 2 * third, places)
  await bySend(producer, from + 2 * third, from + count, places)
}

for (const version of kafkaVersions) {
  describe(`Kafka ${version}`, () => {
    let kafka: Kafka
    before(async () => {
      kafka = await startKafka({ version })
    })
    after(() => kafka?.close())

    it('Java reads byte for byte what was sent, in order, under every codec', async () => {
      await kafka.admin.createTopic('everything', { partitions: partitionCount })
      const places = new Places()
      const count = recordsPerCodec(version)
      const versions = new Set<number>()
      for (const [index, compression] of codecs.entries()) {
        await using producer = producerFor(kafka, { compression }, listening(versions))
        await sendAll(producer, index * count, count, places)
        assert.equal(producer.metrics().recordsDelivered, count)
      }
      assert.equal(places.count, codecs.length * count)
      await places.check(kafka, 'everything', (number) => recordOf(number, 'everything'))
      assert.deepEqual([...versions], [version === '3.9.1' ? 11 : 13])
    })

    it('10,000 sends, none awaited, get 10,000 offsets in call order in few requests', async () => {
      await kafka.admin.createTopic('order')
      await using producer = producerFor(kafka)
      const sends = Array.from({ length: 10_000 }, (_, index) =>
        producer.send({ topic: 'order', value: `${index}` }),
      )
      const offsets = (await Promise.all(sends)).map(({ offset }) => offset)
      const wanted = Array.from({ length: 10_000 }, (_, index) => index)
      assert.deepEqual(offsets, wanted)
      const stored = await javaConsume({ brokers: kafka.brokers, topic: 'order' })
      assert.deepEqual(
        stored.map(({ value }) => Number(value)),
        wanted,
      )
      const { requests } = producer.metrics()
      assert.ok(requests <= 50, `${requests} requests`)
      const [state] = await kafka.admin.describeProducers('order', 0)
      assert.equal(state?.lastSequence, 9999)
    })

    it('acks 0, 1 and all: each delivers all records in order, once', async () => {
      for (const acks of [0, 1, 'all'] as const) {
        const topic = `acks-${acks}`
        await kafka.admin.createTopic(topic)
        const producer = producerFor(kafka, { acks })
        const sends = Array.from({ length: 1000 }, (_, index) =>
          producer.send({ topic, value: `${index}` }),
        )
        const results = await Promise.all(sends)
        assert.ok(results.every(({ offset }, index) => offset === (acks === 0 ? -1 : index)))
        assert.deepEqual(await producer.close(), { delivered: 1000, failed: 0, undelivered: 0 })
        // The broker takes what acks 0 has handed over in its own time.
        let stored = await javaConsume({ brokers: kafka.brokers, topic })
        while (stored.length < 1000) stored = await javaConsume({ brokers: kafka.brokers, topic })
        assert.ok(stored.every(({ value }, index) => Number(value) === index))
      }
    })

    it('a topic is made at first use, and the first send succeeds', async () => {
      await using producer = producerFor(kafka)
      const sends = Array.from({ length: 10 }, (_, index) =>
        producer.send({ topic: `made-${index % 3}`, partition: 2, value: `${index}` }),
      )
      const results = await Promise.all(sends)
      assert.deepEqual(
        results.map(({ offset }) => offset),
        [0, 0, 0, 1, 1, 1, 2, 2, 2, 3],
      )
      assert.equal((await producer.partitionsFor('made-0')).length, 3)
    })
  })
}

it('the latest release is among those that are tested', () => {
  assert.ok((kafkaVersions as readonly string[]).includes(latestKafka))
})
