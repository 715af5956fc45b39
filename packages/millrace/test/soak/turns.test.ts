// The producer does not hold up the event loop, and is not upset when the application does.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startCluster, type TestCluster } from '../../src/testing.ts'
import { endOf, startProgram } from './load-process.ts'
import type { TurnPlan, TurnReport } from './turn-program.ts'

let cluster: TestCluster

before(async () => {
  const retention = { records: 50_000 }
  cluster = await startCluster({ topics: { large: 6 }, retention })
})

after(() => cluster.close())

const run = async (plan: Omit<TurnPlan, 'brokers'>): Promise<TurnReport> => {
  const full = { ...plan, brokers: cluster.brokers }
  const child = startProgram('turn-program', full, [])
  let report: TurnReport | null = null
  child.on('message', (message) => {
    report = message as TurnReport
  })
  assert.equal(await endOf(child), 0)
  return report!
}

/** Records that one turn appends at most; the engine's own bound, counted here in turns. */
const recordsPerTurn = 8192
/** The call itself is one slice of many; a share, so that a busy machine does not matter. */
const callShareMax = 0.2

test('a batch of a million records leaves the event loop free', async (context) => {
  const plan = { work: 'batch', topic: 'large', records: 1_000_000, stallMs: 0 } as const
  const { turnsMs, turnCount, callMs, codes, delivered, elapsedMs } = await run(plan)
  const longest = turnsMs.slice(0, 20).map((ms) => ms.toFixed(1))
  context.diagnostic(
    `call ${callMs.toFixed(1)} ms, ${turnCount} turns in ${elapsedMs.toFixed(0)} ms, longest: ` +
      `${longest.join(' ')} ms of CPU`,
  )
  assert.deepEqual(codes, [])
  assert.equal(delivered, plan.records)
  assert.ok(turnCount >= plan.records / recordsPerTurn, `all done in ${turnCount} turns`)
  const totalMs = turnsMs.reduce((sum, ms) => sum + ms, callMs)
  assert.ok(callMs / totalMs < callShareMax, `the call took ${callMs} of ${totalMs} ms`)
})

test('a stall of 5 s causes no timeout, no new connection, no duplicate', async (context) => {
  cluster.createTopic('stalled', 3)
  const plan = { work: 'stall', topic: 'stalled', records: 20_000, stallMs: 5_000 } as const
  const report = await run(plan)
  context.diagnostic(JSON.stringify(report))
  assert.ok(report.elapsedMs >= plan.stallMs)
  assert.deepEqual(report.codes, [])
  assert.equal(report.delivered, plan.records)
  assert.equal(report.retries, 0)
  assert.equal(report.connectionFailures, 0)
  assert.equal(report.connectionsOpened, 1)
  assert.deepEqual(report.warnings, [])
  assert.equal(cluster.records('stalled').length, plan.records + 1)
})
