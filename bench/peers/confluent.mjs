// @confluentinc/kafka-javascript, its promise API over librdkafka: send() with arrays of messages.
import { run } from '../contestants/common.mjs'
import { loadPackage } from './load-package.mjs'
import { brokers, compression, idempotent, lingerMs, sendArrays, topic } from './send-arrays.mjs'

/** librdkafka's queue; send() rejects past it and offers nothing to wait on. */
const queueRecords = 100_000

const { Kafka, logLevel } = (await loadPackage('@confluentinc/kafka-javascript')).KafkaJS
const kafka = new Kafka({ kafkaJS: { brokers, logLevel: logLevel.ERROR } })
const producer = kafka.producer({
  acks: 'all',
  'linger.ms': lingerMs,
  'batch.size': 1_000_000,
  'compression.codec': compression,
  'enable.idempotence': idempotent,
  'queue.buffering.max.messages': queueRecords,
  partitioner: 'murmur2_random',
})

await run(
  () =>
    sendArrays({
      sendAll: (records) =>
        producer.send({ topic, messages: records.map(({ key, value }) => ({ key, value })) }),
      arrayRecords: 1000,
      arraysAtATime: 20,
      unawaitedMax: queueRecords - 1000,
    }),
  () => ({ connect: () => producer.connect(), close: () => producer.disconnect() }),
)
