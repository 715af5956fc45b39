// The client in an application of Nest: events arrive as records, also those emitted before a
// broker is there; the application's shutdown delivers them.

import 'reflect-metadata'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Test } from '@nestjs/testing'
import type { BatchResult, KafkaError } from 'millrace'
import { RecordingProducer, startCluster } from 'millrace/testing'
import { firstValueFrom, lastValueFrom } from 'rxjs'
import { MillraceClient, MillraceModule } from '../../src/index.ts'

const recordingClient = () => {
  const producer = new RecordingProducer()
  return { producer, client: new MillraceClient({ producer }) }
}

test('events are records: plain data as JSON, messages with key and headers', async () => {
  const { producer, client } = recordingClient()
  const metadata = await firstValueFrom(client.emit('orders', { id: '42' }))
  assert.equal(metadata.offset, 0)
  await lastValueFrom(client.emit('orders', { key: '42', value: { a: 1 }, headers: { h: 'x' } }))
  await lastValueFrom(client.emit('orders', 'text'))
  await lastValueFrom(client.emit('orders', Buffer.from('bytes')))
  await lastValueFrom(client.emit('orders', { key: '42', value: null }))
  producer.expectRecords('orders', [
    { key: null, value: '{"id":"42"}' },
    { key: '42', value: '{"a":1}', headers: { h: 'x' } },
    { value: 'text' },
    { value: 'bytes' },
    { key: '42', value: null },
  ])
})

test('an event is sent though nobody subscribes, and its failure reaches who does', async () => {
  const { producer, client } = recordingClient()
  const bytes = Buffer.from('first')
  client.emit('orders', bytes)
  bytes.fill('x')
  client.emitBatch('orders', ['second', { key: 'k', value: 'third' }])
  await new Promise((resolve) => setImmediate(resolve))
  producer.expectRecords('orders', [{ value: 'first' }, { value: 'second' }, { key: 'k' }])
  producer.failNext('BROKER_UNAVAILABLE')
  await assert.rejects(firstValueFrom(client.emit('orders', 'x')), { code: 'BROKER_UNAVAILABLE' })
  producer.failNext('BROKER_UNAVAILABLE', { after: 1 })
  const batch: BatchResult = await firstValueFrom(client.emitBatch('orders', ['a', 'b']))
  assert.deepEqual(batch.failedIndexes, [1])
  await assert.rejects(firstValueFrom(client.emitBatch('orders', [() => {}])), {
    code: 'SERIALIZATION_FAILED',
  })
  await assert.rejects(firstValueFrom(client.emit('orders', null)), /null.*tombstone/)
  await assert.rejects(firstValueFrom(client.send('orders', 'x')), (error: KafkaError) => {
    assert.equal(error.code, 'INVALID_STATE')
    return /use emit/.test(error.message)
  })
})

test('an application delivers what was emitted early, and at shutdown', async () => {
  const cluster = await startCluster({ topics: { orders: 1 } })
  const { brokers } = cluster
  const options = { name: 'ORDERS', producer: { brokers, clientId: 'shop', onError() {} } }
  const built = await Test.createTestingModule({
    imports: [MillraceModule.register(options)],
  }).compile()
  const client = built.get<MillraceClient>('ORDERS')
  for (let index = 0; index < 500; index++) client.emit('orders', `${index}`)
  const application = await built.init()
  client.emit('orders', 'last')
  await application.close()
  const values = cluster.records('orders').map(({ value }) => value?.toString())
  assert.deepEqual(values, [...Array.from({ length: 500 }, (_, index) => `${index}`), 'last'])
  await assert.rejects(firstValueFrom(client.emit('orders', 'late')), { code: 'CLOSED' })
  await cluster.close()
})

test('options come from other providers, and tests put a stand-in', async () => {
  const producer = new RecordingProducer()
  const built = await Test.createTestingModule({
    imports: [
      MillraceModule.registerAsync({
        isGlobal: true,
        inject: ['CONFIG'],
        useFactory: async (config: { stand: RecordingProducer }) => ({ producer: config.stand }),
        imports: [
          {
            module: class ConfigModule {},
            providers: [{ provide: 'CONFIG', useValue: { stand: producer } }],
            exports: ['CONFIG'],
          },
        ],
      }),
    ],
  }).compile()
  const client = built.get(MillraceClient)
  assert.equal(client.unwrap(), producer)
  assert.equal(await client.connect(), producer)
  await firstValueFrom(client.emit('orders', 'x'))
  await built.close()
  producer.expectRecords('orders', [{ value: 'x' }])
  assert.throws(() => producer.enqueue({ topic: 'orders', value: 'y' }), { code: 'CLOSED' })
})
