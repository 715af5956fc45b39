// The timestamps of records without one of their own.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppendClock } from '../../src/engine/buffer/append-clock.ts'

const makeClock = () => {
  const source = { time: 1000, readings: 0 }
  const clock = new AppendClock({
    wallTime: () => {
      source.readings++
      return source.time
    },
  })
  return { clock, source }
}

/** Readings of the machine's clock for so many records. */
const readingsOf = ({ clock, source }: ReturnType<typeof makeClock>, records: number): number => {
  const before = source.readings
  for (let count = 0; count < records; count++) clock.wallTime()
  return source.readings - before
}

test('the clock is read for every 32nd record while records follow each other at once', () => {
  const setup = makeClock()
  // 8, then 16, then 32 at a time.
  assert.equal(readingsOf(setup, 8 + 16 + 32), 3)
  assert.equal(readingsOf(setup, 10 * 32), 10)
})

test('the clock is read for every eighth record where milliseconds pass between readings', () => {
  const setup = makeClock()
  readingsOf(setup, 1000)
  setup.clock.startTurn()
  setup.source.time += 1
  const times = Array.from({ length: 16 }, () => {
    const time = setup.clock.wallTime()
    setup.source.time += 5
    return time
  })
  assert.deepEqual(
    times,
    Array.from({ length: 16 }, (_, index) => (index < 8 ? 1001 : 1041)),
  )
})

test('the first record of a turn has the time of its call', () => {
  const { clock, source } = makeClock()
  assert.equal(clock.wallTime(), 1000)
  source.time = 1003
  clock.startTurn()
  assert.equal(clock.wallTime(), 1003)
})
