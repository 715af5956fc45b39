// A program's own types of kafkajs fit: ours are assignable to theirs. Nothing
// is run but the last test, which says that it was compiled.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import type * as theirs from 'kafkajs'
import * as ours from '../../src/index.ts'

declare const producer: ours.Producer
declare const transaction: ours.Transaction

export const fits = async (): Promise<void> => {
  producer satisfies theirs.Producer
  transaction satisfies theirs.Transaction
  producer.logger() satisfies theirs.Logger
  const record: theirs.ProducerRecord = { topic: 't', messages: [{ value: 'x' }], acks: -1 }
  const response: theirs.RecordMetadata[] = await producer.send(record)
  const batch: theirs.ProducerBatch = { topicMessages: [{ topic: 't', messages: [] }] }
  const batchResponse: theirs.RecordMetadata[] = await producer.sendBatch(batch)
  const config: theirs.ProducerConfig = { idempotent: true, retry: { retries: 3 } }
  const client: ours.KafkaConfig = { brokers: ['a'], ssl: true, retry: { retries: 1 } }
  new ours.Kafka(client).producer(config)
  const partitioner: theirs.ICustomPartitioner = () => () => 0
  new ours.Kafka(client).producer({ createPartitioner: partitioner })
  void [response, batchResponse]
}

export const wrong = (): void => {
  // @ts-expect-error brokers are needed
  new ours.Kafka({ clientId: 'a' })
  // @ts-expect-error no such codec
  producer.send({ topic: 't', messages: [], compression: 'gzip' })
  // @ts-expect-error a value is needed
  producer.send({ topic: 't', messages: [{ key: 'a' }] })
  // @ts-expect-error no such mechanism
  new ours.Kafka({ brokers: ['a'], sasl: { mechanism: 'gssapi' } })
}

it('code with the types of kafkajs compiles', () => {
  assert.equal(typeof fits, 'function')
})
