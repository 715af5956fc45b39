// Owns virtual time: a heap of timers and a queue of immediates. It runs them one at a time in
// rounds, as Node's event loop does: first the queued immediates, then the due timers by time and
// age. Time moves only when neither is left. After each callback it waits one turn of the real
// event loop, so that promises settle before the next step. Callers: tests and the simulator.
// Invariants: two runs are equal; time never goes back; one driver at a time; each driver has a
// limit of steps, and of virtual time if it could run forever; an error of a callback rejects the
// driver's promise.

import { assert } from './assert.ts'
import type { Clock, Timer } from './clock.ts'
import { setImmediate } from './timers.ts'

export interface VirtualClockOptions {
  /** The initial wall time; the epoch of virtual time. */
  readonly wallTimeMs?: number
  /** Limit of the steps of one driver call, after which it throws. */
  readonly stepsMax?: number
  /**
   * What a driver waits for after each callback; a turn of the real event loop by default. Code
   * without native work can wait for `process.nextTick`, which costs less.
   */
  readonly turn?: () => Promise<void>
}

export interface RunLimits {
  /** Limit of the virtual time; unlimited by default. */
  readonly limitMs?: number
  readonly stepsMax?: number
}

class VirtualTimer implements Timer {
  readonly dueAtMs: number
  /** Order of creation, which decides between equal `dueAtMs`. */
  readonly ordinal: number
  /** Null after it has fired or was cancelled. */
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

/** Real turns that a driver without work waits for a promise that is still pending. */
const idleTurnsMax = 3

/** The round still runs its immediates. */
const unfixed = -1

/** A turn of the real event loop: afterwards every promise job that was ready has run. */
const realTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export class VirtualClock implements Clock {
  readonly #wallTimeStartMs: number
  readonly #stepsMax: number
  readonly #turn: () => Promise<void>
  readonly #heap: VirtualTimer[] = []
  readonly #immediates: (() => void)[] = []
  #immediateIndex = 0
  /** Immediates left in this round; immediates that they queue belong to the next round. */
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

  /** Timers that are running: 0 if nothing leaks. */
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

  /** Immediates and timers that ran so far. */
  get steps(): number {
    return this.#steps
  }

  /** When the next timer is due; Infinity without one. */
  get nextTimerAtMs(): number {
    return this.#peekTimer()?.dueAtMs ?? Number.POSITIVE_INFINITY
  }

  /** Advances time by `durationMs` and runs what is due. Rejects with an error of a callback. */
  async advance(durationMs: number): Promise<void> {
    assert(durationMs >= 0, 'time does not go back')
    const endMs = this.#nowMs + durationMs
    await this.#drive(this.#stepsMax, async (step) => {
      while (step(endMs)) await this.#turn()
      this.#nowMs = Math.max(this.#nowMs, endMs)
    })
  }

  /**
   * Advances time without running anything, as a blocked event loop does: timers that became due
   * fire late, one after the other, at the next step.
   */
  stall(durationMs: number): void {
    assert(durationMs >= 0, 'time does not go back')
    this.#nowMs += durationMs
  }

  /** Runs until no timer and no immediate is left. Rejects when the limits are exceeded. */
  async runUntilIdle(limits: RunLimits = {}): Promise<void> {
    const endMs = this.#nowMs + (limits.limitMs ?? Number.POSITIVE_INFINITY)
    await this.#drive(limits.stepsMax ?? this.#stepsMax, async (step) => {
      while (step(endMs)) await this.#turn()
      if (this.#pendingTimers === 0) return
      throw new Error(`Not idle after ${limits.limitMs} ms: ${this.#pendingTimers} timers are left`)
    })
  }

  /**
   * Runs until the predicate is true or the promise settles, and returns the promise's value.
   * Rejects when `limitMs` of virtual time have passed, or when nothing is left to run.
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

  /** Runs `body` as the only driver; its step function has a limit. */
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
          throw new Error(`Not done after ${stepsMax} steps, at ${this.#nowMs} ms of virtual time`)
        }
        return this.#step(endMs)
      })
    } finally {
      this.#driving = false
    }
  }

  /** Runs one callback; false = nothing is due before `endMs`. */
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

  /** Starts with the immediates; without any, time moves to the next timer. */
  #startRound(endMs: number): void {
    this.#immediatesLeft = this.pendingImmediates
    this.#roundOrdinal = this.#immediatesLeft > 0 ? unfixed : this.#nextOrdinal
    const timer = this.#immediatesLeft > 0 ? undefined : this.#peekTimer()
    if (timer === undefined || timer.dueAtMs > endMs) return
    this.#nowMs = Math.max(this.#nowMs, timer.dueAtMs)
  }

  /** Runs the next timer if it is due and belongs to this round. */
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

  /** The next running timer; cancelled timers before it are removed. */
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
