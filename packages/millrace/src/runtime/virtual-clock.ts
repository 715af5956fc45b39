// Time that moves only when a test says so. It owns a heap of timers and a queue of immediates, and
// runs them one at a time in rounds, as Node's event loop does: the immediates that are queued,
// then the timers that are due, by time, then by age; time moves when there is neither. After each
// callback it waits one turn of the real event loop, so that every promise that can settle has
// settled before the next step: code with promises behaves as it does in production, and two runs
// are equal.
// Invariants: time never goes back; one driver at a time; each driver is bounded in steps, and in
// virtual time where it could go on for ever; a callback that throws rejects the driver's promise.

import { assert } from './assert.ts'
import type { Clock, Timer } from './clock.ts'
import { setImmediate } from './timers.ts'

export interface VirtualClockOptions {
  /** Where the wall clock starts; the epoch of the virtual world. */
  readonly wallTimeMs?: number
  /** Steps that one driver call may take before it throws. */
  readonly stepsMax?: number
  /**
   * What a driver waits for after each callback; a turn of the real event loop by default. Code
   * without native work can wait for `process.nextTick`, which costs less.
   */
  readonly turn?: () => Promise<void>
}

export interface RunLimits {
  /** Virtual time that may pass; unlimited by default. */
  readonly limitMs?: number
  readonly stepsMax?: number
}

class VirtualTimer implements Timer {
  readonly dueAtMs: number
  /** Order of creation: breaks ties of `dueAtMs`. */
  readonly ordinal: number
  /** Null once it has fired or was cancelled. */
  callback: (() => void) | null
  readonly #onCancel: () => void

  constructor(dueAtMs: number, ordinal: number, callback: () => void, onCancel: () => void) {
    this.dueAtMs = dueAtMs
    this.ordinal = ordinal
    this.callback = callback
    this.#onCancel = onCancel
  }

  cancel(): void {
    if (this.callback === null) return
    this.callback = null
    this.#onCancel()
  }

  isBefore(other: VirtualTimer): boolean {
    if (this.dueAtMs !== other.dueAtMs) return this.dueAtMs < other.dueAtMs
    return this.ordinal < other.ordinal
  }
}

const stepsMaxDefault = 10_000_000
const wallTimeMsDefault = Date.UTC(2030, 0, 1)

/** Real turns that a driver with nothing left to do gives to a promise that is still pending. */
const idleTurnsMax = 3

/** The round still runs its immediates. */
const unfixed = -1

/** A turn of the real event loop: every promise job that is ready has run when it is over. */
const realTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export class VirtualClock implements Clock {
  readonly #wallTimeStartMs: number
  readonly #stepsMax: number
  readonly #turn: () => Promise<void>
  readonly #heap: VirtualTimer[] = []
  readonly #immediates: (() => void)[] = []
  #immediateIndex = 0
  /** Immediates left in this round; one that they queue waits for the next round. */
  #immediatesLeft = 0
  /** Timers of this round are older than this; fixed when its immediates have run. */
  #roundOrdinal = 0
  #nowMs = 0
  #nextOrdinal = 0
  #pendingTimers = 0
  #timerWakeups = 0
  #steps = 0
  #driving = false

  constructor(options: VirtualClockOptions = {}) {
    this.#wallTimeStartMs = options.wallTimeMs ?? wallTimeMsDefault
    this.#stepsMax = options.stepsMax ?? stepsMaxDefault
    this.#turn = options.turn ?? realTurn
  }

  now(): number {
    return this.#nowMs
  }

  wallTime(): number {
    return Math.floor(this.#wallTimeStartMs + this.#nowMs)
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    assert(!Number.isNaN(delayMs), 'the delay of a timer is a number')
    const dueAtMs = this.#nowMs + Math.max(0, delayMs)
    const timer = new VirtualTimer(dueAtMs, this.#nextOrdinal++, callback, () => {
      this.#pendingTimers--
    })
    this.#pendingTimers++
    this.#pushTimer(timer)
    return timer
  }

  setImmediate(callback: () => void): void {
    this.#immediates.push(callback)
  }

  /** Timers that were started, and neither fired nor were cancelled: 0 when nothing leaks. */
  get pendingTimers(): number {
    return this.#pendingTimers
  }

  get pendingImmediates(): number {
    return this.#immediates.length - this.#immediateIndex
  }

  /** Timers that fired so far. */
  get timerWakeups(): number {
    return this.#timerWakeups
  }

  /** Callbacks run so far, immediates and timers. */
  get steps(): number {
    return this.#steps
  }

  /** When the next timer is due; Infinity without one. */
  get nextTimerAtMs(): number {
    return this.#peekTimer()?.dueAtMs ?? Number.POSITIVE_INFINITY
  }

  /**
   * Lets `durationMs` pass, running what is due on the way. Rejects with what a callback throws.
   */
  async advance(durationMs: number): Promise<void> {
    assert(durationMs >= 0, 'time does not go back')
    const endMs = this.#nowMs + durationMs
    await this.#drive(this.#stepsMax, async (step) => {
      while (step(endMs)) await this.#turn()
      this.#nowMs = Math.max(this.#nowMs, endMs)
    })
  }

  /**
   * Moves time without running anything, as a program does that blocks its event loop: the timers
   * that fell due meanwhile fire late, one after the other, at the next step.
   */
  stall(durationMs: number): void {
    assert(durationMs >= 0, 'time does not go back')
    this.#nowMs += durationMs
  }

  /**
   * Runs until no timer and no immediate is left. Rejects if that takes longer than the limits.
   */
  async runUntilIdle(limits: RunLimits = {}): Promise<void> {
    const endMs = this.#nowMs + (limits.limitMs ?? Number.POSITIVE_INFINITY)
    await this.#drive(limits.stepsMax ?? this.#stepsMax, async (step) => {
      while (step(endMs)) await this.#turn()
      if (this.#pendingTimers === 0) return
      throw new Error(`Not idle after ${limits.limitMs} ms: ${this.#pendingTimers} timers are left`)
    })
  }

  /**
   * Runs until the predicate holds or the promise settles, and gives the promise's value. Rejects
   * when `limitMs` of virtual time pass before, or when nothing is left to run and it still has not
   * happened.
   */
  async runUntil(goal: () => boolean, limitMs: number): Promise<void>
  async runUntil<Value>(goal: Promise<Value>, limitMs: number): Promise<Value>
  async runUntil<Value>(
    goal: Promise<Value> | (() => boolean),
    limitMs: number,
  ): Promise<Value | undefined> {
    if (typeof goal === 'function') {
      await this.#runUntil(goal, limitMs)
      return undefined
    }
    let settled = false
    const settle = () => {
      settled = true
    }
    goal.then(settle, settle)
    await this.#runUntil(() => settled, limitMs)
    return goal
  }

  async #runUntil(isReached: () => boolean, limitMs: number): Promise<void> {
    const endMs = this.#nowMs + limitMs
    let idleTurns = 0
    await this.#drive(this.#stepsMax, async (step) => {
      while (!isReached()) {
        if (step(endMs)) idleTurns = 0
        else if (idleTurns++ === idleTurnsMax) throw this.#notReached(endMs, limitMs)
        await this.#turn()
      }
    })
  }

  #notReached(endMs: number, limitMs: number): Error {
    if (this.#pendingTimers === 0) {
      return new Error(`Nothing is left to run at ${this.#nowMs} ms, and the goal is not reached`)
    }
    this.#nowMs = Math.max(this.#nowMs, endMs)
    return new Error(`The goal is not reached within ${limitMs} ms of virtual time`)
  }

  /** Runs `body` as the only driver; the step function it gets is bounded. */
  async #drive(
    stepsMax: number,
    body: (step: (endMs: number) => boolean) => Promise<void>,
  ): Promise<void> {
    assert(!this.#driving, 'one driver of a virtual clock runs at a time')
    this.#driving = true
    const stepsEnd = this.#steps + stepsMax
    try {
      await this.#turn()
      await body((endMs) => {
        if (this.#steps >= stepsEnd) {
          throw new Error(`Gave up after ${stepsMax} steps, at ${this.#nowMs} ms of virtual time`)
        }
        return this.#step(endMs)
      })
    } finally {
      this.#driving = false
    }
  }

  /** Runs one callback; false = nothing is due up to `endMs`. */
  #step(endMs: number): boolean {
    if (this.#immediatesLeft === 0) {
      if (this.#roundOrdinal === unfixed) this.#roundOrdinal = this.#nextOrdinal
      if (this.#runTimer()) return true
      this.#startRound(endMs)
      if (this.#immediatesLeft === 0) return this.#runTimer()
    }
    this.#immediatesLeft--
    const immediate = this.#takeImmediate()
    assert(immediate !== undefined, 'the immediates of a round are queued')
    this.#steps++
    immediate()
    return true
  }

  /** Begins with the immediates; where there is none, time moves on to the next timer. */
  #startRound(endMs: number): void {
    this.#immediatesLeft = this.pendingImmediates
    this.#roundOrdinal = this.#immediatesLeft > 0 ? unfixed : this.#nextOrdinal
    const timer = this.#immediatesLeft > 0 ? undefined : this.#peekTimer()
    if (timer === undefined || timer.dueAtMs > endMs) return
    this.#nowMs = Math.max(this.#nowMs, timer.dueAtMs)
  }

  /** Runs the next timer, if it is due now and of this round. */
  #runTimer(): boolean {
    const timer = this.#peekTimer()
    if (timer === undefined || timer.dueAtMs > this.#nowMs) return false
    if (timer.ordinal >= this.#roundOrdinal) return false
    this.#popTimer()
    const callback = timer.callback
    assert(callback !== null, 'a timer that is due has a callback')
    timer.callback = null
    this.#pendingTimers--
    this.#timerWakeups++
    this.#steps++
    callback()
    return true
  }

  #takeImmediate(): (() => void) | undefined {
    if (this.#immediateIndex === this.#immediates.length) return undefined
    const callback = this.#immediates[this.#immediateIndex++]
    if (this.#immediateIndex === this.#immediates.length) {
      this.#immediates.length = 0
      this.#immediateIndex = 0
    }
    return callback
  }

  /** The next timer that is still wanted; cancelled ones before it are dropped on the way. */
  #peekTimer(): VirtualTimer | undefined {
    while (this.#heap[0] !== undefined && this.#heap[0].callback === null) this.#popTimer()
    return this.#heap[0]
  }

  #pushTimer(timer: VirtualTimer): void {
    const heap = this.#heap
    let index = heap.length
    heap.push(timer)
    while (index > 0) {
      const parentIndex = (index - 1) >> 1
      const parent = heap[parentIndex]!
      if (!timer.isBefore(parent)) break
      heap[index] = parent
      index = parentIndex
    }
    heap[index] = timer
  }

  #popTimer(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let index = 0
    for (;;) {
      let childIndex = 2 * index + 1
      if (childIndex >= heap.length) break
      const right = heap[childIndex + 1]
      if (right?.isBefore(heap[childIndex]!)) childIndex++
      const child = heap[childIndex]!
      if (!child.isBefore(last)) break
      heap[index] = child
      index = childIndex
    }
    heap[index] = last
  }
}
