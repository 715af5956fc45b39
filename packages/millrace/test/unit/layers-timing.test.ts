// When the batching senders hand over: by count, by time from the first message, by flush and
// close, and how long a message may take from then on. On the virtual clock, so that each moment is
// exact.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AsyncProducer } from '../../src/layers/async-producer.ts'
import { BatchAsyncProducer } from '../../src/layers/batch-async-producer.ts'
import { KafkaProducer } from '../../src/layers/kafka-producer.ts'
import { SyncProducer } from '../../src/layers/sync-producer.ts'
import type { ProducerOptions } from '../../src/producer/producer-options.ts'
import { onStage, type Stage } from '../layers/stage.ts'

interface Batching {
  send(value: string, topic?: string): Promise<unknown>
  flush(): Promise<void>
  close(): Promise<unknown>
}

type Make = (
  stage: Stage,
  batchSize: number,
  intervalMs: number,
  target?: Partial<ProducerOptions>,
  reported?: string[],
) => Batching

const layer1: Make = (stage, batchSize, batchTimeoutMs, target, reported = []) => {
  const producer = new KafkaProducer(
    stage.target(target),
    {
      batchSize,
      batchTimeoutMs,
      onSuccess: (_metadata, { value }) => reported.push(String(value)),
      onError: ({ code }) => reported.push(code),
    },
    stage.environment,
  )
  return {
    send: (value, topic = 'orders') => producer.send({ topic, value }),
    flush: () => producer.flush(),
    close: () => producer.close(),
  }
}

const layer2: Make = (stage, batchSize, batchIntervalMs, target, reported = []) => {
  const producer = new BatchAsyncProducer(
    stage.target(target),
    {
      handleSuccess: ({ value }) => reported.push(String(value)),
      handleError: ({ code }) => reported.push(code),
    },
    { batchSize, batchIntervalMs },
    stage.environment,
  )
  return {
    send: (value, topic = 'orders') => producer.sendMessage({ topic }, value),
    flush: () => producer.flush(),
    close: () => producer.close(),
  }
}

for (const [name, make] of Object.entries({ layer1, layer2 })) {
  test(`${name}: the very first message, too, leaves exactly one interval after its send`, () => {
    const latencyMs = 20
    return onStage(
      {},
      async (stage) => {
        const producer = make(stage, 1000, 3000)
        await stage.clock.advance(7)
        const start = stage.clock.now()
        await stage.run(producer.send('a'))
        await stage.clock.advance(1500)
        await stage.run(producer.send('b'))
        await stage.clock.advance(1500 + latencyMs - 1)
        assert.deepEqual(stage.produceTimes, [])
        await stage.clock.advance(1)
        assert.deepEqual([...new Set(stage.produceTimes)], [start + 3000 + latencyMs])
        assert.equal(stage.values().length, 2)
        await stage.run(producer.close())
      },
      latencyMs,
    )
  })

  test(`${name}: close hands over what is held, and ends though the broker is away`, () =>
    onStage({}, async (stage) => {
      const reported: string[] = []
      const producer = make(stage, 1000, 0, { deliveryTimeoutMs: 2000 }, reported)
      await stage.run(producer.send('warm'))
      await stage.run(producer.flush())
      await stage.run(producer.send('held'))
      stage.network.refuse(stage.address)
      stage.network.cut(stage.address)
      await stage.clock.advance(10_000)
      const start = stage.clock.now()
      await stage.run(producer.close(), 5000)
      assert.equal(stage.clock.now() - start, 2000)
      assert.deepEqual(reported, ['warm', 'DELIVERY_TIMEOUT'])
    }))

  test(`${name}: the count is over all topics, and a count begins a new interval`, () =>
    onStage({ topics: { clicks: 2 } }, async (stage) => {
      const producer = make(stage, 4, 1000)
      await stage.run(producer.send('warm'))
      await stage.run(producer.send('warm', 'clicks'))
      await stage.run(producer.flush())
      stage.produceTimes.length = 0
      const start = stage.clock.now()
      await stage.run(producer.send('a'))
      await stage.run(producer.send('b', 'clicks'))
      await stage.run(producer.send('c'))
      await stage.clock.advance(900)
      assert.deepEqual(stage.produceTimes, [])
      await stage.run(producer.send('d', 'clicks'))
      await stage.clock.advance(0)
      assert.deepEqual([...new Set(stage.produceTimes)], [start + 900])
      assert.equal(stage.values().length + stage.values('clicks').length, 6)
      await stage.run(producer.send('e'))
      stage.produceTimes.length = 0
      await stage.clock.advance(999)
      assert.deepEqual(stage.produceTimes, [])
      await stage.clock.advance(1)
      assert.deepEqual(stage.produceTimes, [start + 1900])
      await stage.run(producer.close())
    }))

  test(`${name}: an interval of 0 means by count only; flush and close hand over the rest`, () =>
    onStage({}, async (stage) => {
      const reported: string[] = []
      const producer = make(stage, 3, 0, { deliveryTimeoutMs: 2000 }, reported)
      await stage.run(producer.send('a'))
      await stage.clock.advance(3_600_000)
      assert.deepEqual([stage.values(), reported], [[], []])
      await stage.run(producer.flush())
      assert.deepEqual(reported, ['a'])
      await stage.run(producer.send('b'))
      await stage.clock.advance(3_600_000)
      await stage.run(producer.close())
      assert.deepEqual(reported, ['a', 'b'])
    }))

  test(`${name}: the delivery time of a held message begins when it is handed over`, () =>
    onStage({}, async (stage) => {
      const reported: string[] = []
      const producer = make(stage, 1000, 5000, { deliveryTimeoutMs: 2000 }, reported)
      await stage.run(producer.send('warm'))
      await stage.run(producer.flush())
      await stage.run(producer.send('late'))
      await stage.clock.advance(4000)
      stage.network.refuse(stage.address)
      stage.network.cut(stage.address)
      await stage.clock.advance(1000 + 1999)
      assert.deepEqual(reported, ['warm'])
      await stage.clock.advance(1)
      assert.deepEqual(reported, ['warm', 'DELIVERY_TIMEOUT'])
      await stage.run(producer.close())
    }))

  test(`${name}: messages flushed by count leave no timer behind`, () =>
    onStage({}, async (stage) => {
      const producer = make(stage, 10, 5000)
      for (let index = 0; index < 1000; index++) await stage.run(producer.send(`${index}`))
      await stage.clock.advance(500)
      assert.equal(stage.values().length, 1000)
      const before = stage.clock.timerWakeups
      await stage.clock.advance(10_000)
      assert.ok(stage.clock.timerWakeups - before <= 1)
      await stage.run(producer.close())
    }))
}

test('an idle layer wakes up 0 times in 5 s, used before or not', () =>
  onStage({}, async (stage) => {
    const target = stage.target()
    const { environment } = stage
    const settings = { batchSize: 5, batchIntervalMs: 20 }
    const senders = [
      new KafkaProducer(target, { batchTimeoutMs: 20 }, environment),
      new KafkaProducer(target, { async: false }, environment),
      new SyncProducer(target, environment),
      new AsyncProducer(target, undefined, environment),
      new BatchAsyncProducer(target, undefined, settings, environment),
    ]
    const idle = async (): Promise<number> => {
      const before = stage.clock.timerWakeups
      await stage.clock.advance(5000)
      return stage.clock.timerWakeups - before
    }
    assert.equal(await idle(), 0)
    for (const sender of senders) {
      await stage.run<unknown>(
        sender instanceof KafkaProducer
          ? sender.send({ topic: 'orders', value: 'x' })
          : sender.sendMessage({ topic: 'orders' }, 'x'),
      )
    }
    await stage.clock.advance(1000)
    assert.equal(stage.values().length, senders.length)
    assert.equal(await idle(), 0)
    for (const sender of senders) await stage.run(sender.close())
  }))
