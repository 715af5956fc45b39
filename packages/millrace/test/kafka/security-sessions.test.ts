// Sessions of three seconds on a real broker (KIP-368), under load: every one is renewed on the
// living connection, so that no send fails and no connection is dropped. The broker closes a
// connection that is late. Ten seconds by default, a minute with MILLRACE_LONG=1.

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Producer, type ProducerOptions } from '../../src/index.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { memoryLogger } from '../unit/producer-kit.ts'
import { javaConsume } from './fixture/index.ts'
import { type SecureKafka, startSecureKafka } from './fixture/secure-kafka.ts'
import { isLong, optionsFor } from './security-kit.ts'

const seconds = isLong ? 60 : 10
const recordsPerSecond = 10_000
/** What is left of a session when it is renewed at the latest. */
const slackMs = 150

/** Sends at an even pace until the time is over; how many were sent, and the errors. */
const sendEvenly = (
  producer: Producer,
  topic: string,
): Promise<{ sent: number; errors: unknown[] }> =>
  new Promise((resolve) => {
    const startMs = systemClock.now()
    const errors: unknown[] = []
    let sent = 0
    const tick = async () => {
      const elapsedMs = systemClock.now() - startMs
      const due = Math.min(seconds * 1000, elapsedMs) * (recordsPerSecond / 1000)
      while (sent < due) {
        producer.send({ topic, value: `${sent}` }).catch((error) => errors.push(error))
        sent++
      }
      if (elapsedMs < seconds * 1000) systemClock.setTimer(5, tick)
      else {
        await producer.flush()
        resolve({ sent, errors })
      }
    }
    void tick()
  })

describe('sessions of three seconds on a real broker', () => {
  let secure: SecureKafka
  before(async () => {
    secure = await startSecureKafka()
  })
  after(() => secure?.[Symbol.asyncDispose]())

  it(`${recordsPerSecond} records a second for ${seconds} s: no failure, no drop`, async () => {
    const topic = 'evenly'
    const { brokers } = secure.kafka
    await secure.kafka.admin.createTopic(topic)
    const logger = memoryLogger()
    const options: ProducerOptions = { ...optionsFor(secure, 'REAUTH', 'PLAIN'), logger }
    await using producer = new Producer(options)
    await producer.connect()
    await producer.send({ topic, value: 'first' })
    const before = producer.metrics()
    const { sent, errors } = await sendEvenly(producer, topic)
    const after = producer.metrics()
    assert.deepEqual(errors, [])
    assert.equal(sent, seconds * recordsPerSecond)
    const warnings = logger.lines.filter(({ level }) => level === 'warn' || level === 'error')
    // A machine that stands still for longer than the time that is left can't be in time.
    if (after.requestLatencyMs.max < slackMs) {
      assert.equal(after.connectionsOpened, before.connectionsOpened, JSON.stringify(warnings))
      assert.deepEqual([after.connectionFailures, after.retries, warnings], [0, 0, []])
    }
    let found = -1
    await javaConsume({
      brokers,
      topic,
      timeoutMs: 120_000,
      onRecord: ({ value }) => {
        if (found >= 0) assert.equal(Number(value), found)
        found++
      },
    })
    assert.equal(found, sent)
  })
})
