// A service with a spool is killed while it takes records, and so is a broker: of what was taken
// nothing is lost or doubled. The long form is `npm run spool-kills`, which sets
// MILLRACE_SPOOL_KILLS=long.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runKills } from './spool-kills-run.ts'

const isLong = process.env.MILLRACE_SPOOL_KILLS === 'long'
const version = process.env.MILLRACE_SPOOL_KAFKA
const durabilities = isLong ? (['process', 'machine'] as const) : (['process'] as const)

for (const durability of durabilities) {
  const name = `kill -9 of a service with a spool (${durability}): nothing lost or doubled`
  test(name, async (context) => {
    const plan = {
      ...(version === undefined ? {} : { version }),
      durability,
      kills: isLong ? 50 : 4,
      brokerKills: isLong ? 2 : 1,
      recordsPerSecond: 5000,
      seed: 1,
    }
    const { taken, read, untaken, ...findings } = await runKills(plan, (sentence) =>
      context.diagnostic(sentence),
    )
    context.diagnostic(JSON.stringify({ taken, read, untaken, ...findings }))
    const expected = { lost: 0, doubled: 0, outOfOrder: 0, errors: [], leftFiles: [] }
    assert.deepEqual(findings, expected)
    assert.equal(read, taken + untaken)
    assert.ok(taken > 1000 * plan.kills, `${taken} records were taken`)
  })
}
