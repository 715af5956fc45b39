// close() against 1,000 messages that are being sent at the same time, 200 rounds: every message
// either has exactly one result or was rejected with a typed error, and what was delivered is what
// the log holds. On the in-process cluster under virtual time, with connections that break; a
// printed seed repeats a run.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AsyncProducer } from '../../src/layers/async-producer.ts'
import type { AsyncResultHandler } from '../../src/layers/async-result-handler.ts'
import { BatchAsyncProducer } from '../../src/layers/batch-async-producer.ts'
import { KafkaProducer } from '../../src/layers/kafka-producer.ts'
import { SyncProducer } from '../../src/layers/sync-producer.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'
import { type Random, randomBelow, seededRandom } from '../../src/runtime/random.ts'
import { Stage } from '../layers/stage.ts'

const rounds = 200
const messages = 1000
const seed = 20_261_122

/** What became of each message, by its number. */
class Ledger implements AsyncResultHandler {
  readonly results = new Map<number, number>()
  delivered = 0
  failed = 0
  rejected = 0

  #note(number: number): void {
    this.results.set(number, (this.results.get(number) ?? 0) + 1)
  }

  handleSuccess({ value }: { value: unknown }): void {
    this.#note(Number(value))
    this.delivered++
  }

  handleError(_error: KafkaError, { value }: { value: unknown }): void {
    this.#note(Number(value))
    this.failed++
  }

  reject(number: number, error: unknown): void {
    assert.ok(error instanceof KafkaError, String(error))
    assert.ok(error.code === 'CLOSED' || error.code === 'BUFFER_FULL', error.message)
    this.#note(number)
    this.rejected++
  }
}

interface Racer {
  send(number: number): Promise<unknown>
  close(): Promise<unknown>
}

type Make = (stage: Stage, topic: string, ledger: Ledger) => Racer

const buffer = { bufferMemoryBytes: 256 * 1024, retryBackoffMs: 10 }

const makers: readonly Make[] = [
  (stage, topic, ledger) => {
    const producer = new AsyncProducer(stage.target(buffer), ledger, stage.environment)
    return {
      send: (number) => producer.sendMessage({ topic, key: `${number}` }, `${number}`),
      close: () => producer.close(),
    }
  },
  (stage, topic, ledger) => {
    const settings = { batchSize: 70, batchIntervalMs: 50 }
    const producer = new BatchAsyncProducer(
      stage.target(buffer),
      ledger,
      settings,
      stage.environment,
    )
    return {
      send: (number) => producer.sendMessage({ topic, key: `${number}` }, `${number}`),
      close: () => producer.close(),
    }
  },
  (stage, topic, ledger) => {
    const producer = new KafkaProducer(
      stage.target(buffer),
      {
        batchSize: 130,
        batchTimeoutMs: 0,
        onSuccess: (_metadata, message) => ledger.handleSuccess(message),
        onError: (error, message) => ledger.handleError(error, message),
      },
      stage.environment,
    )
    return {
      send: (number) => producer.send({ topic, value: `${number}` }),
      close: () => producer.close(),
    }
  },
  (stage, topic, ledger) => {
    const producer = new SyncProducer(stage.target(buffer), stage.environment)
    return {
      send: async (number) => {
        await producer.sendMessage({ topic }, `${number}`)
        ledger.handleSuccess({ value: number })
      },
      close: () => producer.close(),
    }
  },
]

const pause = (stage: Stage, random: Random): Promise<void> =>
  new Promise((resolve) => {
    stage.clock.setTimer(randomBelow(random, 4), resolve)
  })

/** Sends in bursts with pauses between them; each message's rejection is noted. */
const sendAll = async (
  racer: Racer,
  ledger: Ledger,
  stage: Stage,
  random: Random,
): Promise<void> => {
  const sends: Promise<unknown>[] = []
  for (let number = 0; number < messages; ) {
    const end = Math.min(messages, number + 1 + randomBelow(random, 200))
    for (; number < end; number++) {
      const own = number
      sends.push(racer.send(own).catch((error: unknown) => ledger.reject(own, error)))
    }
    if (random.next() < 0.7) await pause(stage, random)
  }
  await Promise.all(sends)
}

const runRound = async (stage: Stage, round: number, random: Random): Promise<Ledger> => {
  const topic = `round-${round}`
  stage.cluster.createTopic(topic, 3)
  const ledger = new Ledger()
  const racer = makers[round % makers.length]!(stage, topic, ledger)
  if (random.next() < 0.5) {
    stage.cluster.fault({
      api: 'Produce',
      close: true,
      at: random.next() < 0.5 ? 'after' : 'before',
    })
  }
  const race = async (): Promise<void> => {
    const sending = sendAll(racer, ledger, stage, random)
    for (let left = randomBelow(random, 6); left > 0; left--) await pause(stage, random)
    await racer.close()
    const atClose = ledger.delivered + ledger.failed
    await sending
    assert.equal(ledger.delivered + ledger.failed, atClose, 'a result came after close')
  }
  await stage.run(race())
  stage.cluster.removeFaults()
  assert.equal(ledger.results.size, messages)
  for (const [number, count] of ledger.results) assert.equal(count, 1, `message ${number}`)
  assert.equal(ledger.failed, 0)
  const stored = stage.cluster.partitions(topic).reduce((sum, { endOffset }) => sum + endOffset, 0)
  assert.equal(stored, ledger.delivered)
  assert.equal(new Set(stage.values(topic)).size, stored)
  return ledger
}

test('close() during 1,000 sends, 200 rounds: one result or typed error for each', async () => {
  const random = seededRandom(seed)
  const stage = await Stage.open()
  const sums = { delivered: 0, rejected: 0 }
  for (let round = 0; round < rounds; round++) {
    try {
      const { delivered, rejected } = await runRound(stage, round, random)
      sums.delivered += delivered
      sums.rejected += rejected
    } catch (error) {
      throw new Error(`round ${round}, seed ${seed}`, { cause: error })
    }
    stage.cluster.deleteTopic(`round-${round}`)
  }
  await stage.close()
  // The race is one only where both outcomes are common.
  assert.equal(sums.delivered + sums.rejected, rounds * messages)
  assert.ok(sums.delivered > rounds * 200 && sums.rejected > rounds * 100, JSON.stringify(sums))
})
