// One check for each of the original's fourteen defects. A check sets its own stage, makes its
// subject, and throws where the defect is there.

import assert from 'node:assert/strict'
import type { ClusterOptions } from '../../src/in-process-cluster/cluster-options.ts'
import { BatchError } from '../../src/layers/batch-error.ts'
import type { Message } from '../../src/layers/message.ts'
import { defaultProducerConfig, type ProducerConfig } from '../../src/layers/producer-config.ts'
import type { ProducerOptions } from '../../src/producer/producer-options.ts'
import type { RecordMetadata } from '../../src/producer/record.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'
import { onStage, type Stage } from './stage.ts'
import type { Make, Subject } from './subject.ts'

export type Check = (make: Make) => Promise<void>

/** The results that the callbacks received. */
class Reported {
  readonly delivered: { readonly message: Message; readonly metadata: RecordMetadata }[] = []
  readonly failed: { readonly message: Message; readonly error: KafkaError }[] = []

  get count(): number {
    return this.delivered.length + this.failed.length
  }

  readonly callbacks = {
    onSuccess: (metadata: RecordMetadata, message: Message) => {
      this.delivered.push({ message, metadata })
    },
    onError: (error: KafkaError, message: Message) => {
      this.failed.push({ message, error })
    },
  }
}

interface Scene {
  readonly stage: Stage
  readonly reported: Reported
  readonly make: (config?: Partial<ProducerConfig>, target?: Partial<ProducerOptions>) => Subject
}

const scene =
  (options: ClusterOptions, body: (scene: Scene) => Promise<void>): Check =>
  (make) =>
    onStage(options, (stage) => {
      const reported = new Reported()
      return body({
        stage,
        reported,
        make: (config, target) =>
          make({
            target: stage.target(target),
            config: { ...defaultProducerConfig(), ...reported.callbacks, ...config },
            environment: stage.environment,
          }),
      })
    })

const message = (value: string, rest: Partial<Message> = {}): Message => ({
  topic: 'orders',
  value,
  ...rest,
})

const count = (length: number): Message[] =>
  Array.from({ length }, (_, index) => message(String(index), { key: `k${index}` }))

const small = { topics: { small: { partitions: 1, config: { 'max.message.bytes': '200' } } } }
const tooLarge = message('x'.repeat(500), { topic: 'small' })

export const closeTellsTheLastBatch = scene(small, async ({ stage, reported, make }) => {
  const subject = make()
  await stage.run(subject.sendBatch([...count(5), tooLarge]))
  await stage.run(subject.close())
  assert.equal(reported.delivered.length, 5)
  assert.deepEqual(
    reported.failed.map(({ error }) => error.code),
    ['RECORD_TOO_LARGE'],
  )
})

export const timerStartsWithAnyFirstBatch = scene({}, async ({ stage, make }) => {
  const subject = make({ batchTimeoutMs: 50 })
  await stage.run(subject.sendBatch(count(3)))
  await stage.clock.advance(60)
  assert.equal(stage.values().length, 3)
})

export const batchErrorNamesEveryFailure = scene(small, async ({ stage, make }) => {
  const subject = make({ async: false })
  const fine = message('x', { topic: 'small' })
  const sent = subject.sendBatch([fine, tooLarge, fine, { ...fine, value: 1 as never }, fine])
  const error = await stage.run(
    sent.then(
      () => null,
      (reason: unknown) => reason,
    ),
  )
  assert.ok(error instanceof BatchError, String(error))
  assert.deepEqual(
    error.failures.map((failure) => [failure.index, failure.error.code]),
    [
      [1, 'RECORD_TOO_LARGE'],
      [3, 'INVALID_ARGUMENT'],
    ],
  )
  assert.equal(error.delivered, 3)
  assert.equal(stage.values('small').length, 3)
})

export const closeCrashesNoSend = scene({}, async ({ stage, reported, make }) => {
  const subject = make({ batchSize: 10 })
  let taken = 0
  const send = async (each: Message): Promise<void> => {
    try {
      await subject.send(each)
      taken++
    } catch (error) {
      assert.ok(error instanceof KafkaError, String(error))
      assert.equal(error.code, 'CLOSED')
    }
  }
  const sends = count(100).map(send)
  const closed = subject.close()
  sends.push(...count(100).map(send))
  await stage.run(Promise.all([...sends, closed]))
  assert.equal(taken, 100)
  assert.equal(reported.count, taken)
})

export const closeTwiceIsOnce = scene({}, async ({ stage, reported, make }) => {
  const subject = make()
  await stage.run(subject.sendBatch(count(3)))
  await stage.run(Promise.all([subject.close(), subject.close()]))
  await stage.run(subject.close())
  assert.equal(reported.delivered.length, 3)
})

export const deadlineHoldsOnTheWay = scene({}, async ({ stage, reported, make }) => {
  const subject = make({ async: false })
  await stage.run(subject.send(message('warm')))
  const fault = stage.cluster.fault({ api: 'Produce', drop: true, count: Number.POSITIVE_INFINITY })
  const start = stage.clock.now()
  const late = subject.send(message('late'), { timeoutMs: 100 })
  await assert.rejects(stage.run(late, 200), { code: 'TIMEOUT', persisted: 'maybe' })
  assert.equal(stage.clock.now() - start, 100)
  const controller = new AbortController()
  const ended = subject.sendBatch([message('ended')], { signal: controller.signal })
  await stage.clock.advance(50)
  controller.abort()
  await assert.rejects(stage.run(ended, 1), { code: 'ABORTED' })
  const handled = make({ batchSize: 1 })
  await stage.run(handled.send(message('handled'), { timeoutMs: 100 }))
  await stage.clock.advance(100)
  assert.deepEqual(
    reported.failed.map(({ error }) => error.code),
    ['TIMEOUT'],
  )
  fault.remove()
})

export const idleWakesNothing = scene({}, async ({ stage, make }) => {
  const subject = make({ batchTimeoutMs: 20 })
  await stage.run(subject.sendBatch(count(3)))
  await stage.clock.advance(1000)
  assert.equal(stage.values().length, 3)
  const before = stage.clock.timerWakeups
  await stage.clock.advance(5000)
  assert.equal(stage.clock.timerWakeups - before, 0)
  await stage.run(subject.close())
})

export const everythingGoesInAndComesOut = scene({}, async ({ stage, reported, make }) => {
  const full = message('full', {
    key: 'k',
    headers: { trace: 'abc' },
    timestamp: 1_700_000_000_000,
    partition: 2,
  })
  const sync = make({ async: false })
  const metadata = (await stage.run(sync.send(full))) as RecordMetadata
  assert.deepEqual(
    [metadata?.topic, metadata?.partition, metadata?.offset, metadata?.timestamp],
    ['orders', 2, 0, 1_700_000_000_000],
  )
  const handled = make({ batchSize: 1 })
  await stage.run(handled.send(full))
  await stage.run(handled.close())
  assert.equal(reported.delivered[0]?.message, full)
  assert.equal(reported.delivered[0]?.metadata.offset, 1)
  for (const { partition, timestamp, headers } of stage.cluster.records('orders')) {
    assert.deepEqual([partition, timestamp], [2, 1_700_000_000_000])
    assert.deepEqual(headers, [['trace', Buffer.from('abc')]])
  }
})

export const intervalIsTheConfiguredOne = scene({}, async ({ stage, make }) => {
  const subject = make({ batchTimeoutMs: 250 })
  for (let round = 0; round < 3; round++) {
    const start = stage.clock.now()
    await stage.run(subject.send(message('first')))
    await stage.clock.advance(100)
    await stage.run(subject.send(message('second')))
    stage.produceTimes.length = 0
    await stage.clock.advance(400)
    assert.deepEqual(stage.produceTimes, [start + 250])
  }
})

export const keylessMessagesSpread = scene({}, async ({ stage, make }) => {
  const subject = make({ batchSize: 1 })
  for (let index = 0; index < 24; index++) {
    await stage.run(subject.send(message('x'.repeat(100_000))))
  }
  await stage.run(subject.close())
  const records = stage.cluster.records('orders')
  assert.equal(records.length, 24)
  const partitions = new Set(records.map(({ partition }) => partition))
  assert.ok(partitions.size > 1, `all on partition ${[...partitions]}`)
  assert.ok(records.every(({ key }) => key === null))
})

export const closedRejectsInBothModes = scene({}, async ({ stage, make }) => {
  for (const async of [true, false]) {
    const subject = make({ async })
    await stage.run(subject.send(message('x')))
    await stage.run(subject.close())
    const requests = stage.produceTimes.length
    await assert.rejects(stage.run(subject.sendBatch(count(2))), { code: 'CLOSED', kind: 'usage' })
    await assert.rejects(stage.run(subject.send(message('x'))), { code: 'CLOSED' })
    await stage.clock.advance(10_000)
    assert.equal(stage.produceTimes.length, requests)
  }
})

export const callersObjectsStayAsTheyWere: Check = (make) =>
  onStage({}, async (stage) => {
    const target = stage.target()
    const config = { batchSize: 0, batchTimeoutMs: -1, async: true }
    const before = [{ ...target }, { ...config }]
    const subject = make({ target, config, environment: stage.environment })
    const sent = message('x', { headers: { a: '1' } })
    await stage.run(subject.send(sent))
    await stage.run(subject.close())
    assert.deepEqual([target, config], before)
    assert.deepEqual(sent, { topic: 'orders', value: 'x', headers: { a: '1' } })
  })

export const callbacksDelayNobody = scene({}, async ({ stage, make }) => {
  const called: string[] = []
  const subject = make({
    batchSize: 1,
    onSuccess: (_metadata, { value }) => {
      called.push(String(value))
      if (value === '0') return new Promise(() => {})
      if (value === '1') throw new Error('thrown by a callback')
      if (value === '2') return Promise.reject(new Error('rejected by a callback'))
      return undefined
    },
  })
  for (let index = 0; index < 12; index++) {
    await stage.run(subject.send(message(String(index), { partition: 0 })))
  }
  await stage.run(subject.close())
  assert.deepEqual(
    called,
    count(12).map(({ value }) => value),
  )
  assert.equal(stage.values().length, 12)
  assert.equal(stage.logged.filter((line) => line.includes('by a callback')).length, 2)
})

/** 64 KiB of memory hold at most this many messages of 1 KiB. */
const takenMax = 64

export const bufferIsBounded = scene({}, async ({ stage, reported, make }) => {
  const target = { bufferMemoryBytes: 64 * 1024 }
  const subject = make({ batchSize: 1_000_000, batchTimeoutMs: 0 }, target)
  stage.network.refuse(stage.address)
  const outcome = { taken: 0, rejected: 0 }
  const sends = Array.from({ length: 1000 }, () =>
    subject.send(message('x'.repeat(1024))).then(
      () => outcome.taken++,
      (error: KafkaError) => {
        assert.equal(error.code, 'BUFFER_FULL')
        outcome.rejected++
      },
    ),
  )
  await stage.clock.advance(1000)
  assert.ok(outcome.taken <= takenMax, `${outcome.taken} messages were taken`)
  assert.ok(outcome.rejected >= 1000 - takenMax)
  stage.network.endOutage(stage.address)
  await stage.run(Promise.all(sends))
  await stage.run(subject.close())
  assert.equal(reported.delivered.length, outcome.taken)
  assert.equal(stage.values().length, outcome.taken)
})
