// Seeds with transactions that once found a defect, each with what it was, and some fresh ones each
// time. What a failing seed does step by step: npm run sim -- --transactions --trace SEED.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../src/runtime/clock.ts'
import { mutations } from './mutations.ts'
import type { Outcome } from './play-seed.ts'
import { runTransactionSeed } from './transaction-run.ts'

/**
 * By seed: what went wrong. Where the plan of a seed changes, the unit test named is what remains.
 */
const found: Readonly<Record<number, string>> = {
  15: 'sendOffsets was cancelled, and its transaction committed (producer-transactions)',
  36: 'a late rejection of an earlier epoch ended the producer (engine-epochs)',
  37: 'a commit of unknown outcome reported persisted no, but was done (producer-transactions)',
  43: 'an abort while markers were slow was taken for a fence (engine-epochs)',
  12: 'a producer that was replaced had its successor’s transaction aborted (engine-epochs)',
  192: 'a commit that was cancelled failed, and was not aborted (producer-transactions)',
  212: 'offsets rejected with INVALID_TXN_STATE were fatal, not abortable (engine-epochs)',
  1137: 'a record rejected with INVALID_TXN_STATE was fatal, not abortable',
  1431: 'offsets rejected while markers were slow: their abort was taken for a fence',
  795932133: 'a repeated EndTxn was rejected, in version 1 although the cluster has version 2',
  795933018: 'a commit without records after its topic was forgotten ended the producer',
  1578: 'destroy() left sendOffsets pending forever (producer-transactions)',
}

const passes = ({ seed, failures }: Outcome): void => {
  assert.deepEqual(failures, [], `npm run sim -- --transactions --trace ${seed}`)
}

for (const [seed, defect] of Object.entries(found)) {
  test(`seed ${seed}: ${defect}`, async () => passes(await runTransactionSeed(Number(seed))))
}

test('a seed is the same run each time, with and without its trace', async () => {
  for (const seed of [3, 12, 36]) {
    const [first, second, silent] = [
      await runTransactionSeed(seed, { keepsTrace: true }),
      await runTransactionSeed(seed, { keepsTrace: true }),
      await runTransactionSeed(seed),
    ]
    assert.ok(first.traceLines.length > 10)
    assert.deepEqual(first.traceLines, second.traceLines)
    assert.deepEqual({ ...silent, traceLines: [] }, { ...first, traceLines: [] })
  }
})

const budgetMs = 20_000
const freshSeeds = 150

test('fresh seeds pass', async (context) => {
  const from = systemClock.wallTime() % 1_000_000_000
  const startedAtMs = systemClock.now()
  let seed = from
  while (seed < from + freshSeeds && systemClock.now() - startedAtMs < budgetMs) {
    passes(await runTransactionSeed(seed++))
  }
  context.diagnostic(`seeds ${from} to ${seed - 1}`)
  assert.ok(seed - from >= 10, 'ten seeds at least fit into the time')
})

/** The promise is 500. */
const seedsMax = 300

/** A few that show that the checkers can fail; all of them: npm run sim -- --mutation all. */
const sample = ['failed-record-ignored', 'abort-does-not-wait', 'probe-by-requesting-an-id']

for (const name of sample) {
  test(`the simulator finds a deliberate bug: ${mutations[name]!.what}`, async () => {
    for (let seed = 1; seed <= seedsMax; seed++) {
      if ((await runTransactionSeed(seed, { mutation: name })).failures.length > 0) return
    }
    assert.fail(`${name} was not seen in ${seedsMax} seeds`)
  })
}
