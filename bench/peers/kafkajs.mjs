// kafkajs: send() with arrays of messages.
import { run } from '../contestants/common.mjs'
import { loadPackage, unsupported } from './load-package.mjs'
import { brokers, compression, idempotent, sendArrays, topic } from './send-arrays.mjs'

// It has neither lz4 nor zstd without a codec from elsewhere.
if (!['none', 'gzip'].includes(compression)) unsupported(`no ${compression} of its own`)
process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'
const { CompressionTypes, Kafka, logLevel } = await loadPackage('kafkajs')

const kafka = new Kafka({ clientId: 'bench', brokers, logLevel: logLevel.ERROR })
const producer = kafka.producer({
  allowAutoTopicCreation: false,
  idempotent,
  // Its own rule: idempotent, more than one would not keep the order.
  ...(idempotent ? { maxInFlightRequests: 1 } : {}),
})

await run(
  () =>
    sendArrays({
      sendAll: (messages) =>
        producer.send({
          topic,
          acks: -1,
          compression: compression === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None,
          messages: messages.map(({ key, value }) => ({ key, value })),
        }),
      arrayRecords: 2000,
      arraysAtATime: 5,
    }),
  () => ({ connect: () => producer.connect(), close: () => producer.disconnect() }),
)
