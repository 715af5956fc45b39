// The tracing channels of node:diagnostics_channel: each operation publishes its events once and in
// Node's order, a subscriber of `start` can add headers, and stores that are bound are entered.

import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { channel, tracingChannel } from 'node:diagnostics_channel'
import { test } from 'node:test'
import type { DiagnosticTraces } from '../../src/index.ts'
import { startCluster } from '../../src/testing.ts'
import { holdBack, producerFor, rejectionOf, thrownBy } from './producer-kit.ts'

type Name = keyof DiagnosticTraces

const turn = (): Promise<void> => new Promise(setImmediate)

const eventNames = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const
const complete = ['start', 'end', 'asyncStart', 'asyncEnd']
const failed = ['start', 'end', 'error', 'asyncStart', 'asyncEnd']

/** Collects the events of each operation, by its context, until the block ends. */
const watch = <Channel extends Name>(
  name: Channel,
  onStart: (trace: DiagnosticTraces[Channel]) => void = () => {},
) => {
  type Trace = DiagnosticTraces[Channel]
  const operations = new Map<Trace, string[]>()
  const subscriber = (event: string) => (message: object) => {
    const trace = message as Trace
    if (event === 'start') onStart(trace)
    operations.set(trace, [...(operations.get(trace) ?? []), event])
  }
  const subscribers = Object.fromEntries(eventNames.map((event) => [event, subscriber(event)]))
  const traced = tracingChannel<unknown, Trace>(name)
  traced.subscribe(subscribers as unknown as Parameters<typeof traced.subscribe>[0])
  return {
    traces: () => [...operations.keys()],
    events: () => [...operations.values()],
    [Symbol.dispose]: () => {
      traced.unsubscribe(subscribers as unknown as Parameters<typeof traced.unsubscribe>[0])
    },
  }
}

test('each way in publishes the events of each record once, in order', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  using sends = watch('millrace:send')
  await using producer = producerFor(cluster, { clientId: 'mine' })
  await producer.send({ topic: 't', value: 'a' })
  await producer.sendBatch([
    { topic: 't', value: 'b' },
    { topic: 't', value: 'c' },
  ])
  producer.enqueue({ topic: 't', value: 'd' })
  await producer.submit({ topic: 't', value: 'e' })
  await producer.flush()
  await turn()
  assert.deepEqual(sends.events(), Array(5).fill(complete))
  for (const [offset, trace] of sends.traces().entries()) {
    assert.equal(trace.producer, producer)
    assert.equal(trace.clientId, 'mine')
    assert.equal(trace.result?.offset, offset)
    assert.equal(trace.error, undefined)
  }
  assert.deepEqual(
    sends.traces().map(({ record }) => record.value),
    ['a', 'b', 'c', 'd', 'e'],
  )
})

test('a record that fails, and one that is rejected, publish error once', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  using sends = watch('millrace:send')
  await using producer = producerFor(cluster, { retries: 0, acks: 1 })
  cluster.fault({ api: 'Produce', error: 'TOPIC_AUTHORIZATION_FAILED', count: 1 })
  const error = await rejectionOf(producer.send({ topic: 't', value: 'a' }))
  const rejection = await rejectionOf(producer.send({ topic: '', value: 'b' }))
  const thrown = thrownBy(() => producer.enqueue({ topic: '', value: 'c' }))
  const { results } = await producer.sendBatch([{ topic: '', value: 'd' }])
  const notTaken = await rejectionOf(producer.submit({ topic: '', value: 'e' }))
  await turn()
  assert.deepEqual(sends.events(), Array(5).fill(failed))
  assert.deepEqual(
    sends.traces().map((trace) => trace.error),
    [error, rejection, thrown, results[0], notTaken],
  )
})

test('headers that a subscriber sets in start are sent; the record stays as it was', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  using _sends = watch('millrace:send', ({ headers }) => {
    headers.traceparent = '00-1'
    headers.bytes = Buffer.from('xy')
    Object.assign(headers, { depth: 3 })
  })
  await using producer = producerFor(cluster)
  const none = { topic: 't', value: 'a' }
  const object = { ...none, headers: { a: 'x', traceparent: 'old' } }
  const pairs = { ...none, headers: [['traceparent', 'old'] as const, ['a', null] as const] }
  await producer.sendBatch([none, object, pairs])
  const added = [
    ['traceparent', '00-1'],
    ['bytes', 'xy'],
    ['depth', '3'],
  ]
  const sent = cluster.records('t').map(({ headers }) => headers.map(([k, v]) => [k, `${v}`]))
  assert.deepEqual(sent[0], added)
  assert.deepEqual(new Set(sent[1]!.map(String)), new Set([['a', 'x'], ...added].map(String)))
  assert.deepEqual(sent[2], [['a', 'null'], ...added])
  assert.deepEqual(object.headers, { a: 'x', traceparent: 'old' })
  assert.equal(pairs.headers.length, 2)
})

test('stores bound to start hold during the call, those of asyncStart in callbacks', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  const storage = new AsyncLocalStorage<string>()
  const seen: (string | undefined)[] = []
  const { start, asyncStart } = tracingChannel('millrace:send')
  start.bindStore(storage, () => 'sending')
  asyncStart.bindStore(storage, () => 'settled')
  const onEnd = () => seen.push(storage.getStore())
  const end = channel('tracing:millrace:send:end')
  end.subscribe(onEnd)
  await using producer = producerFor(cluster, {
    partitioner: () => {
      seen.push(storage.getStore())
      return 0
    },
  })
  await producer.partitionsFor('t')
  producer.enqueue({ topic: 't', value: 'a' }, () => seen.push(storage.getStore()))
  await producer.flush()
  start.unbindStore(storage)
  asyncStart.unbindStore(storage)
  end.unsubscribe(onEnd)
  assert.deepEqual(seen, ['sending', undefined, 'settled'])
})

test('a subscriber sees only the records sent while it is subscribed', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  await using producer = producerFor(cluster)
  await producer.send({ topic: 't', value: 'before' })
  {
    using sends = watch('millrace:send')
    await producer.send({ topic: 't', value: 'during' })
    assert.deepEqual(
      sends.traces().map(({ record }) => record.value),
      ['during'],
    )
  }
  using later = watch('millrace:request')
  await producer.send({ topic: 't', value: 'after' })
  assert.deepEqual(later.events(), [complete])
})

test('a request of any API is one operation, also one whose connection is lost', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  using requests = watch('millrace:request')
  const producer = producerFor(cluster, { requestTimeoutMs: 100, retries: 0, acks: 1 })
  await producer.send({ topic: 't', value: 'a' })
  const names = requests.traces().map(({ apiName }) => apiName)
  assert.deepEqual(new Set(names), new Set(['ApiVersions', 'Metadata', 'Produce']))
  assert.deepEqual(requests.events(), Array(names.length).fill(complete))
  for (const trace of requests.traces()) {
    assert.ok(trace.broker.startsWith(cluster.brokers[0]!), trace.broker)
    assert.ok(trace.requestBytes > 0 && trace.apiVersion >= 0)
  }
  const release = holdBack(cluster)
  await rejectionOf(producer.send({ topic: 't', value: 'b' }))
  release()
  await producer.close()
  const lost = requests.traces().findIndex(({ error }) => error !== undefined)
  assert.equal(requests.traces()[lost]!.apiName, 'Produce')
  assert.equal(requests.traces()[lost]!.error!.code, 'REQUEST_TIMEOUT')
  assert.deepEqual(requests.events()[lost], failed)
})

test('a transaction is one operation from its beginning until its end is certain', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  const storage = new AsyncLocalStorage<string>()
  const callers: (string | undefined)[] = []
  using transactions = watch('millrace:transaction', () => {
    callers.push(storage.getStore())
  })
  const producer = producerFor(cluster, { transactionalId: 'x' })
  await storage.run('caller', () =>
    producer.transaction((transaction) => transaction.send({ topic: 't', value: 'a' })),
  )
  const aborted = await producer.beginTransaction()
  aborted.enqueue({ topic: 't', value: 'b' })
  await aborted.abort()
  cluster.fault({ api: 'Produce', error: 'TOPIC_AUTHORIZATION_FAILED', count: 1 })
  await assert.rejects(
    producer.transaction((transaction) => transaction.send({ topic: 't', value: 'c' })),
  )
  await producer.beginTransaction()
  const fresh = producerFor(cluster, { transactionalId: 'x' })
  await (await fresh.beginTransaction()).abort()
  producer.destroy()
  await producer.close()
  assert.deepEqual(transactions.events(), [complete, complete, failed, failed, complete])
  const ends = transactions
    .traces()
    .map(({ number, outcome, error }) => [number, outcome, error?.code])
  assert.deepEqual(ends, [
    [1, 'committed', undefined],
    [2, 'aborted', undefined],
    [3, 'aborted', 'AUTHORIZATION_FAILED'],
    [4, null, 'CLOSED'],
    [1, 'aborted', undefined],
  ])
  assert.equal(callers[0], 'caller')
  await fresh.close()
})

test('a transaction that does not begin fails', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  using transactions = watch('millrace:transaction')
  const producer = producerFor(cluster, { transactionalId: 'x', maxBlockMs: 1 })
  cluster.fault({
    api: 'InitProducerId',
    error: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
    count: 1,
  })
  const error = await rejectionOf(producer.beginTransaction({ timeoutMs: 10_000 }))
  assert.deepEqual(transactions.events(), [failed])
  assert.equal(transactions.traces()[0]!.error, error)
  const release = holdBack(cluster, { api: 'InitProducerId' })
  await rejectionOf(producer.beginTransaction())
  release()
  assert.deepEqual(transactions.events(), [failed, complete])
  assert.equal(transactions.traces()[1]!.outcome, null)
  producer.destroy()
})
