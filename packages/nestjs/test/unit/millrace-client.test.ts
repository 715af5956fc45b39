// The client in an application of Nest: events arrive as records, also those emitted before a
// broker is there; the application's shutdown delivers them.

import 'reflect-metadata'
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ConsoleLogger, Logger } from '@nestjs/common'
import { Test } from '@nestjs/testing'
import type { BatchResult, KafkaError, Producer } from 'millrace'
import { RecordingProducer, startCluster } from 'millrace/testing'
import { firstValueFrom, lastValueFrom } from 'rxjs'
import { MillraceClient, type MillraceClientOptions, MillraceModule } from '../../src/index.ts'

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

test('an event is sent without a subscriber, and its failure reaches a subscriber', async () => {
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
  await assert.rejects(firstValueFrom(client.emit('orders', null)), /null.*tombstone/)
  await assert.rejects(firstValueFrom(client.send('orders', 'x')), (error: KafkaError) => {
    assert.equal(error.code, 'INVALID_STATE')
    return /use emit/.test(error.message)
  })
})

// What JSON rejects was neither stored nor reported, one such entry failed its whole
// batch, an undefined value became a tombstone, and fields beside `value` vanished.
test('every emitted event is delivered unchanged or reported', async () => {
  const cluster = await startCluster({ topics: { t: 1 } })
  const errors: KafkaError[] = []
  const onError = (error: KafkaError): void => {
    errors.push(error)
  }
  const client = new MillraceClient({ producer: { brokers: cluster.brokers, onError } })
  const circle: { self?: object } = {}
  circle.self = circle
  const broken = {
    get value() {
      throw new Error('a getter')
    },
  }
  const cases: readonly (readonly [unknown, RegExp])[] = [
    [{ value: { id: Number.NaN } }, /value must have a JSON form: id must be a finite number/],
    [{ value: circle }, /value must have a JSON form: self must be data without itself/],
    [{ value: Symbol('x') }, /value must have a JSON form: .*, got Symbol\(x\)/],
    [{ id: { hidden: new WeakMap() } }, /JSON form: id\.hidden must be JSON data, got WeakMap/],
    [Promise.resolve('x'), /\(is an await missing\?\), got Promise/],
    [undefined, /an event must be data or a message, got undefined/],
    [{ key: 'k', value: undefined }, /the value of a message must be there, got undefined/],
    [{ id: 7, value: 42 }, /its fields must be key, value, .* got "id"/],
    [{ value: 'x', header: {} }, /got "header"/],
    [broken, /the event can't be read: Error: a getter/],
  ]
  for (const [data, expected] of cases) {
    client.emit('t', data)
    await new Promise((resolve) => setImmediate(resolve))
    assert.match(errors.pop()?.message ?? 'nothing', expected)
    assert.equal(errors.length, 0)
    await assert.rejects(firstValueFrom(client.emit('t', data)), { message: expected })
    errors.length = 0
  }
  const messages = ['good', { value: Number.NaN }, { key: 'k', value: null }, { value: undefined }]
  const batch: BatchResult = await firstValueFrom(client.emitBatch('t', messages))
  assert.deepEqual(batch.failedIndexes, [1, 3])
  assert.deepEqual(
    batch.results.map((result) => ('code' in result ? result.code : result.offset)),
    [0, 'SERIALIZATION_FAILED', 1, 'INVALID_ARGUMENT'],
  )
  assert.deepEqual(
    cluster.records('t').map(({ key, value }) => [key?.toString(), value?.toString()]),
    [
      [undefined, 'good'],
      ['k', undefined],
    ],
  )
  errors.length = 0
  client.emitBatch('t', [{ value: { tags: new Set([10n]) } }, { value: Number.NaN }])
  client.emitBatch('t', 'text' as unknown as string[])
  await client.close()
  assert.equal(cluster.records('t').at(-1)?.value?.toString(), '{"tags":[10]}')
  client.emit('t', 'late')
  client.emitBatch('t', ['late'])
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(cluster.records('t').length, 3)
  const codes = errors.map(({ code }) => code)
  assert.deepEqual(codes, ['SERIALIZATION_FAILED', 'INVALID_ARGUMENT', 'CLOSED', 'CLOSED'])
  await cluster.close()
})

test('without onError, an event that cannot become a record is in the log of Nest', async () => {
  const lines: unknown[] = []
  const logger = { error: (line: unknown) => lines.push(line), log() {}, warn() {} }
  Logger.overrideLogger(logger)
  try {
    const client = new MillraceClient({ producer: new RecordingProducer() })
    client.emit('orders', undefined)
    await new Promise((resolve) => setImmediate(resolve))
    assert.match(String(lines), /^An event was not sent: INVALID_ARGUMENT: an event must be data/)
    const own: string[] = []
    const onError = (error: KafkaError): void => {
      own.push(error.code)
      throw new Error('of the handler')
    }
    const other = new MillraceClient({ producer: new RecordingProducer(), onError })
    await assert.rejects(firstValueFrom(other.emit('orders', undefined)))
    assert.deepEqual(own, ['INVALID_ARGUMENT'])
    assert.match(String(lines[1]), /onError threw: Error: of the handler/)
  } finally {
    Logger.overrideLogger(new ConsoleLogger())
  }
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

test('options can be injected, and tests can replace the producer', async () => {
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

test('with a spool, the next application delivers events emitted without brokers', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-nest-spool-'))
  const optionsFor = (brokers: string | readonly string[]) => {
    const nothing = (): void => {}
    const logger = { debug: nothing, info: nothing, warn: nothing, error: nothing }
    const producer = { brokers, spool: { directory }, logger, onError: nothing }
    return { name: 'ORDERS', producer }
  }
  const first = await Test.createTestingModule({
    imports: [MillraceModule.register(optionsFor('127.0.0.1:1'))],
  }).compile()
  const before = first.get<MillraceClient>('ORDERS')
  for (let index = 0; index < 10; index++) before.emit('orders', `${index}`)
  const producer = before.producer as Producer
  await producer.flushSpool()
  await producer.close({ timeoutMs: 0 })
  await using cluster = await startCluster({ topics: { orders: 1 } })
  const second = await Test.createTestingModule({
    imports: [MillraceModule.register(optionsFor(cluster.brokers))],
  }).compile()
  const after = second.get<MillraceClient>('ORDERS')
  await firstValueFrom(after.emit('orders', '10'))
  await (await second.init()).close()
  const values = cluster.records('orders').map(({ value }) => String(value))
  assert.deepEqual(
    values,
    Array.from({ length: 11 }, (_, index) => String(index)),
  )
  await rm(directory, { recursive: true })
})

test('an option that is invalid is named when the client is created', () => {
  const producer = { brokers: 'localhost:1' }
  const cases: [unknown, RegExp][] = [
    [undefined, /options must be an object, got undefined/],
    [null, /options must be an object, got null/],
    [{}, /producer must be the options of a producer, or a producer, got undefined/],
    [{ producer: 5 }, /producer must be .*, got number/],
    [{ producer, closeTimeoutMs: -1 }, /closeTimeoutMs must be milliseconds from 0, got -1/],
    [{ producer, closeTimeoutMs: '5' }, /closeTimeoutMs must be milliseconds from 0, got 5/],
    [{ producer, onError: 5 }, /onError must be a function, got number/],
    [{ producer, onEror: () => {} }, /unknown option 'onEror': the options are producer, /],
  ]
  for (const [options, message] of cases) {
    assert.throws(() => new MillraceClient(options as MillraceClientOptions), {
      code: 'INVALID_OPTION',
      message,
    })
  }
})
