// Transactions over several topics, some aborted, some cut off by kill -9 of their process, after
// which a new one goes on under the same transactional id. Java, reading committed records, sees
// whole transactions only, each once. MILLRACE_TRANSACTIONS sets how many there are.

import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../src/runtime/clock.ts'
import { javaConsume, javaTransactions, type Kafka, startKafka } from './fixture/index.ts'
import { quickFetches } from './transaction-kit.ts'
import {
  type ChildMessage,
  type ChildTask,
  killNumbers,
  partitionCount,
  type RecordMark,
  topicCount,
} from './transaction-plan.ts'

const transactionCount = Number(process.env.MILLRACE_TRANSACTIONS ?? 120)
/** 20 of 500. */
const killCount = Math.ceil(transactionCount / 25)
const seed = Number(process.env.MILLRACE_SEED ?? systemClock.wallTime() % 1_000_000)
/** Each with half of the transactions; both write to the same partitions. */
const idCount = 2

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const childPath = fileURLToPath(new URL(`./transaction-child.${extension}`, import.meta.url))

type Fate = 'committed' | 'aborted' | 'open'

interface Attempt {
  readonly total: number
  fate: Fate
}

const keyOf = ({ id, process, number }: Omit<RecordMark, 'index' | 'total'>): string =>
  `${id} process ${process} transaction ${number}`

class Child {
  readonly #process: ChildProcess
  readonly #ended: Promise<unknown>
  isKilled = false

  constructor(onMessage: (message: ChildMessage) => void) {
    const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env
    this.#process = fork(childPath, [], { env, execArgv: ['--no-warnings=ExperimentalWarning'] })
    this.#process.on('message', onMessage)
    this.#ended = Promise.all([once(this.#process, 'exit'), once(this.#process, 'disconnect')])
  }

  start(task: ChildTask): void {
    this.#process.send(task)
  }

  kill(): void {
    this.isKilled = true
    this.#process.kill('SIGKILL')
  }

  /** Resolves once all that it said has come. */
  get ended(): Promise<unknown> {
    return this.#ended
  }
}

/** The processes of one transactional id, one after the other. */
class Line {
  readonly attempts = new Map<string, Attempt>()
  readonly problems: string[] = []
  killed = 0
  done = false
  readonly #task: Omit<ChildTask, 'process' | 'from'>
  #next = 0
  #child: Child
  #spare: Child

  constructor(task: Omit<ChildTask, 'process' | 'from'>) {
    this.#task = task
    this.#child = this.#make(0)
    this.#spare = this.#make(1)
  }

  async run(): Promise<void> {
    for (let process = 0; !this.done; process++) {
      this.#child.start({ ...this.#task, process, from: this.#next })
      await this.#child.ended
      assert.deepEqual(this.problems, [])
      assert.ok(this.done || this.#child.isKilled, 'the process ended by itself')
      if (!this.done) this.killed++
      this.#child = this.#spare
      if (!this.done) this.#spare = this.#make(process + 2)
    }
    this.#child.kill()
    await this.#child.ended
  }

  #make(process: number): Child {
    const child = new Child((message) => {
      if (message.kind === 'kill') {
        systemClock.setTimer(message.delayMs, () => child.kill())
      } else this.#note(process, message)
    })
    return child
  }

  #note(process: number, message: ChildMessage): void {
    const { transactionalId: id } = this.#task
    switch (message.kind) {
      case 'begun':
        this.#next = message.number + 1
        this.attempts.set(keyOf({ id, process, number: message.number }), {
          total: message.total,
          fate: 'open',
        })
        return
      case 'committed':
      case 'aborted':
        this.attempts.get(keyOf({ id, process, number: message.number }))!.fate = message.kind
        return
      case 'failed':
        this.problems.push(`process ${process}: ${message.error}`)
        return
      case 'done':
        this.done = true
        return
      case 'ready':
      case 'kill':
        return
      default:
        message satisfies never
    }
  }
}

/** What was found of each transaction: how often each of its records. */
class Findings {
  readonly transactions = new Map<string, { total: number; counts: Map<number, number> }>()
  records = 0

  async read(kafka: Kafka, topics: readonly string[], isolation: 'committed' | 'uncommitted') {
    for (const topic of topics) {
      const last = new Map<string, RecordMark>()
      await javaConsume({
        brokers: kafka.brokers,
        topic,
        isolation: `read_${isolation}`,
        properties: quickFetches,
        onRecord: ({ value, partition }) => {
          const mark = JSON.parse(String(value)) as RecordMark
          this.#put(mark)
          const place = `${mark.id}:${partition}`
          const before = last.get(place)
          if (before !== undefined) assertOrder(before, mark)
          last.set(place, mark)
        },
      })
    }
    return this
  }

  #put(mark: RecordMark): void {
    this.records++
    const key = keyOf(mark)
    let found = this.transactions.get(key)
    if (found === undefined) {
      found = { total: mark.total, counts: new Map() }
      this.transactions.set(key, found)
    }
    found.counts.set(mark.index, (found.counts.get(mark.index) ?? 0) + 1)
  }
}

/** In a partition an id's records are in the order in which they were sent. */
const assertOrder = (before: RecordMark, after: RecordMark): void => {
  const rank = ({ process, number, index }: RecordMark): number =>
    (process * 10_000 + number) * 100 + index
  assert.ok(rank(before) < rank(after), `${JSON.stringify(before)} ${JSON.stringify(after)}`)
}

const judge = (attempts: ReadonlyMap<string, Attempt>, committed: Findings) => {
  const counts = { committed: 0, aborted: 0, openWhole: 0, openAbsent: 0 }
  for (const [key, { total, counts: seen }] of committed.transactions) {
    const indexes = [...seen.keys()].sort((a, b) => a - b)
    const all = Array.from({ length: total }, (_, index) => index)
    assert.deepEqual(indexes, all, `partial: ${key}`)
    assert.ok(
      [...seen.values()].every((count) => count === 1),
      `twice: ${key}`,
    )
    assert.notEqual(attempts.get(key)?.fate, 'aborted', `aborted, and there: ${key}`)
  }
  for (const [key, { total, fate }] of attempts) {
    const isThere = committed.transactions.has(key)
    if (fate === 'committed') assert.ok(isThere, `committed, and not there: ${key}`)
    if (isThere) assert.equal(committed.transactions.get(key)!.total, total)
    if (fate === 'open') counts[isThere ? 'openWhole' : 'openAbsent']++
    else counts[fate]++
  }
  return counts
}

for (const version of ['3.9.1', '4.4.0']) {
  describe(`Kafka ${version}`, () => {
    const name = `${transactionCount} transactions, ${killCount} killed: whole, each once (${seed})`
    it(name, async (context) => {
      await using kafka = await startKafka({ version })
      const prefix = 'atomic'
      const topics = Array.from({ length: topicCount }, (_, index) => `${prefix}-${index}`)
      for (const topic of topics) {
        await kafka.admin.createTopic(topic, { partitions: partitionCount })
      }
      const start = systemClock.now()
      const to = Math.ceil(transactionCount / idCount)
      const lines = Array.from({ length: idCount }, (_, index) => {
        const own = seed + index * 1_000_000
        return new Line({
          brokers: kafka.brokers,
          transactionalId: `atomic-${index}`,
          topicPrefix: prefix,
          seed: own,
          to,
          kills: killNumbers(own, to, Math.ceil(killCount / idCount)),
        })
      })
      await Promise.all(lines.map((line) => line.run()))
      const tookMs = systemClock.now() - start
      const coordinator = javaTransactions({ brokers: kafka.brokers })
      for (let index = 0; index < idCount; index++) await coordinator.settled(`atomic-${index}`)
      const attempts = new Map(lines.flatMap((line) => [...line.attempts]))
      const committed = await new Findings().read(kafka, topics, 'committed')
      const everything = await new Findings().read(kafka, topics, 'uncommitted')
      const counts = judge(attempts, committed)
      const kills = lines.reduce((sum, { killed }) => sum + killed, 0)
      context.diagnostic(
        JSON.stringify({
          ...counts,
          kills,
          records: committed.records,
          tookMs: Math.round(tookMs),
        }),
      )
      assert.ok(kills >= killCount, `${kills} were killed`)
      assert.ok(counts.openWhole + counts.openAbsent > 0)
      // The judge can tell: with what was aborted, it does not agree.
      assert.throws(() => judge(attempts, everything), /partial|aborted, and there/)
    })
  })
}
