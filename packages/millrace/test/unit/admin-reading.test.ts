// What Admin.readRecords does where a partition cannot be read: it reports each reason once, loses
// no record, and ends within its limit. On virtual time.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Admin, type KafkaError, Producer, type ReadRecordsOptions } from '../../src/index.ts'
import type { ProducerEnvironment } from '../../src/producer/environment.ts'
import type { Transport } from '../../src/runtime/transport.ts'
import { onStage, type Stage } from '../layers/stage.ts'

const always = { count: Number.POSITIVE_INFINITY }

interface Reading {
  readonly values: string[]
  readonly reasons: (string | null)[]
  readonly error: KafkaError | null
  readonly afterMs: number
}

const read = async (
  stage: Stage,
  options: ReadRecordsOptions,
  environment = stage.environment,
): Promise<Reading> => {
  const admin = new Admin(stage.target(), environment)
  const startMs = stage.clock.now()
  const values: string[] = []
  const reasons: (string | null)[] = []
  const onHeldUp = (reason: KafkaError | null): number => reasons.push(reason?.message ?? null)
  let error: KafkaError | null = null
  try {
    for await (const records of admin.readRecords('orders', { onHeldUp, ...options })) {
      for (const { value } of records) values.push(String(value))
    }
  } catch (thrown) {
    error = thrown as KafkaError
  }
  await admin.close()
  return { values, reasons, error, afterMs: stage.clock.now() - startMs }
}

const fill = async (stage: Stage, partitions: readonly number[]): Promise<void> => {
  const producer = new Producer(stage.target(), stage.environment)
  for (const partition of partitions) {
    const value = `${partition}-${stage.values().length}`
    await producer.send({ topic: 'orders', partition, value })
  }
  await producer.close()
}

/** The network flips a bit wherever it carries this text. */
const damage = ({ environment }: Stage, text: string): ProducerEnvironment => {
  const damaged = (bytes: Uint8Array): Uint8Array => {
    const copy = Buffer.from(bytes)
    const at = copy.indexOf(text)
    if (at >= 0) copy[at]! ^= 0x80
    return copy
  }
  const connect: Transport['connect'] = (address, handler) =>
    environment.transport.connect(address, {
      onConnect: () => handler.onConnect?.(),
      onData: (bytes) => handler.onData(damaged(bytes)),
      onClose: (error) => handler.onClose(error),
    })
  const resolve: Transport['resolve'] = (host) => environment.transport.resolve(host)
  return { ...environment, transport: { connect, resolve } }
}

describe('reading records', () => {
  it('ends after timeoutMs with the reason where the broker closes each connection', () =>
    onStage({}, async (stage) => {
      await stage.run(fill(stage, [0, 1]))
      const fault = stage.cluster.fault({ api: 'Fetch', close: true, ...always })
      const options = { until: 'latest', timeoutMs: 30_000 } as const
      const { values, reasons, error, afterMs } = await stage.run(read(stage, options))
      assert.deepEqual([values, error?.code, error?.retriable], [[], 'TIMEOUT', true])
      assert.match(error!.message, /^orders could not be read for 30000 ms: .+closed/)
      assert.equal((error!.cause as KafkaError).code, 'CONNECTION_LOST')
      assert.ok(afterMs >= 30_000 && afterMs < 32_000, `after ${afterMs} ms`)
      assert.equal(reasons.length, 1, 'the reason once')
      assert.match(reasons[0]!, /closed/)
      assert.ok(fault.hits < 60, `${fault.hits} requests in 30 s`)
    }))

  it('ends after a minute by default if it has an end', () =>
    onStage({}, async (stage) => {
      await stage.run(fill(stage, [0]))
      stage.cluster.fault({ api: 'Fetch', malformed: 'garbage', at: 'after', ...always })
      const { error, afterMs } = await stage.run(read(stage, { until: 'latest' }))
      assert.equal((error!.cause as KafkaError).code, 'MALFORMED_RESPONSE')
      assert.ok(afterMs >= 60_000 && afterMs < 62_000, `after ${afterMs} ms`)
    }))

  it('waits without a limit if it has no end, and reports when it continues', () =>
    onStage({}, async (stage) => {
      await stage.run(fill(stage, [0]))
      const fault = stage.cluster.fault({ api: 'Fetch', close: true, ...always })
      const abort = new AbortController()
      const reading = read(stage, { signal: abort.signal })
      await stage.clock.advance(600_000)
      fault.remove()
      await stage.clock.advance(5000)
      abort.abort()
      const { values, reasons, error } = await stage.run(reading)
      assert.deepEqual([values, error?.code], [['0-0'], 'ABORTED'])
      assert.deepEqual([reasons.length, reasons[1]], [2, null])
    }))

  it('reports no reason where one connection is lost or one leader moves', () =>
    onStage({}, async (stage) => {
      await stage.run(fill(stage, [0, 1]))
      stage.cluster.fault({ api: 'Fetch', close: true })
      stage.cluster.fault({ api: 'Fetch', error: 'NOT_LEADER_OR_FOLLOWER' })
      const { values, reasons, error } = await stage.run(read(stage, { until: 'latest' }))
      assert.deepEqual([values.sort(), reasons, error], [['0-0', '1-1'], [], null])
    }))

  // The records that a response held before the damaged batch were skipped.
  it('yields what is readable of a response, and names a batch with a wrong checksum', () =>
    onStage({}, async (stage) => {
      await stage.run(fill(stage, [0, 1, 1, 2]))
      const network = damage(stage, '1-2')
      const { values, reasons, error } = await stage.run(read(stage, { until: 'latest' }, network))
      assert.deepEqual(values.sort(), ['0-0', '1-1', '2-3'])
      assert.equal(error?.code, 'TIMEOUT')
      assert.match(error!.message, /The checksum of the batch at partition 1, offset 1 is wrong$/)
      assert.equal(reasons.length, 1)
    }))

  it('loses no record where another partition of the response has an error', () =>
    onStage({}, async (stage) => {
      await stage.run(fill(stage, [0, 1, 2]))
      stage.cluster.fault({ api: 'Fetch', partition: 2, error: 'KAFKA_STORAGE_ERROR', count: 5 })
      const { values, reasons, error } = await stage.run(read(stage, { until: 'latest' }))
      assert.deepEqual([values.sort(), error], [['0-0', '1-1', '2-2'], null])
      assert.match(reasons[0]!, /a disk of the broker's failed/)
      assert.deepEqual([reasons.length, reasons[1]], [2, null])
    }))

  it('rejects a limit that is not a time', () =>
    onStage({}, async (stage) => {
      const { error } = await stage.run(read(stage, { timeoutMs: 0 }))
      assert.equal(error?.code, 'INVALID_ARGUMENT')
      assert.match(error!.message, /^timeoutMs must be/)
    }))
})
