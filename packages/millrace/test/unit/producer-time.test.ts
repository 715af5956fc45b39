// How long a producer takes, to the millisecond: on virtual time, so that a slow or busy machine
// changes nothing. The tests of the same names on sockets show what else these calls do.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { KafkaError, Producer, type ProducerOptions } from '../../src/index.ts'
import { onStage, type Stage } from '../layers/stage.ts'
import { holdBack, numbered } from './producer-kit.ts'

const record = { topic: 'orders', value: 'x', partition: 0 }

const producerOn = (stage: Stage, options: Partial<ProducerOptions> = {}): Producer =>
  new Producer(stage.target({ onError: () => {}, ...options }), stage.environment)

interface Outcome {
  /** Null where nothing failed. */
  readonly error: KafkaError | null
  /** Since the call. */
  readonly afterMs: number
}

/** The outcome of a call, and when. Virtual time moves while the caller runs the stage. */
const outcomeOf = async (stage: Stage, promise: Promise<unknown>): Promise<Outcome> => {
  const startMs = stage.clock.now()
  const error = await promise.then(
    (value) => (value as { results?: unknown[] } | undefined)?.results?.[0],
    (thrown: unknown) => thrown,
  )
  const afterMs = stage.clock.now() - startMs
  return { error: error instanceof KafkaError ? error : null, afterMs }
}

/** Code and time: what these tests compare. */
const shown = ({ error, afterMs }: Outcome): string => `${error?.code ?? 'ok'} @${afterMs}`

describe('a broker that never responds', () => {
  it('delays close() by its timeout at most', () =>
    onStage({}, async (stage) => {
      stage.cluster.node(1).blackHole(true)
      const producer = producerOn(stage)
      const sends = numbered('orders', 10).map((one) => outcomeOf(stage, producer.send(one)))
      const closing = await stage.run(outcomeOf(stage, producer.close({ timeoutMs: 200 })))
      assert.equal(closing.afterMs, 200)
      const outcomes = await stage.run(Promise.all(sends))
      assert.deepEqual(outcomes.map(shown), new Array(10).fill('ABORTED @200'))
    }))

  for (const [name, call] of Object.entries({
    send: (producer: Producer) => producer.send(record, { timeoutMs: 60 }),
    sendBatch: (producer: Producer) => producer.sendBatch([record], { timeoutMs: 60 }),
    flush: (producer: Producer) => producer.flush({ timeoutMs: 60 }),
    connect: (producer: Producer) => producer.connect({ timeoutMs: 60 }),
    partitionsFor: (producer: Producer) => producer.partitionsFor('orders', { timeoutMs: 60 }),
  })) {
    it(`delays ${name} by the call's timeout at most`, () =>
      onStage({}, async (stage) => {
        stage.cluster.node(1).blackHole(true)
        const producer = producerOn(stage)
        if (name === 'flush') outcomeOf(stage, producer.send(record))
        const outcome = await stage.run(outcomeOf(stage, call(producer)))
        assert.equal(shown(outcome), 'TIMEOUT @60')
        producer.destroy()
      }))
  }
})

describe('without a broker', () => {
  it('each call ends with its own limit, or with that of the option', () =>
    onStage({}, async (stage) => {
      stage.network.refuse(stage.address)
      const producer = producerOn(stage, { maxBlockMs: 1000, unknownTopicTimeoutMs: 300 })
      const calls = {
        send: producer.send(record),
        limited: producer.send(record, { timeoutMs: 200 }),
        sendBatch: producer.sendBatch([record]),
        partitionsFor: producer.partitionsFor('orders'),
      }
      const outcomes: Record<string, string> = {}
      for (const [name, promise] of Object.entries(calls)) {
        outcomeOf(stage, promise).then((outcome) => {
          outcomes[name] = shown(outcome)
        })
      }
      await stage.run(outcomeOf(stage, producer.flush()))
      await stage.run(outcomeOf(stage, calls.partitionsFor))
      assert.deepEqual(outcomes, {
        send: 'METADATA_TIMEOUT @1000',
        limited: 'TIMEOUT @200',
        sendBatch: 'METADATA_TIMEOUT @1000',
        partitionsFor: 'METADATA_TIMEOUT @1000',
      })
      producer.destroy()
    }))
})

describe('options of time', () => {
  it('deliveryTimeoutMs ends what is retried, to the millisecond', () =>
    onStage({}, async (stage) => {
      const backoff = { retryBackoffMs: 150, retryBackoffMaxMs: 150 }
      const producer = producerOn(stage, { deliveryTimeoutMs: 200, ...backoff })
      await stage.run(producer.send(record))
      const count = Number.POSITIVE_INFINITY
      stage.cluster.fault({ api: 'Produce', error: 'NOT_ENOUGH_REPLICAS', count })
      const outcome = await stage.run(outcomeOf(stage, producer.send(record)))
      assert.equal(shown(outcome), 'DELIVERY_TIMEOUT @200')
      assert.equal(outcome.error?.attempts, 2)
      await stage.run(producer.close())
    }))

  it('maxBlockMs ends the wait behind a large sendBatch in progress, and not the sendBatch', () =>
    onStage({}, async (stage) => {
      const buffer = { bufferMemoryBytes: 1 << 16, batchBytes: 1 << 12 }
      const producer = producerOn(stage, { ...buffer, maxBlockMs: 400 })
      await stage.run(producer.send(record))
      stage.cluster.fault({ api: 'Produce', delayMs: 20, count: Number.POSITIVE_INFINITY })
      const records = Array.from({ length: 1500 }, () => ({ ...record, value: 'x'.repeat(400) }))
      const batch = outcomeOf(stage, producer.sendBatch(records))
      const behind = await stage.run(outcomeOf(stage, producer.send(record)))
      assert.equal(shown(behind), 'BUFFER_TIMEOUT @400')
      const { error, afterMs } = await stage.run(batch)
      assert.ok(error === null && afterMs > 800, `the batch took ${afterMs} ms`)
      await stage.run(producer.close())
    }))

  it('unknownTopicTimeoutMs delays records of the missing topic, and no others', () =>
    onStage({ autoCreateTopics: false }, async (stage) => {
      const backoff = { retryBackoffMs: 50, retryBackoffMaxMs: 50 }
      const producer = producerOn(stage, { unknownTopicTimeoutMs: 300, ...backoff })
      const waiting = [
        outcomeOf(stage, producer.send({ topic: 'nowhere', value: 'x' })),
        outcomeOf(stage, producer.partitionsFor('nowhere')),
      ]
      const others = numbered('orders', 100).map((one) => outcomeOf(stage, producer.send(one)))
      for (const other of await stage.run(Promise.all(others))) assert.equal(shown(other), 'ok @0')
      // Metadata that is requested after that time shows it: a pause of 50 ms, a fifth more or
      // less.
      for (const { error, afterMs } of await stage.run(Promise.all(waiting))) {
        assert.equal(error?.code, 'UNKNOWN_TOPIC')
        assert.ok(afterMs >= 300 && afterMs <= 360, `${afterMs} ms`)
      }
      const wrong = producer.send({ topic: 'no spaces', value: 'x' })
      assert.equal(shown(await stage.run(outcomeOf(stage, wrong))), 'INVALID_ARGUMENT @0')
      await stage.run(producer.close())
    }))
})

it("a throttled producer waits for the broker's throttle time", () =>
  onStage({}, async (stage) => {
    const producer = producerOn(stage)
    await stage.run(producer.send(record))
    stage.cluster.fault({ api: 'Produce', throttleMs: 300 })
    await stage.run(producer.send(record))
    const outcome = await stage.run(outcomeOf(stage, producer.send(record)))
    assert.equal(shown(outcome), 'ok @300')
    await stage.run(producer.close())
  }))

it('close waits a second at most for its last push of metrics, destroy not at all', async () => {
  for (const end of ['close', 'destroy'] as const) {
    await onStage({ telemetry: { pushIntervalMs: 300_000 } }, async (stage) => {
      const producer = producerOn(stage)
      await stage.run(producer.send(record))
      const { requests } = stage.cluster
      await stage.clock.runUntil(() => requests.GetTelemetrySubscriptions === 1, 60_000)
      await stage.run(producer.send(record))
      holdBack(stage.cluster, { api: 'PushTelemetry' })
      const startMs = stage.clock.now()
      if (end === 'destroy') producer.destroy()
      await stage.run(producer.close())
      assert.equal(stage.clock.now() - startMs, end === 'close' ? 1000 : 0)
    })
  }
})

// Twelve requests a second were sent as long as the coordinator rejected them.
describe('a coordinator whose previous transaction never ends', () => {
  const offsets = [{ topic: 'orders', partition: 0, offset: 1 }]
  for (const api of [
    'InitProducerId',
    'AddPartitionsToTxn',
    'AddOffsetsToTxn',
    'EndTxn',
  ] as const) {
    it(`gets about one ${api} a second from each producer`, () =>
      onStage({ transactions: { version: 0 } }, async (stage) => {
        const { cluster, clock } = stage
        const at: number[] = []
        cluster.fault({
          api,
          error: 'CONCURRENT_TRANSACTIONS',
          count: Number.POSITIVE_INFINITY,
          when: () => {
            at.push(clock.now())
            return true
          },
        })
        const producer = producerOn(stage, { transactionalId: 'x', retryBackoffMaxMs: 1000 })
        const run = async (): Promise<void> => {
          const transaction = await producer.beginTransaction()
          if (api === 'AddOffsetsToTxn') await transaction.sendOffsets(offsets, 'group')
          await transaction.send(record)
          await transaction.commit()
        }
        const outcome = outcomeOf(stage, run())
        await clock.advance(60_000)
        const gaps = at.slice(1).map((moment, index) => moment - at[index]!)
        assert.ok(gaps[0]! < 10, 'the first retry comes soon: the end takes a few milliseconds')
        assert.ok(Math.max(...gaps) <= 1001, `${Math.max(...gaps)} ms between two requests`)
        assert.ok(at.length <= 95, `${at.length} requests in a minute`)
        producer.destroy()
        await stage.run(outcome)
      }))
  }
})
