// Seeds that once found a defect, each with what it was, and a handful of fresh ones each time.
// What a failing seed does step by step: npm run sim -- --trace SEED.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../src/runtime/clock.ts'
import { mutations, staleMutations } from './mutations.ts'
import type { Outcome } from './play-seed.ts'
import { runSeed } from './run.ts'

/**
 * By seed: what went wrong. Where the plan of a seed changes, the unit test named is what remains.
 */
const found: Readonly<Record<number, string>> = {
  24: 'a batch that was split after a resend kept the header of the whole (engine-recovery)',
  35: 'with its retries used up, a batch that was written reported persisted no (engine-recovery)',
  19: 'a record was cancelled with persisted no, and its batch sent again (engine-recovery)',
  198: 'flush and close were over before a sendBatch that had waited in line (engine-recovery)',
  361: 'close ended with batches of a sendBatch that had waited in line (engine-recovery)',
  782: 'space that an append gave back let another record into the middle of it (engine-recovery)',
  10162: 'a caller in line was let in twice at once (engine-recovery)',
  10541: 'a record that was cancelled was counted twice when its batch failed (engine-recovery)',
  737: 'a partition stood still behind a batch that had lost all its records (engine-recovery)',
  341: 'a new batch did not wake the engine, and its time limit passed unnoticed (engine-recovery)',
  61394:
    'close() reported before the last of six records that were cancelled in one turn was counted',
  10595: 'a throttled connection was closed for idleness, and the next one was never opened',
  2003092:
    'a topic created again while it had no leader was never found again (cluster-metadata-cache)',
  100000498:
    'before topic ids, a topic created again went to its old leader (cluster-metadata-cache)',
  100015000: 'the search for a producer id waited for a node that had left (cluster-producer-id)',
  5000910: 'a record that had failed was counted again when it was cancelled (engine-recovery)',
  100009986: 'what had waited for a topic took the memory of the line too (engine-buffer)',
  100034018: 'a renewed producer id went out with two first batches (engine-order)',
  200003366: 'where a broker forgot, a record in the log reported persisted no (engine-recovery)',
  3001420: 'a partition that had forgotten its producer took a batch over a gap: twice, and exempt',
  795389587:
    'a batch behind one that its partition had forgotten and then rejected: twice, and exempt',
  100001722: 'with acks 0 a node rejected what was acked, as the producer closed: exempt',
  596: 'the in-memory network delivered a view of a buffer, not a copy',
}

const passes = ({ seed, failures }: Outcome): void => {
  assert.deepEqual(failures, [], `npm run sim -- --trace ${seed}`)
}

for (const [seed, defect] of Object.entries(found)) {
  test(`seed ${seed}: ${defect}`, async () => passes(await runSeed(Number(seed))))
}

test('a seed is the same run each time, with and without its trace', async () => {
  for (const seed of [7, 24, 35]) {
    const [first, second, silent] = [
      await runSeed(seed, { keepsTrace: true }),
      await runSeed(seed, { keepsTrace: true }),
      await runSeed(seed),
    ]
    assert.ok(first.traceLines.length > 10)
    assert.deepEqual(first.traceLines, second.traceLines)
    assert.deepEqual({ ...silent, traceLines: [] }, { ...first, traceLines: [] })
  }
})

const budgetMs = 50_000
const freshSeeds = 100

test('fresh seeds pass', async (context) => {
  const from = systemClock.wallTime() % 1_000_000_000
  const startedAtMs = systemClock.now()
  let seed = from
  while (seed < from + freshSeeds && systemClock.now() - startedAtMs < budgetMs) {
    passes(await runSeed(seed++))
  }
  context.diagnostic(`seeds ${from} to ${seed - 1}`)
  assert.ok(seed - from >= 10, 'ten seeds at least fit into the time')
})

test('every mutation replaces something that the code still has', () => {
  assert.deepEqual(staleMutations(), [])
})

/** The promise is 500. */
const seedsMax = 300

/** A few that show that the checkers can fail; all of them: npm run sim -- --mutation all. */
const sample = ['sequence-not-rolled', 'retry-overtaken', 'persisted-always-no', 'offset-wrong']

for (const name of sample) {
  test(`the simulator finds a deliberate bug: ${mutations[name]!.what}`, async () => {
    for (let seed = 1; seed <= seedsMax; seed++) {
      if ((await runSeed(seed, { mutation: name })).failures.length > 0) return
    }
    assert.fail(`${name} was not seen in ${seedsMax} seeds`)
  })
}
