// The events on node:diagnostics_channel: each on its channel, in order, without secrets. No event
// is created while a channel has no subscriber.

import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { test } from 'node:test'
import type { DiagnosticEvents, Producer } from '../../src/index.ts'
import { KafkaError } from '../../src/index.ts'
import type { EventOrigin } from '../../src/runtime/diagnostics.ts'
import { startCluster } from '../../src/testing.ts'
import { deadAddress, numbered, producerFor, rejectionOf } from './producer-kit.ts'

type EventName = keyof DiagnosticEvents

const names = [
  'millrace:producer.created',
  'millrace:producer.closed',
  'millrace:connection.opened',
  'millrace:connection.closed',
  'millrace:connection.failed',
  'millrace:metadata.refreshed',
  'millrace:response.received',
  'millrace:response.timedOut',
  'millrace:request.sent',
  'millrace:request.completed',
  'millrace:request.failed',
  'millrace:batch.settled',
  'millrace:record.failed',
  'millrace:transaction.begun',
  'millrace:transaction.committed',
  'millrace:transaction.aborted',
  'millrace:transaction.failed',
] as const satisfies readonly EventName[]

const turn = (): Promise<void> => new Promise(setImmediate)

/** Hears every event until the block that holds it ends. */
const listen = () => {
  const heard: { readonly name: EventName; readonly event: EventOrigin }[] = []
  const listeners = names.map((name) => {
    const listener = (event: unknown): void => {
      heard.push({ name, event: event as EventOrigin })
    }
    subscribe(name, listener)
    return () => unsubscribe(name, listener)
  })
  return {
    heard,
    /** Without the responses of every API, which come between the others. */
    names: () =>
      heard
        .map(({ name }) => name.slice('millrace:'.length))
        .filter((name) => !name.startsWith('response.')),
    of: <Name extends EventName>(wanted: Name): DiagnosticEvents[Name][] =>
      heard.flatMap(({ name, event }) =>
        name === wanted ? [event as DiagnosticEvents[Name]] : [],
      ),
    [Symbol.dispose]: () => {
      for (const stop of listeners) stop()
    },
  }
}

test('the events of a first record come in the order in which things happen', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  using ears = listen()
  const producer = producerFor(cluster, { clientId: 'mine' })
  await producer.send({ topic: 't', key: 'k', value: 'abc' })
  await producer.close()
  while (ears.of('millrace:connection.closed').length === 0) await turn()
  assert.deepEqual(ears.names(), [
    'producer.created',
    'connection.opened',
    'metadata.refreshed',
    'request.sent',
    'request.completed',
    'batch.settled',
    'producer.closed',
    'connection.closed',
  ])
  for (const { event } of ears.heard) {
    assert.equal(event.producer, producer)
    assert.equal(event.clientId, 'mine')
  }
  const [sent] = ears.of('millrace:request.sent')
  const [responded] = ears.of('millrace:request.completed')
  const { latencyMs, throttleTimeMs, ...rest } = responded!
  assert.deepEqual(rest, sent)
  assert.ok(latencyMs > 0)
  assert.equal(throttleTimeMs, 0)
  assert.equal(sent!.requestNumber, 1)
  const { wireBytes } = sent!.batches[0]!
  const batch = { topic: 't', partition: 0, recordCount: 1, wireBytes, attempt: 1 }
  assert.deepEqual(sent!.batches, [batch])
  const [settled] = ears.of('millrace:batch.settled')
  assert.equal(settled!.baseOffset, 0)
  assert.equal(settled!.error, null)
  assert.ok(settled!.queueTimeMs <= settled!.elapsedMs)
  const [closed] = ears.of('millrace:producer.closed')
  assert.deepEqual([closed!.delivered, closed!.failed], [1, 0])
  assert.equal(ears.of('millrace:connection.closed')[0]!.error, null)
})

test('requests of every API are published, with their responses or without', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  using ears = listen()
  const producer = producerFor(cluster, { requestTimeoutMs: 100, retryBackoffMs: 1 })
  await producer.send({ topic: 't', value: 'a' })
  const received = ears.of('millrace:response.received')
  const apis = received.map(({ apiName }) => apiName)
  for (const api of ['ApiVersions', 'Metadata', 'InitProducerId', 'Produce']) {
    assert.ok(apis.includes(api), api)
  }
  for (const event of received) {
    assert.ok(event.broker.startsWith(cluster.brokers[0]!), event.broker)
    assert.ok(event.elapsedMs >= 0 && event.responseBytes > 0 && event.apiVersion >= 0)
  }
  const numbers = received.map(({ correlationId }) => correlationId)
  assert.equal(new Set(numbers).size, numbers.length)
  cluster.fault({ api: 'Produce', drop: true, count: 1 })
  await producer.send({ topic: 't', value: 'b' })
  const [late, ...others] = ears.of('millrace:response.timedOut')
  assert.deepEqual([late!.apiName, others.length], ['Produce', 0])
  assert.ok(late!.elapsedMs >= 99, String(late!.elapsedMs))
  assert.equal(ears.of('millrace:batch.settled')[0]!.logStartOffset, 0)
  await producer.close()
})

test('a destroyed producer reports closed once, after its records', async () => {
  for (const end of ['destroy', 'destroy, then close', 'close, then destroy']) {
    await using cluster = await startCluster({ topics: { t: 1 } })
    const producer = producerFor(cluster)
    await producer.send({ topic: 't', value: 'a' })
    using ears = listen()
    const failed = rejectionOf(producer.send({ topic: 't', value: 'b' }))
    if (end.startsWith('close')) producer.close()
    producer.destroy()
    if (end.endsWith('close')) producer.close()
    assert.equal((await failed).code, 'ABORTED')
    while (ears.of('millrace:connection.closed').length === 0) await turn()
    const reported = ears.names().filter((name) => /batch\.settled|producer\.closed/.test(name))
    assert.deepEqual(reported, ['batch.settled', 'producer.closed'], end)
    const [closed] = ears.of('millrace:producer.closed')
    assert.deepEqual([closed!.delivered, closed!.failed], [1, 1], end)
    assert.deepEqual(await producer.close(), { delivered: 1, failed: 1, undelivered: 1 }, end)
    assert.equal(ears.of('millrace:producer.closed').length, 1, end)
  }
})

test('a request that is lost has failed, and its batch is sent again as attempt 2', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  await using producer = producerFor(cluster, { retryBackoffMs: 1 })
  await producer.send({ topic: 't', value: 'warm' })
  using ears = listen()
  cluster.fault({ api: 'Produce', close: true })
  await producer.send({ topic: 't', value: 'a' })
  const [failed] = ears.of('millrace:request.failed')
  assert.equal(failed!.error.code, 'CONNECTION_LOST')
  assert.equal(failed!.written, true)
  assert.equal(ears.of('millrace:connection.closed')[0]!.error!.code, 'CONNECTION_LOST')
  const attempts = ears.of('millrace:request.sent').map(({ batches }) => batches[0]!.attempt)
  assert.deepEqual(attempts, [1, 2])
  assert.equal(ears.of('millrace:batch.settled')[0]!.attempts, 2)
})

test('records that fail together are one batch.settled, a lone one is record.failed', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  await using producer = producerFor(cluster, { retries: 0, acks: 1 })
  await producer.send({ topic: 't', value: 'warm' })
  using ears = listen()
  cluster.fault({ api: 'Produce', error: 'TOPIC_AUTHORIZATION_FAILED' })
  await producer.sendBatch(numbered('t', 5))
  const [settled] = ears.of('millrace:batch.settled')
  assert.equal(settled!.recordCount, 5)
  assert.equal(settled!.error!.code, 'AUTHORIZATION_FAILED')
  assert.deepEqual(ears.of('millrace:record.failed'), [])
  const rejected = await rejectionOf(producer.send({ topic: 't', value: 5 as never }))
  const aborted = await rejectionOf(
    producer.send({ topic: 't', value: 'a' }, { signal: AbortSignal.abort() }),
  )
  await producer.sendBatch([
    { topic: 't', value: 'b' },
    { topic: '', value: 'c' },
  ])
  const errors = ears.of('millrace:record.failed').map(({ error }) => error)
  assert.deepEqual(errors.slice(0, 2), [rejected, aborted])
  assert.equal(errors[2]!.code, 'INVALID_ARGUMENT')
  assert.equal(errors.length, 3)
})

test('an unsuccessful attempt is connection.failed, with address and reason', async () => {
  const address = await deadAddress()
  using ears = listen()
  const producer = producerFor({ brokers: [address] } as never)
  await assert.rejects(producer.connect({ timeoutMs: 0 }))
  const [failed] = ears.of('millrace:connection.failed')
  assert.equal(`${failed!.host}:${failed!.port}`, address)
  assert.ok(failed!.error instanceof KafkaError)
  assert.equal(failed!.nodeId, -1)
  await producer.close()
  assert.deepEqual(ears.of('millrace:connection.opened'), [])
})

test('each transaction is begun, and then committed, or failed and aborted', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  await using producer = producerFor(cluster, { transactionalId: 'x', retries: 1 })
  using ears = listen()
  await producer.transaction((transaction) => transaction.send({ topic: 't', value: 'a' }))
  cluster.fault({ api: 'Produce', error: 'TOPIC_AUTHORIZATION_FAILED' })
  await rejectionOf(
    producer.transaction((transaction) => transaction.send({ topic: 't', value: 'b' })),
  )
  const reported = ears.heard.filter(({ name }) => name.startsWith('millrace:transaction.'))
  assert.deepEqual(
    reported.map(({ name, event }) => `${name.slice(21)} ${'number' in event && event.number}`),
    ['begun 1', 'committed 1', 'begun 2', 'failed 2', 'aborted 2'],
  )
  assert.equal(ears.of('millrace:transaction.failed')[0]!.error!.code, 'AUTHORIZATION_FAILED')
})

test('no event has a key, a value, a header, a password or a token in it', async () => {
  const users = { alice: 'password-secret' }
  await using cluster = await startCluster({
    topics: { t: 1 },
    sasl: { mechanisms: ['PLAIN'], users },
  })
  using ears = listen()
  const sasl = { mechanism: 'PLAIN', username: 'alice', password: 'password-secret' } as const
  const producer: Producer = producerFor(cluster, { sasl })
  const record = { topic: 't', key: 'key-secret', value: 'value-secret' }
  await producer.send({ ...record, headers: { authorization: 'header-secret' } })
  await producer.close()
  assert.ok(ears.heard.length > 5)
  for (const { name, event } of ears.heard) {
    const { producer: _, ...payload } = event
    assert.ok(!JSON.stringify(payload).includes('secret'), name)
  }
})

test('a listener that throws does not disturb the producer', async (context) => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  await using producer = producerFor(cluster)
  const thrown: unknown[] = []
  const listeners = process.rawListeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', (error) => thrown.push(error))
  const listener = (): void => {
    throw new Error('from a listener')
  }
  subscribe('millrace:batch.settled', listener)
  context.after(() => {
    unsubscribe('millrace:batch.settled', listener)
    process.removeAllListeners('uncaughtException')
    for (const one of listeners) process.on('uncaughtException', one as () => void)
  })
  await producer.send({ topic: 't', value: 'a' })
  await producer.send({ topic: 't', value: 'b' })
  assert.equal(thrown.length, 2)
})
