// A service with a spool takes records while all brokers are away: memory keeps its bound, and when
// they are back, what has gathered is delivered in order, once, at no less than half of the normal
// rate. The long form, ten minutes and 3 GB, is `npm run spool-kills -- outage`, which sets
// MILLRACE_SPOOL_OUTAGE=long.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { programPath } from '../soak/load-process.ts'
import { javaConsume, startKafka } from './fixture/index.ts'
import type { OutagePlan } from './spool-outage-child.ts'

const isLong = process.env.MILLRACE_SPOOL_OUTAGE === 'long'
const topic = 'spooled'
const partitions = 4
/** What the process may grow by during the outage and the delivery. */
const grownBytesMax = 160 * 2 ** 20

interface Findings {
  readonly normalPerSecond: number
  readonly normalBytes: number
  readonly takenAway: number
  readonly spoolBytes: number
  readonly oldestMs: number
  readonly peakBytes: number
  readonly backlogPerSecond: number
  readonly taken: number
  readonly report: { readonly delivered: number; readonly failed: number }
  readonly errors: readonly string[]
}

const startChild = (plan: OutagePlan) => {
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env
  const path = programPath('../kafka/spool-outage-child')
  const child = spawn(process.execPath, [path, JSON.stringify(plan)], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const findings: Partial<Findings> = {}
  const next = async (): Promise<void> => {
    const { value, done } = await lines.next()
    assert.ok(done !== true, 'the process has ended early')
    Object.assign(findings, JSON.parse(value))
  }
  return { child, findings: findings as Findings, next }
}

/** Of all records: those that are missing, twice there, or behind a later one. */
const judge = async (brokers: readonly string[], count: number) => {
  const seen = new Uint8Array(count)
  const last = new Map<number, number>()
  let [doubled, outOfOrder, read] = [0, 0, 0]
  await javaConsume({
    brokers,
    topic,
    timeoutMs: 900_000,
    onRecord: ({ value, partition }) => {
      const number = Number.parseInt(value!.toString('latin1', 0, 12), 10)
      read++
      if (seen[number] === 1) doubled++
      seen[number] = 1
      if (number < (last.get(partition) ?? -1)) outOfOrder++
      last.set(partition, number)
    },
  })
  return { lost: count - (read - doubled), doubled, outOfOrder }
}

test('a spool stores records while all brokers are stopped, and delivers them', async (context) => {
  await using kafka = await startKafka()
  await kafka.admin.createTopic(topic, { partitions })
  const directory = await mkdtemp(join(tmpdir(), 'millrace-spool-outage-'))
  const awayMs = isLong ? 600_000 : 8_000
  const { child, findings, next } = startChild({
    brokers: kafka.brokers,
    directory,
    topic,
    partitions,
    normalRecords: isLong ? 400_000 : 50_000,
    awayMs,
    recordsPerSecond: 5000,
    valueBytes: 1024,
  })
  await next()
  await kafka.node(1).kill('SIGKILL')
  child.stdin.write('away\n')
  await next()
  await kafka.node(1).start()
  child.stdin.write('back\n')
  await next()
  await next()
  await once(child, 'exit')
  context.diagnostic(JSON.stringify(findings))
  const counts = await judge(kafka.brokers, findings.taken)
  context.diagnostic(JSON.stringify(counts))
  const left = await readdir(directory)
  await rm(directory, { recursive: true })
  assert.deepEqual(counts, { lost: 0, doubled: 0, outOfOrder: 0 })
  assert.deepEqual([findings.errors, left], [[], []])
  assert.equal(findings.report.delivered, findings.taken)
  assert.ok(findings.takenAway >= (awayMs / 1000) * 5000 * 0.99, `${findings.takenAway} taken`)
  assert.ok(findings.spoolBytes > findings.takenAway * 1024, `${findings.spoolBytes} bytes`)
  const grown = findings.peakBytes - findings.normalBytes
  assert.ok(grown < grownBytesMax, `memory grew by ${grown} bytes`)
  const share = findings.backlogPerSecond / findings.normalPerSecond
  assert.ok(share >= 0.5, `the backlog went out at ${share.toFixed(2)} of the normal rate`)
})
