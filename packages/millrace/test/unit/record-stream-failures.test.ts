// Streams of records with failures: the failure of each record is reported once, whatever
// has become of the stream by then, and sources need not be well-behaved.

import assert from 'node:assert/strict'
import { addAbortSignal, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { KafkaError, Producer, ProducerRecord } from '../../src/index.ts'
import { startCluster } from '../../src/testing.ts'
import { nextRequest, producerFor } from './producer-kit.ts'

const record = (index: number): ProducerRecord => ({ topic: 't', value: String(index) })

const records = (count: number): ProducerRecord[] =>
  Array.from({ length: count }, (_, index) => record(index))

interface Scene {
  readonly producer: Producer
  /** What the option onError was reported. */
  readonly reported: KafkaError[]
  /** Resolves when the next Produce request has come to the cluster. */
  untilProduce(): Promise<unknown>
}

/** The first Produce requests for the topic are rejected. */
const rejected = async (body: (scene: Scene) => Promise<void>): Promise<void> => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  const count = Number.POSITIVE_INFINITY
  cluster.fault({ api: 'Produce', topic: 't', error: 'TOPIC_AUTHORIZATION_FAILED', count })
  const reported: KafkaError[] = []
  const producer = producerFor(cluster, { onError: (error) => reported.push(error) })
  const untilProduce = () => nextRequest(cluster, 'Produce')
  await body({ producer, reported, untilProduce })
  await producer.close()
}

const code = 'AUTHORIZATION_FAILED'

test('a Node stream: one failure ends it, the others go to onError', () =>
  rejected(async ({ producer, reported }) => {
    await assert.rejects(pipeline(Readable.from(records(10)), producer.writable()), { code })
    await producer.flush()
    assert.deepEqual(
      reported.map((error) => error.code),
      Array(9).fill(code),
    )
  }))

test('sendAll: one failure is its rejection, the others go to onError', () =>
  rejected(async ({ producer, reported }) => {
    await assert.rejects(producer.sendAll(records(10)), { code })
    assert.equal(reported.length, 9)
  }))

test('with onFailed each failure is reported there and nowhere else', () =>
  rejected(async ({ producer, reported }) => {
    const failed: string[] = []
    const onFailed = (_: KafkaError, { value }: ProducerRecord) => failed.push(String(value))
    const counts = await producer.sendAll(records(3), { onFailed })
    assert.deepEqual([counts, failed], [{ delivered: 0, failed: 3 }, ['0', '1', '2']])
    assert.equal(reported.length, 0)
  }))

test('failures after a stream was destroyed or aborted go to onError', () =>
  rejected(async ({ producer, reported }) => {
    const destroyed = producer.writable()
    destroyed.write(record(0))
    destroyed.destroy()
    const controller = new AbortController()
    const aborted = addAbortSignal(controller.signal, producer.writable())
    aborted.on('error', () => {})
    aborted.write(record(1))
    controller.abort()
    const web = producer.writableStream().getWriter()
    web.closed.catch(() => {})
    await web.ready
    web.write(record(2)).catch(() => {})
    await web.abort()
    await producer.flush()
    assert.deepEqual(
      reported.map((error) => error.code),
      Array(3).fill(code),
    )
  }))

test('a source that throws is the rejection, and failures of its records go to onError', () =>
  rejected(async ({ producer, reported, untilProduce }) => {
    const source = async function* () {
      const requested = untilProduce()
      yield* records(2)
      await requested
      throw new Error('mine')
    }
    await assert.rejects(producer.sendAll(source()), /mine/)
    assert.equal(reported.length, 2)
    const broken = pipeline(Readable.from(source()), producer.writable())
    await assert.rejects(broken, (error: Error) => /mine|AUTHORIZATION/.test(String(error)))
  }))

test('a destroyed stream delivers the records that it accepted', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  const producer = producerFor(cluster)
  const stream = producer.writable()
  stream.write(record(0))
  stream.destroy(new Error('enough'))
  stream.on('error', () => {})
  await producer.close()
  assert.equal(cluster.records('t').length, 1)
})

test('thenables are accepted, and a source needs no return()', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  await using producer = producerFor(cluster)
  const source = {
    [Symbol.asyncIterator]: () => {
      let index = 0
      return {
        next: () => {
          const step = index < 3 ? { done: false, value: record(index++) } : { done: true }
          // biome-ignore lint/suspicious/noThenProperty: that is what it is about
          return { then: (resolve: (value: unknown) => void) => resolve(step) }
        },
        return: () => {
          throw new Error('it does not close')
        },
      }
    },
  }
  const all = source as unknown as AsyncIterable<ProducerRecord>
  assert.deepEqual(await producer.sendAll(all), { delivered: 3, failed: 0 })
  cluster.fault({ api: 'Produce', topic: 't', error: 'TOPIC_AUTHORIZATION_FAILED' })
  await assert.rejects(producer.sendAll(all, { maxInFlight: 1 }), {
    code,
    message: /^record \d+ for topic .* failed, \d+ others were delivered: /,
  })
})

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

test('a long source with a signal leaves nothing behind for each of its records', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  await using producer = producerFor(cluster)
  const signal = new AbortController().signal
  let gathered = 0
  // What a step of the source is awaited by must not be kept: else each keeps its record.
  const registry = new FinalizationRegistry(() => gathered++)
  const source = async function* () {
    for (let index = 0; index < 200; index++) {
      const one = record(index)
      registry.register(one, undefined)
      yield one
    }
    await producer.flush()
    for (let round = 0; round < 50 && gathered < 100; round++) {
      collectGarbage()
      await new Promise(setImmediate)
    }
  }
  await producer.sendAll(source(), { signal })
  assert.ok(gathered >= 100, `${gathered} of 200 were let go`)
})
