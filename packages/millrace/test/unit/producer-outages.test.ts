// What a producer says while its records can't be delivered: one warning soon, one line when it is
// over, status() for probes, and what connect() and close() make of it. On virtual time.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type KafkaError, type Logger, Producer, type ProducerOptions } from '../../src/index.ts'
import { onStage, type Stage } from '../layers/stage.ts'
import { rejectionOf } from './producer-kit.ts'

interface LoggedLine {
  readonly level: 'info' | 'warn' | 'error'
  readonly message: string
  readonly atMs: number
}

const record = { topic: 'orders', value: 'x', partition: 0 }

/** A producer on the stage, and what it logs. */
const watched = (stage: Stage, options: Partial<ProducerOptions> = {}) => {
  const lines: LoggedLine[] = []
  const at = (level: LoggedLine['level']) => (message: string) => {
    lines.push({ level, message, atMs: stage.clock.now() })
  }
  const logger: Logger = { debug() {}, info: at('info'), warn: at('warn'), error: at('error') }
  const target = stage.target({ logger, ...options })
  return { lines, producer: new Producer(target, stage.environment) }
}

const levels = (lines: readonly LoggedLine[]): string[] => lines.map(({ level }) => level)

const pause = (stage: Stage, delayMs: number): Promise<void> =>
  stage.run(new Promise((resolve) => void stage.clock.setTimer(delayMs, resolve)))

/** Sends a record each 10 ms for so long; the promises. */
const sendFor = async (stage: Stage, producer: Producer, ms: number) => {
  const sends: Promise<unknown>[] = []
  for (let passedMs = 0; passedMs < ms; passedMs += 10) {
    sends.push(producer.send(record))
    await pause(stage, 10)
  }
  return sends
}

describe('an outage', () => {
  it('of all brokers is one warning within 2 s and one line when it is over', () =>
    onStage({}, async (stage) => {
      const { lines, producer } = watched(stage)
      await stage.run(producer.send(record))
      stage.network.refuse(stage.address)
      const startMs = stage.clock.now()
      stage.network.cut(stage.address)
      const sends = await sendFor(stage, producer, 20_000)
      assert.equal(lines.length, 1, lines.map(({ message }) => message).join('\n'))
      assert.equal(lines[0]!.level, 'warn')
      assert.ok(lines[0]!.atMs - startMs <= 2_000, `after ${lines[0]!.atMs - startMs} ms`)
      assert.match(lines[0]!.message, /no broker .*refused/i)
      assert.match(lines[0]!.message, new RegExp(stage.cluster.node(1).address))
      stage.network.endOutage(stage.address)
      await stage.run(Promise.all(sends))
      await pause(stage, 5_000)
      assert.equal(lines.length, 2)
      assert.equal(lines[1]!.level, 'info')
      assert.match(lines[1]!.message, /after 2[0-2]\.\d s.*2,0\d\d records waited/)
      await stage.run(producer.close())
    }))

  it('from the start is one warning that names address and reason', () =>
    onStage({}, async (stage) => {
      stage.network.refuse(stage.address)
      const { lines, producer } = watched(stage, { maxBlockMs: 60_000 })
      const send = producer.send(record)
      await pause(stage, 2_000)
      assert.deepEqual(levels(lines), ['warn'])
      assert.match(lines[0]!.message, new RegExp(`${stage.cluster.node(1).address}.*refused`))
      await pause(stage, 50_000)
      assert.equal(lines.length, 1)
      stage.network.endOutage(stage.address)
      await stage.run(send)
      await pause(stage, 2_000)
      assert.deepEqual(levels(lines), ['warn', 'info'])
      await stage.run(producer.close())
    }))

  it('in which many records fail is one error line besides', () =>
    onStage({}, async (stage) => {
      stage.network.refuse(stage.address)
      const { lines, producer } = watched(stage, { maxBlockMs: 5_000 })
      const sends = await sendFor(stage, producer, 30_000)
      await stage.run(Promise.allSettled(sends))
      assert.deepEqual(levels(lines), ['warn', 'error'])
      stage.network.endOutage(stage.address)
      await stage.run(producer.send(record))
      await pause(stage, 2_000)
      assert.deepEqual(levels(lines), ['warn', 'error', 'info'])
      assert.match(lines[2]!.message, /3,000 failed/)
      await stage.run(producer.close())
    }))

  it('of one partition is a warning that names topic and cause', () =>
    onStage({}, async (stage) => {
      const { lines, producer } = watched(stage)
      await stage.run(producer.send(record))
      const count = Number.POSITIVE_INFINITY
      const fault = stage.cluster.fault({ api: 'Produce', error: 'NOT_ENOUGH_REPLICAS', count })
      const sends = await sendFor(stage, producer, 10_000)
      assert.deepEqual(levels(lines), ['warn'])
      assert.match(lines[0]!.message, /orders.*NOT_ENOUGH_REPLICAS/)
      fault.remove()
      await stage.run(Promise.all(sends))
      await pause(stage, 2_000)
      assert.deepEqual(levels(lines), ['warn', 'info'])
      await stage.run(producer.close())
    }))

  it('of a topic that does not exist is a warning that names it', () =>
    onStage({ autoCreateTopics: false }, async (stage) => {
      const { lines, producer } = watched(stage, { allowAutoTopicCreation: false })
      const send = producer.send({ topic: 'missing', value: 'x' }).catch(() => {})
      await pause(stage, 2_000)
      assert.deepEqual(levels(lines), ['warn'])
      assert.match(lines[0]!.message, /missing/)
      await stage.run(send)
      await stage.run(producer.close())
    }))

  it('that ends with a retry is not logged', () =>
    onStage({}, async (stage) => {
      const { lines, producer } = watched(stage)
      await stage.run(producer.send(record))
      stage.cluster.fault({ api: 'Produce', error: 'NOT_ENOUGH_REPLICAS', count: 2 })
      await stage.run(producer.send(record))
      await pause(stage, 5_000)
      assert.deepEqual(lines, [])
      await stage.run(producer.close())
    }))

  it('of a full buffer without progress is a warning with its size', () =>
    onStage({}, async (stage) => {
      const { lines, producer } = watched(stage, { bufferMemoryBytes: 1 << 20 })
      await stage.run(producer.send(record))
      stage.cluster.fault({ api: 'Produce', drop: true, count: 1 })
      const value = 'x'.repeat(10_000)
      while (producer.enqueue({ ...record, value }));
      await pause(stage, 2_000)
      assert.deepEqual(levels(lines), ['warn'])
      assert.match(lines[0]!.message, /buffer .*1,048,576 bytes.* full/)
      producer.destroy()
    }))

  it('ends without a line where the producer is closed', () =>
    onStage({}, async (stage) => {
      stage.network.refuse(stage.address)
      const { lines, producer } = watched(stage, { onError: () => {} })
      producer.enqueue(record)
      await pause(stage, 3_000)
      await stage.run(producer.close({ timeoutMs: 100 }))
      await pause(stage, 5_000)
      assert.deepEqual(levels(lines), ['warn'])
    }))
})

describe('connect()', () => {
  it('keeps trying until a broker responds', () =>
    onStage({}, async (stage) => {
      stage.network.refuse(stage.address)
      const { producer, lines } = watched(stage)
      const connecting = producer.connect()
      await pause(stage, 20_000)
      assert.deepEqual(levels(lines), ['warn'])
      stage.network.endOutage(stage.address)
      await stage.run(connecting)
      await stage.run(producer.close())
    }))

  it('is logged without a number of records while none was sent', () =>
    onStage({}, async (stage) => {
      stage.network.refuse(stage.address)
      const { producer, lines } = watched(stage)
      const connecting = producer.connect()
      await pause(stage, 5_000)
      stage.network.endOutage(stage.address)
      await stage.run(connecting)
      await pause(stage, 5_000)
      assert.deepEqual(levels(lines), ['warn', 'info'])
      assert.match(lines[0]!.message, /refused.*\. Trying again until it is over\.$/)
      assert.match(lines[1]!.message, /available again after \d\.\d s; no record waited\.$/)
      await stage.run(producer.close())
    }))

  it('ends after 30 s, or its timeoutMs, with TIMEOUT and the reason', () =>
    onStage({}, async (stage) => {
      stage.network.refuse(stage.address)
      const { producer } = watched(stage)
      for (const [options, ms] of [
        [undefined, 30_000],
        [{ timeoutMs: 5_000 }, 5_000],
      ] as const) {
        const startMs = stage.clock.now()
        const error = await stage.run(rejectionOf(producer.connect(options)))
        assert.equal(stage.clock.now() - startMs, ms)
        assert.deepEqual([error.code, error.kind], ['TIMEOUT', 'retriable'])
        assert.match(error.message, new RegExp(`connect\\(\\).* ${ms} ms.*refused`))
        assert.equal((error.cause as KafkaError).code, 'CONNECTION_FAILED')
      }
      await stage.run(producer.close())
    }))

  it('ends with the round where timeoutMs is 0', () =>
    onStage({}, async (stage) => {
      stage.network.refuse(stage.address)
      const { producer } = watched(stage)
      const error = await stage.run(rejectionOf(producer.connect({ timeoutMs: 0 })))
      assert.equal(error.code, 'CONNECTION_FAILED')
      await stage.run(producer.close())
    }))
})

describe('status()', () => {
  it('is not ready during an outage, says why, and is ready afterwards', () =>
    onStage({}, async (stage) => {
      const { producer } = watched(stage)
      assert.deepEqual(producer.status().brokers, { known: 0, connected: 0 })
      assert.equal(producer.status().isReady, true)
      await stage.run(producer.send(record))
      const well = producer.status()
      assert.deepEqual([well.isReady, well.lastError, well.disconnectedSince], [true, null, null])
      assert.deepEqual(well.brokers, { known: 1, connected: 1 })
      assert.deepEqual([well.unacknowledgedRecords, well.oldestUnacknowledgedMs], [0, null])
      stage.network.refuse(stage.address)
      stage.network.cut(stage.address)
      const since = stage.clock.wallTime()
      const sends = await sendFor(stage, producer, 3_000)
      const ill = producer.status()
      assert.equal(ill.isReady, false)
      assert.deepEqual(ill.brokers, { known: 1, connected: 0 })
      assert.ok(Math.abs(ill.disconnectedSince! - since) < 50)
      assert.match(ill.lastError!.message, /refused/)
      assert.equal(ill.unacknowledgedRecords, 300)
      assert.ok(ill.oldestUnacknowledgedMs! > 2_900 && ill.bufferUsedBytes > 300)
      assert.equal(JSON.parse(JSON.stringify(ill)).state, 'open')
      stage.network.endOutage(stage.address)
      await stage.run(Promise.all(sends))
      await pause(stage, 1_000)
      assert.equal(producer.status().isReady, true)
      await stage.run(producer.close())
      assert.deepEqual([producer.status().state, producer.status().isReady], ['closed', false])
    }))
})

describe('close()', () => {
  it('reports as undelivered what it could not deliver, not what failed long ago', () =>
    onStage({}, async (stage) => {
      const { producer } = watched(stage, { onError: () => {} })
      await stage.run(rejectionOf(producer.send({ ...record, value: 'x'.repeat(9e6) })))
      await stage.run(producer.send(record))
      const report = await stage.run(producer.close({ timeoutMs: 10_000 }))
      assert.deepEqual(report, { delivered: 1, failed: 1, undelivered: 0 })
    }))

  it('reports as undelivered what its limit ended', () =>
    onStage({}, async (stage) => {
      const { producer } = watched(stage, { onError: () => {} })
      await stage.run(producer.send(record))
      stage.network.blackHole(stage.address)
      for (let index = 0; index < 5; index++) producer.enqueue(record)
      const report = await stage.run(producer.close({ timeoutMs: 100 }))
      assert.deepEqual(report, { delivered: 1, failed: 5, undelivered: 5 })
    }))
})
