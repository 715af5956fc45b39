// @platformatic/kafka: send() with arrays of messages.
import { run } from '../contestants/common.mjs'
import { loadPackage } from './load-package.mjs'
import { brokers, compression, idempotent, sendArrays, topic } from './send-arrays.mjs'

const { ProduceAcks, Producer } = await loadPackage('@platformatic/kafka')

const producer = new Producer({
  clientId: 'bench',
  bootstrapBrokers: brokers,
  acks: ProduceAcks.ALL,
  idempotent,
  autocreateTopics: false,
  ...(compression === 'none' ? {} : { compression }),
})

await run(
  () =>
    sendArrays({
      sendAll: (records) =>
        producer.send({ messages: records.map(({ key, value }) => ({ topic, key, value })) }),
      arrayRecords: 2000,
      arraysAtATime: 10,
    }),
  () => ({ close: () => producer.close() }),
)
