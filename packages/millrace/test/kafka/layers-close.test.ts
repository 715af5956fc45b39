// The original's defects that lose messages or break close, on a real Kafka: ours passes, the
// stand-in that has the defect does not. Their checks under virtual time are in test/layers/.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Message } from '../../src/layers/message.ts'
import { defaultProducerConfig, type ProducerConfig } from '../../src/layers/producer-config.ts'
import type { ProducerOptions } from '../../src/producer/producer-options.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import * as standIns from '../layers/stand-ins.ts'
import { closeLeftovers, layer1, layer2, type Make } from '../layers/subject.ts'
import { javaConsume, type Kafka, startKafka } from './fixture/index.ts'

let kafka: Kafka
let topicCount = 0

before(async () => {
  kafka = await startKafka()
})

after(() => kafka?.close())

class Results {
  readonly delivered: string[] = []
  readonly failed: string[] = []

  config(config: Partial<ProducerConfig> = {}): ProducerConfig {
    return {
      ...defaultProducerConfig(),
      onSuccess: (_metadata, { value }) => this.delivered.push(String(value)),
      onError: ({ code }) => this.failed.push(code),
      ...config,
    }
  }
}

interface Scene {
  readonly topic: string
  readonly results: Results
  readonly make: (
    config?: Partial<ProducerConfig>,
    target?: Partial<ProducerOptions>,
  ) => ReturnType<Make>
  /** What Java's consumer finds in the topic. */
  readonly stored: () => Promise<string[]>
}

/** Runs the body with ours, in both layers, and expects it to fail with the stand-in. */
const onBoth = (
  standIn: Make,
  symptom: RegExp,
  body: (scene: Scene) => Promise<void>,
): (() => Promise<void>) => {
  const run = async (make: Make): Promise<void> => {
    const topic = `close-${topicCount++}`
    await kafka.admin.createTopic(topic, {
      partitions: 2,
      configs: { 'max.message.bytes': '2000' },
    })
    const results = new Results()
    await body({
      topic,
      results,
      make: (config, target) =>
        make({
          target: { brokers: kafka.brokers, logger: silentLogger, ...target },
          config: results.config(config),
        }),
      stored: async () =>
        (await javaConsume({ brokers: kafka.brokers, topic })).map(({ value }) => String(value)),
    })
  }
  return async () => {
    try {
      await run(layer1)
      await run(layer2)
      await assert.rejects(run(standIn), (error: Error) => {
        assert.match(String(error), symptom)
        return true
      })
    } finally {
      await closeLeftovers()
    }
  }
}

const numbered = (topic: string, count: number): Message[] =>
  Array.from({ length: count }, (_, index) => ({ topic, key: `${index}`, value: `${index}` }))

test(
  '1: close() resolves after the callbacks of the last batch, errors among them',
  onBoth(standIns.endsReaderFirst, /0 !== 50/, async ({ topic, results, make, stored }) => {
    const subject = make()
    await subject.sendBatch(numbered(topic, 50))
    await subject.send({ topic, partition: 0, value: 'x'.repeat(5000) })
    await subject.close()
    assert.equal(results.delivered.length, 50)
    assert.deepEqual(results.failed, ['RECORD_TOO_LARGE'])
    assert.deepEqual((await stored()).sort(), results.delivered.sort())
  }),
)

test(
  '2: a first batch of three is flushed by time',
  onBoth(standIns.startsTimerAtOne, /not flushed/, async ({ topic, make, results }) => {
    let flushed = (): void => {}
    const all = new Promise<string>((resolve) => {
      flushed = () => resolve('flushed')
    })
    const onSuccess = (_metadata: unknown, { value }: Message): void => {
      if (results.delivered.push(String(value)) === 3) flushed()
    }
    const subject = make({ batchTimeoutMs: 100, onSuccess })
    await subject.sendBatch(numbered(topic, 3))
    const limit = new Promise<string>((resolve) => {
      systemClock.setTimer(3000, () => resolve('not flushed'))
    })
    const outcome = await Promise.race([all, limit])
    await subject.close()
    assert.equal(outcome, 'flushed')
  }),
)

test(
  '4: close() amid sends: each message is stored and acknowledged once, or rejected as closed',
  onBoth(standIns.closesQueueUnderSends, /TypeError/, async ({ topic, results, make, stored }) => {
    const subject = make({ batchSize: 30, batchTimeoutMs: 20 })
    let rejected = 0
    const send = (message: Message): Promise<unknown> =>
      subject.send(message).catch((error: unknown) => {
        assert.ok(error instanceof KafkaError, String(error))
        assert.equal(error.code, 'CLOSED')
        rejected++
      })
    const messages = numbered(topic, 1000)
    const sends = messages.slice(0, 600).map(send)
    const closed = subject.close()
    sends.push(...messages.slice(600).map(send))
    await Promise.all([...sends, closed])
    assert.equal(rejected, 400)
    const expected = messages.slice(0, 600).map(({ value }) => String(value))
    assert.deepEqual(results.delivered.sort(), expected.sort())
    assert.deepEqual((await stored()).sort(), expected)
  }),
)

test(
  '5: closing twice, at once and later, is closing once',
  onBoth(
    standIns.crashesOnSecondClose,
    /close of closed channel/,
    async ({ topic, results, make }) => {
      const subject = make()
      await subject.sendBatch(numbered(topic, 10))
      await Promise.all([subject.close(), subject.close()])
      await subject.close()
      assert.equal(results.delivered.length, 10)
    },
  ),
)

test(
  '11: after close nothing more is stored, in either mode',
  onBoth(
    standIns.sendsAfterClose,
    /Missing expected rejection/,
    async ({ topic, make, stored }) => {
      for (const async of [true, false]) {
        const subject = make({ async })
        await subject.sendBatch(numbered(topic, 5))
        await subject.close()
        await assert.rejects(subject.sendBatch(numbered(topic, 5)), { code: 'CLOSED' })
      }
      assert.equal((await stored()).length, 10)
    },
  ),
)

test(
  '14: the buffer is bounded while the broker is away; what was taken arrives once it is back',
  onBoth(
    standIns.growsWithoutBound,
    /2000 were taken/,
    async ({ topic, results, make, stored }) => {
      const subject = make(
        { batchSize: 1_000_000, batchTimeoutMs: 0 },
        { bufferMemoryBytes: 128 * 1024 },
      )
      const outcome = { taken: 0, rejected: 0 }
      await kafka.node(1).kill('SIGKILL')
      try {
        const sends = Array.from({ length: 2000 }, (_, index) =>
          subject.send({ topic, value: `${index}`.padEnd(500, '.') }).then(
            () => outcome.taken++,
            (error: KafkaError) => {
              assert.equal(error.code, 'BUFFER_FULL')
              outcome.rejected++
            },
          ),
        )
        await Promise.race([Promise.all(sends), new Promise((resolve) => setImmediate(resolve))])
        const { taken } = outcome
        await kafka.node(1).start()
        await Promise.all(sends)
        assert.ok(taken < 250, `${taken} were taken`)
      } finally {
        if (!kafka.node(1).alive) await kafka.node(1).start()
      }
      await subject.close()
      assert.equal(outcome.taken + outcome.rejected, 2000)
      assert.equal(results.delivered.length, outcome.taken)
      assert.deepEqual((await stored()).sort(), results.delivered.sort())
    },
  ),
)
