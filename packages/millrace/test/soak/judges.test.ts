// The judges of the long runs can say no: each defect, made by hand, is found.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fates, fate } from './load-plan.ts'
import { LogCheck } from './log-check.ts'
import { trendOf } from './slope.ts'

const good = { read: 0, lost: 0, doubled: 0, outOfOrder: 0, misplaced: 0, denied: 0 }

const fatesOf = (states: readonly number[]): Fates => {
  const fates = new Fates(states.length)
  for (const [number, state] of states.entries()) {
    fates.states[number] = state
    fates.offsets[number] = number
  }
  return Fates.read(fates.bytes)
}

const judge = (states: readonly number[], log: readonly number[]) => {
  const check = new LogCheck(fatesOf(states))
  for (const [offset, number] of log.entries()) check.onRecord(number, 0, offset)
  const { maybe: _, maybeWritten: __, ...findings } = check.findings()
  return findings
}

test('a log is judged: good, lost, doubled, out of order, misplaced, denied', () => {
  const { delivered, notWritten } = fate
  const three = [delivered, delivered, delivered]
  assert.deepEqual(judge(three, [0, 1, 2]), { ...good, read: 3 })
  assert.deepEqual(judge(three, [0, 1]), { ...good, read: 2, lost: 1 })
  assert.deepEqual(judge(three, [0, 1, 2, 2]), { ...good, read: 4, doubled: 1, misplaced: 1 })
  assert.deepEqual(judge(three, [0, 2, 1]), { ...good, read: 3, outOfOrder: 1, misplaced: 2 })
  assert.deepEqual(judge([delivered, notWritten], [0, 1]), { ...good, read: 2, denied: 1 })
  assert.throws(() => judge(three, [3]), /not ours/)
})

test('records that failed as perhaps written are counted, there or not', () => {
  const check = new LogCheck(fatesOf([fate.maybeWritten, fate.maybeWritten]))
  check.onRecord(1, 0, 0)
  assert.equal(check.findings().maybe, 2)
  assert.equal(check.findings().maybeWritten, 1)
})

test('a trend distinguishes growth from noise', () => {
  const noise = (index: number): number => ((index * 7919) % 101) - 50
  const flat = trendOf(Array.from({ length: 40 }, (_, index) => 1000 + noise(index)))
  assert.ok(Math.abs(flat.growth) < flat.uncertainty)
  const rising = trendOf(Array.from({ length: 40 }, (_, index) => 1000 + 10 * index + noise(index)))
  assert.ok(rising.growth > 300 && rising.growth > rising.uncertainty)
  assert.deepEqual(trendOf([1, 2, 3]), { mean: 2, growth: 2, uncertainty: 0 })
})
