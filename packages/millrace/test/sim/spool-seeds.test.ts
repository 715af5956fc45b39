// Seeds of runs with a spool: those that once found a defect, each with its trace, and fresh ones
// each time. What a failing seed does step by step: npm run sim -- --spool --trace SEED.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../src/runtime/clock.ts'
import { mutations } from './mutations.ts'
import type { Outcome } from './play-seed.ts'
import { runSpoolSeed } from './spool-run.ts'

const found: Readonly<Record<number, string>> = {
  10: 'close() reported ABORTED for records of an earlier process that stay in the spool',
  12: 'the rest of a batch that was too large went behind batches that had numbers',
  10464: 'flush() continued to wait when the last record settled before the backlog had passed it',
  20813: 'the backlog was read from a segment that had just been removed',
  158: 'the rest of a batch that was too large went behind batches that had numbers',
}

const passes = ({ seed, failures }: Outcome): void => {
  assert.deepEqual(failures, [], `npm run sim -- --spool --trace ${seed}`)
}

for (const [seed, defect] of Object.entries(found)) {
  test(`seed ${seed}: ${defect}`, async () => passes(await runSpoolSeed(Number(seed))))
}

test('a seed is the same run each time, with and without its trace', async () => {
  for (const seed of [7, 24, 35]) {
    const first = await runSpoolSeed(seed, { keepsTrace: true })
    const second = await runSpoolSeed(seed, { keepsTrace: true })
    const silent = await runSpoolSeed(seed)
    assert.ok(first.traceLines.length > 10)
    assert.deepEqual(first.traceLines, second.traceLines)
    assert.deepEqual({ ...silent, traceLines: [] }, { ...first, traceLines: [] })
  }
})

const budgetMs = 20_000
const freshSeeds = 100

test('fresh seeds pass', async (context) => {
  const from = systemClock.wallTime() % 1_000_000_000
  const startedAtMs = systemClock.now()
  let seed = from
  while (seed < from + freshSeeds && systemClock.now() - startedAtMs < budgetMs) {
    passes(await runSpoolSeed(seed++))
  }
  context.diagnostic(`seeds ${from} to ${seed - 1}`)
  assert.ok(seed - from >= 10, 'ten seeds at least fit into the time')
})

/** The promise is 500. */
const seedsMax = 300

/** A few that show that the checkers can fail; all of them: npm run sim -- --mutation all. */
const sample = ['spool-taken-before-written', 'spool-batches-forgotten', 'spool-backlog-overtaken']

for (const name of sample) {
  test(`the simulator finds a deliberate bug: ${mutations[name]!.what}`, async () => {
    for (let seed = 1; seed <= seedsMax; seed++) {
      if ((await runSpoolSeed(seed, { mutation: name })).failures.length > 0) return
    }
    assert.fail(`${name} was not seen in ${seedsMax} seeds`)
  })
}
