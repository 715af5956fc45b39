// How the asynchronous producers of both layers report results: each message that was taken once,
// in order, never inside a call of the user's; a message that was rejected not at all. On the
// in-process cluster under virtual time.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AsyncProducer } from '../../src/layers/async-producer.ts'
import {
  type AsyncResultHandler,
  defaultAsyncResultHandler,
} from '../../src/layers/async-result-handler.ts'
import { BatchAsyncProducer } from '../../src/layers/batch-async-producer.ts'
import { BatchError } from '../../src/layers/batch-error.ts'
import { KafkaProducer } from '../../src/layers/kafka-producer.ts'
import type { Message } from '../../src/layers/message.ts'
import type { ProducerOptions } from '../../src/producer/producer-options.ts'
import type { KafkaError } from '../../src/protocol/kafka-error.ts'
import { onStage, type Stage } from '../layers/stage.ts'

/** Notes each call, and whether it came inside a call of the test's own. */
class Notes implements AsyncResultHandler {
  readonly calls: string[] = []
  inside = false

  handleSuccess({ value }: Message, { partition, offset }: { partition: number; offset: number }) {
    assert.equal(this.inside, false, 'called inside a call of the user')
    this.calls.push(`${value} at ${partition}:${offset}`)
  }

  handleError({ code }: KafkaError, { value }: Message) {
    assert.equal(this.inside, false, 'called inside a call of the user')
    this.calls.push(`${value} ${code}`)
  }

  /** Runs a call of the user's. */
  during<Value>(call: () => Value): Value {
    this.inside = true
    try {
      return call()
    } finally {
      this.inside = false
    }
  }
}

const warm = async (stage: Stage, producer: AsyncProducer, notes: Notes): Promise<void> => {
  await stage.run(producer.sendMessage({ topic: 'orders', partition: 0 }, 'warm'))
  await stage.run(producer.flush())
  notes.calls.length = 0
}

const makeAsync = (stage: Stage, notes: Notes, target: Partial<ProducerOptions> = {}) =>
  new AsyncProducer(stage.target(target), notes, stage.environment)

const holdProduce = { api: 'Produce', drop: true, count: Number.POSITIVE_INFINITY }

test('results come once per message, in order per partition, whatever is retried', () =>
  onStage({}, async (stage) => {
    const notes = new Notes()
    const producer = makeAsync(stage, notes)
    await warm(stage, producer, notes)
    stage.cluster.fault({ api: 'Produce', error: 'NOT_LEADER_OR_FOLLOWER', count: 2 })
    stage.cluster.fault({ api: 'Produce', close: true, at: 'after', count: 1 })
    for (let index = 0; index < 50; index++) {
      await notes.during(() => producer.sendMessage({ topic: 'orders', partition: 0 }, `${index}`))
      await stage.clock.advance(3)
    }
    await stage.run(notes.during(() => producer.close()))
    const order = notes.calls.map((call) => Number.parseInt(call, 10))
    assert.deepEqual(order, [...Array(50).keys()])
    assert.deepEqual(stage.values(), ['warm', ...order.map(String)])
  }))

test('close with a signal that aborts settles every message, but not inside the call', () =>
  onStage({}, async (stage) => {
    for (const early of [true, false]) {
      const notes = new Notes()
      const producer = makeAsync(stage, notes)
      await warm(stage, producer, notes)
      const fault = stage.cluster.fault(holdProduce)
      await stage.run(producer.sendMessage({ topic: 'orders' }, 'a'))
      await stage.run(producer.sendMessage({ topic: 'orders' }, 'b'))
      const controller = new AbortController()
      if (early) controller.abort()
      const closing = notes.during(() => producer.close({ signal: controller.signal }))
      await stage.clock.advance(10)
      notes.during(() => controller.abort())
      const { failed } = await stage.run(closing)
      assert.deepEqual(notes.calls, ['a ABORTED', 'b ABORTED'])
      assert.equal(failed, 2)
      fault.remove()
    }
  }))

test('close with a time limit fails the rest, reports it, and resolves after that', () =>
  onStage({}, async (stage) => {
    const notes = new Notes()
    const producer = makeAsync(stage, notes)
    await warm(stage, producer, notes)
    stage.cluster.fault(holdProduce)
    await stage.run(producer.sendMessage({ topic: 'orders' }, 'a'))
    const start = stage.clock.now()
    await stage.run(producer.close({ timeoutMs: 500 }))
    assert.equal(stage.clock.now() - start, 500)
    assert.deepEqual(notes.calls, ['a ABORTED'])
  }))

test('a message that is cancelled after it was taken is reported once, before close resolves', () =>
  onStage({ autoCreateTopics: false }, async (stage) => {
    const notes = new Notes()
    const producer = makeAsync(stage, notes)
    await warm(stage, producer, notes)
    const controllers = [new AbortController(), new AbortController(), new AbortController()]
    const [unknown, open, written] = controllers.map(({ signal }) => ({ signal }))
    await stage.run(producer.sendMessage({ topic: 'not-there' }, 'unknown', unknown))
    const fault = stage.cluster.fault({ ...holdProduce, at: 'after' })
    await stage.run(producer.sendMessage({ topic: 'orders' }, 'written', written))
    await stage.clock.advance(5)
    await producer.sendMessage({ topic: 'orders' }, 'open', open)
    notes.during(() => {
      for (const controller of controllers) controller.abort()
    })
    fault.remove()
    const report = await stage.run(producer.close())
    assert.deepEqual(notes.calls.sort(), ['open ABORTED', 'unknown ABORTED', 'written ABORTED'])
    assert.deepEqual(stage.values(), ['warm', 'written'])
    assert.deepEqual(report, { delivered: 2, failed: 2, undelivered: 2 })
  }))

test('messages wait while the buffer is full; cancelling one there calls no callback', () =>
  onStage({}, async (stage) => {
    const notes = new Notes()
    const target = { bufferMemoryBytes: 128 * 1024, maxBlockMs: 10_000 }
    const producer = makeAsync(stage, notes, target)
    await warm(stage, producer, notes)
    const fault = stage.cluster.fault({ api: 'Produce', delayMs: 1000 })
    const value = (index: number): string => `${index}`.padEnd(1000, '.')
    const taken: number[] = []
    const send = (index: number, options?: { timeoutMs: number }) =>
      producer.sendMessage({ topic: 'orders', partition: 0 }, value(index), options)
    const sends = Array.from({ length: 40 }, (_, index) =>
      send(index).then(() => void taken.push(index)),
    )
    const late = send(40, { timeoutMs: 100 })
    sends.push(send(41).then(() => void taken.push(41)))
    await stage.clock.advance(50)
    assert.ok(taken.length > 10 && taken.length < 40, `${taken.length} were taken`)
    await assert.rejects(stage.run(late), { code: 'TIMEOUT', persisted: 'no' })
    await stage.run(Promise.all(sends))
    assert.equal(fault.hits, 1)
    await stage.run(producer.close())
    const expected = [...Array(40).keys(), 41]
    assert.deepEqual(taken, expected)
    assert.deepEqual(
      notes.calls.map((call) => Number.parseInt(call, 10)),
      expected,
    )
  }))

test('a message that waits too long for space rejects with BUFFER_TIMEOUT, without callback', () =>
  onStage({}, async (stage) => {
    const notes = new Notes()
    const producer = makeAsync(stage, notes, { bufferMemoryBytes: 128 * 1024, maxBlockMs: 2000 })
    await warm(stage, producer, notes)
    stage.cluster.fault(holdProduce)
    const outcomes: string[] = []
    for (let index = 0; index < 40; index++) {
      producer.sendMessage({ topic: 'orders' }, 'x'.repeat(1000)).then(
        () => outcomes.push('taken'),
        ({ code }: KafkaError) => outcomes.push(code),
      )
    }
    await stage.clock.advance(2000)
    assert.deepEqual([...new Set(outcomes)], ['taken', 'BUFFER_TIMEOUT'])
    assert.equal(outcomes.length, 40)
    await stage.run(producer.close({ timeoutMs: 10 }))
    assert.equal(notes.calls.length, outcomes.filter((outcome) => outcome === 'taken').length)
  }))

test('invalid messages reject with an error that names the field; no callback is called', () =>
  onStage({}, async (stage) => {
    const notes = new Notes()
    const producer = makeAsync(stage, notes)
    const wrong: [unknown, unknown, RegExp][] = [
      [null, 'x', /record.topic/],
      ['orders', 'x', /record.topic/],
      [{ topic: '' }, 'x', /record.topic/],
      [{ topic: 'orders' }, undefined, /record.value/],
      [{ topic: 'orders', key: 7 }, 'x', /record.key/],
      [{ topic: 'orders', partition: -1 }, 'x', /record.partition/],
    ]
    for (const [keyOrTopic, value, pattern] of wrong) {
      const sent = producer.sendMessage(keyOrTopic as never, value as never)
      await assert.rejects(stage.run(sent), { code: 'INVALID_ARGUMENT', message: pattern })
    }
    const badOptions = producer.sendMessage({ topic: 'orders' }, 'x', { timeoutMs: -1 })
    await assert.rejects(stage.run(badOptions), { code: 'INVALID_ARGUMENT', message: /timeoutMs/ })
    await stage.run(producer.close())
    assert.deepEqual(notes.calls, [])
  }))

test('without a handler failures go to onError, or as a line and their number to the log', () =>
  onStage({ autoCreateTopics: false }, async (stage) => {
    const reported: string[] = []
    const onError = ({ code }: KafkaError) => void reported.push(code)
    const limits = { unknownTopicTimeoutMs: 0 }
    for (const handler of [undefined, defaultAsyncResultHandler]) {
      const logging = new AsyncProducer(stage.target(limits), handler, stage.environment)
      const telling = new AsyncProducer(
        stage.target({ ...limits, onError }),
        handler,
        stage.environment,
      )
      for (const producer of [logging, telling]) {
        for (let index = 0; index < 3; index++) {
          await stage.run(producer.sendMessage({ topic: 'not-there' }, 'x'))
        }
        await stage.run(producer.sendMessage({ topic: 'not-there' }, 'x', { timeoutMs: 60_000 }))
        await stage.run(producer.close())
      }
    }
    assert.deepEqual(reported, Array(8).fill('UNKNOWN_TOPIC'))
    assert.equal(
      stage.logged.filter((line) => line.includes('not delivered: UNKNOWN_TOPIC')).length,
      4,
    )
  }))

test('layer 1 with one callback only calls it for its results and logs other failures', () =>
  onStage({ autoCreateTopics: false }, async (stage) => {
    const calls: string[] = []
    const config = { batchSize: 1 }
    const successes = new KafkaProducer(
      stage.target({ unknownTopicTimeoutMs: 0 }),
      { ...config, onSuccess: (_metadata, { value }) => calls.push(`ok ${value}`) },
      stage.environment,
    )
    const errors = new KafkaProducer(
      stage.target({ unknownTopicTimeoutMs: 0 }),
      { ...config, onError: ({ code }, { value }) => calls.push(`${code} ${value}`) },
      stage.environment,
    )
    for (const producer of [successes, errors]) {
      await stage.run(producer.send({ topic: 'orders', value: 'a' }))
      await stage.run(producer.send({ topic: 'not-there', value: 'b' }))
      await stage.run(producer.close())
    }
    assert.deepEqual(calls, ['ok a', 'UNKNOWN_TOPIC b'])
    assert.equal(stage.logged.filter((line) => line.includes('UNKNOWN_TOPIC')).length, 1)
  }))

test('layer 1 async sendBatch takes what it can in order, and names by index what it did not', () =>
  onStage({}, async (stage) => {
    const calls: string[] = []
    const producer = new KafkaProducer(
      stage.target({ bufferMemoryBytes: 64 * 1024 }),
      { batchSize: 5, onSuccess: (_metadata, { value }) => calls.push(`${value}`.slice(0, 2)) },
      stage.environment,
    )
    const value = (index: number): string => `${index}`.padStart(2, '0').padEnd(1000, '.')
    const messages = Array.from({ length: 60 }, (_, index) => ({
      topic: 'orders',
      partition: 0,
      value: index === 3 ? (3 as never) : value(index),
    }))
    const mixed = await stage.run(producer.sendBatch(messages).catch((error: unknown) => error))
    assert.ok(mixed instanceof BatchError)
    assert.deepEqual(
      mixed.failures.map(({ index }) => index),
      [3],
    )
    assert.deepEqual([mixed.delivered, mixed.persisted], [0, 'maybe'])
    await stage.run(producer.flush())
    assert.deepEqual(
      calls,
      messages.flatMap((_, index) => (index === 3 ? [] : [value(index).slice(0, 2)])),
    )
    calls.length = 0
    const fault = stage.cluster.fault(holdProduce)
    const fine = messages.filter((_, index) => index !== 3)
    const late = producer.sendBatch(fine, { timeoutMs: 300 }).catch((error: unknown) => error)
    const ended = await stage.run(late)
    assert.ok(ended instanceof BatchError)
    const rejected = ended.failures.map(({ index }) => index)
    assert.deepEqual(rejected, [...Array(59).keys()].slice(59 - rejected.length))
    assert.ok(rejected.length > 10 && rejected.length < 59)
    assert.ok(ended.failures.every(({ error }) => error.code === 'TIMEOUT'))
    fault.remove()
    await stage.run(producer.close())
  }))

test('a handler may send and close: nothing is lost, and close waits for what was taken', () =>
  onStage({}, async (stage) => {
    const seen: string[] = []
    let closing: Promise<unknown> | null = null
    const handler: AsyncResultHandler = {
      handleSuccess({ value }) {
        seen.push(String(value))
        if (value === 'first') {
          void producer.sendMessage({ topic: 'orders' }, 'second')
          closing = producer.close()
        }
      },
      handleError() {},
    }
    const settings = { batchSize: 1, batchIntervalMs: 0 }
    const producer = new BatchAsyncProducer(stage.target(), handler, settings, stage.environment)
    await stage.run(producer.sendMessage({ topic: 'orders' }, 'first'))
    await stage.clock.advance(10)
    await stage.run(Promise.resolve(closing))
    assert.deepEqual(seen, ['first', 'second'])
  }))

// A layer-1 sendBatch that was not awaited once ended the process, or was lost without a report.
for (const async of [true, false]) {
  test(`an unawaited sendBatch that fails is reported to onError, async ${async}`, async () => {
    const reported: string[] = []
    const onError = ({ code }: KafkaError): void => {
      reported.push(code)
    }
    const producer = new KafkaProducer({ brokers: '127.0.0.1:1', onError }, { async })
    await producer.close()
    const rejected = producer.sendBatch([{ topic: 't', value: 'x' }])
    await assert.rejects(rejected, { code: 'CLOSED' })
    void producer.sendBatch([{ topic: 't', value: 'x' }])
    if (async) assert.deepEqual(reported, ['CLOSED'])
  })
}
