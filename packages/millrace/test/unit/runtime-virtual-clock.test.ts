import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { VirtualClock } from '../../src/runtime/virtual-clock.ts'

describe('the virtual clock', () => {
  it('runs timers by time, then by age, each at its own time', async () => {
    const clock = new VirtualClock()
    const seen: string[] = []
    const note = (name: string) => () => seen.push(`${name}@${clock.now()}`)
    clock.setTimer(20, note('c'))
    clock.setTimer(10, note('a'))
    clock.setTimer(20, note('d'))
    clock.setTimer(10, note('b'))
    clock.setTimer(21, note('late'))
    await clock.advance(20)
    assert.deepEqual(seen, ['a@10', 'b@10', 'c@20', 'd@20'])
    assert.equal(clock.now(), 20)
    assert.equal(clock.pendingTimers, 1)
  })

  it('keeps the order of many timers with equal and different times', async () => {
    const clock = new VirtualClock()
    const fired: [number, number][] = []
    const expected: [number, number][] = []
    for (let index = 0; index < 500; index++) {
      const delayMs = (index * 7919) % 83
      expected.push([delayMs, index])
      clock.setTimer(delayMs, () => fired.push([clock.now(), index]))
    }
    expected.sort((left, right) => left[0] - right[0] || left[1] - right[1])
    await clock.runUntilIdle()
    assert.deepEqual(fired, expected)
    assert.equal(clock.timerWakeups, 500)
  })

  it('runs queued immediates, then due timers, then what the immediates queued', async () => {
    const clock = new VirtualClock()
    const seen: string[] = []
    clock.setTimer(0, () => seen.push('timer'))
    clock.setImmediate(() => {
      seen.push('first')
      clock.setImmediate(() => seen.push('third'))
    })
    clock.setImmediate(() => seen.push('second'))
    await clock.advance(0)
    assert.deepEqual(seen, ['first', 'second', 'timer', 'third'])
  })

  it('runs timers during chains of immediates, and the other way round', async () => {
    const clock = new VirtualClock({ stepsMax: 1_000 })
    let isOver = false
    const immediates = () => {
      if (!isOver) clock.setImmediate(immediates)
    }
    const timers = () => {
      if (!isOver) clock.setTimer(0, timers)
    }
    immediates()
    timers()
    clock.setTimer(0, () =>
      clock.setImmediate(() => {
        isOver = true
      }),
    )
    await clock.runUntilIdle()
    assert.equal(clock.now(), 0)
    assert.ok(clock.steps < 20)
  })

  it('settles chains of promises between two steps', async () => {
    const clock = new VirtualClock()
    const seen: string[] = []
    clock.setTimer(1, async () => {
      for (let index = 0; index < 5; index++) await null
      seen.push('promise')
    })
    clock.setTimer(1, () => seen.push('timer'))
    await clock.advance(1)
    assert.deepEqual(seen, ['promise', 'timer'])
  })

  it('never fires a cancelled timer, and counts it as removed once', async () => {
    const clock = new VirtualClock()
    const timer = clock.setTimer(5, () => assert.fail('fired'))
    clock.setTimer(6, () => {})
    timer.cancel()
    timer.cancel()
    assert.equal(clock.pendingTimers, 1)
    await clock.runUntilIdle()
    assert.equal(clock.pendingTimers, 0)
    assert.equal(clock.timerWakeups, 1)
    timer.cancel()
    assert.equal(clock.pendingTimers, 0)
  })

  it('throws past its limit of steps instead of hanging', async () => {
    const clock = new VirtualClock({ stepsMax: 100 })
    const again = () => clock.setImmediate(again)
    again()
    await assert.rejects(clock.advance(1), /Not done after 100 steps/)
    assert.equal(clock.steps, 100)
  })

  it('throws where it does not become idle within the limit of time', async () => {
    const clock = new VirtualClock()
    const again = () => clock.setTimer(10, again)
    again()
    await assert.rejects(clock.runUntilIdle({ limitMs: 100 }), /Not idle after 100 ms: 1 timers/)
  })

  it('runs until a promise settles, and gives its value or its error', async () => {
    const clock = new VirtualClock()
    const value = new Promise<number>((resolve) => clock.setTimer(30, () => resolve(7)))
    clock.setTimer(31, () => assert.fail('ran too far'))
    assert.equal(await clock.runUntil(value, 100), 7)
    assert.equal(clock.now(), 30)
    await assert.rejects(clock.runUntil(Promise.reject(new Error('no')), 100), /no/)
  })

  it('runs until a predicate holds, within a limit of virtual time', async () => {
    const clock = new VirtualClock()
    let count = 0
    const again = () => {
      count++
      clock.setTimer(10, again)
    }
    again()
    await clock.runUntil(() => count === 4, 100)
    assert.equal(clock.now(), 30)
    await assert.rejects(
      clock.runUntil(() => count === 1000, 100),
      /not reached within 100 ms/,
    )
    assert.equal(clock.now(), 130)
  })

  it('rejects at once when no timer or immediate is left', async () => {
    const clock = new VirtualClock()
    await assert.rejects(
      clock.runUntil(new Promise(() => {}), 100),
      /Nothing is left to run at 0 ms/,
    )
  })

  it('rejects with what a callback throws', async () => {
    const clock = new VirtualClock()
    clock.setTimer(1, () => {
      throw new Error('thrown inside')
    })
    await assert.rejects(clock.advance(1), /thrown inside/)
    await clock.advance(1)
  })

  it('lets timers fire late after a stall', async () => {
    const clock = new VirtualClock()
    const seen: number[] = []
    clock.setTimer(10, () => seen.push(clock.now()))
    clock.stall(500)
    await clock.advance(0)
    assert.deepEqual(seen, [500])
  })

  it('has a wall clock that moves with it, in whole milliseconds', async () => {
    const clock = new VirtualClock({ wallTimeMs: 1_000 })
    await clock.advance(10.5)
    assert.equal(clock.wallTime(), 1_010)
  })
})
