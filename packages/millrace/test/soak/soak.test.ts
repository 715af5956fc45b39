// Millions of records, with faults and cut connections: no memory is kept, nothing is left open.
// The long form is `npm run soak`.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { heapTrend, soakPlan, soakProblems } from './soak-plan.ts'
import { runSoak } from './soak-run.ts'

test('two million records with faults grow neither heap nor open handles', async (context) => {
  const plan = soakPlan({ records: 2_000_000 })
  const report = await runSoak(plan)
  const { growth, mean } = heapTrend(report)
  const { faults, produceRequests, connectionsOpened, elapsedMs } = report
  context.diagnostic(
    `${faults} faults in ${produceRequests} requests, ${connectionsOpened} connections, ` +
      `${Math.round(elapsedMs / 1000)} s; heap ${Math.round(mean / 1024)} KiB, ` +
      `growth ${Math.round(growth / 1024)} KiB`,
  )
  assert.deepEqual(soakProblems(plan, report), [])
})

test('a leak of four bytes per record is found', async () => {
  const plan = soakPlan({ records: 600_000, reconnects: 2, faultShare: 0.02, leakBytes: 4 })
  const problems = soakProblems(plan, await runSoak(plan))
  assert.equal(problems.length, 1, problems.join('; '))
  assert.match(problems[0]!, /the heap grows/)
})
