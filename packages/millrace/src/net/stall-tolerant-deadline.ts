// Decides whether a deadline has really passed. A program that blocks its event loop for seconds
// finds its timers due and the broker's responses unread in the kernel; judging by the clock alone
// would close healthy connections (and send their batches again). So, once a deadline is past:
// 1. where the wake-up came late, the loop was stalled: the deadline gets that time back, once;
// 2. the sentence is put off by event-loop turns, each of which reads what has arrived, and for as
//    long as bytes keep arriving (within a bound).
// The connection calls check() when its timer wakes it.

import type { Clock } from '../runtime/clock.ts'

export interface VerdictSubject {
  /** When the oldest thing that is waited for is overdue; Infinity = nothing is. */
  deadlineAtMs(): number
  /** A number that grows when bytes arrive. */
  receivedBytes(): number
  /**
   * Still overdue after all: the sentence. May come when the subject is gone: then it is a no-op.
   */
  onOverdue(): void
  /** Not overdue any more: the subject may arm its timer again. */
  onAcquitted(): void
}

/** A wake-up that is later than this is a stall, not the usual delay of a busy loop. */
const stallMsMin = 20

/** Turns without a byte before the sentence. The first one reads what came during the stall. */
const quietTurns = 2

/** Turns in all, for a peer that sends its response in tiny pieces. */
const turnsMax = 200

export class Verdict {
  readonly #clock: Clock
  readonly #subject: VerdictSubject
  readonly #graceMsMax: number
  /** The deadline that got its time back: none gets it twice. */
  #gracedDeadlineAtMs = Number.NaN
  #graceUntilMs = Number.NEGATIVE_INFINITY
  #pending = false

  constructor(clock: Clock, graceMsMax: number, subject: VerdictSubject) {
    this.#clock = clock
    this.#graceMsMax = graceMsMax
    this.#subject = subject
  }

  /** When check() is due; Infinity while a verdict is being reached, or nothing is waited for. */
  get dueAtMs(): number {
    if (this.#pending) return Number.POSITIVE_INFINITY
    return Math.max(this.#subject.deadlineAtMs(), this.#graceUntilMs)
  }

  /** `lateMs`: how late the caller's timer fired. */
  check(lateMs: number): void {
    const now = this.#clock.now()
    if (now < this.dueAtMs) return
    const deadlineAtMs = this.#subject.deadlineAtMs()
    if (lateMs > stallMsMin && deadlineAtMs !== this.#gracedDeadlineAtMs) {
      this.#gracedDeadlineAtMs = deadlineAtMs
      this.#graceUntilMs = now + Math.min(lateMs, this.#graceMsMax)
      return
    }
    this.#pending = true
    this.#takeTurn(quietTurns, turnsMax, this.#subject.receivedBytes())
  }

  #takeTurn(quietTurnsLeft: number, turnsLeft: number, receivedBytes: number): void {
    this.#clock.setImmediate(() => {
      const received = this.#subject.receivedBytes()
      const quietLeft = received === receivedBytes ? quietTurnsLeft - 1 : quietTurns
      if (quietLeft > 0 && turnsLeft > 1) this.#takeTurn(quietLeft, turnsLeft - 1, received)
      else this.#decide()
    })
  }

  #decide(): void {
    this.#pending = false
    if (this.#clock.now() >= this.dueAtMs) this.#subject.onOverdue()
    else this.#subject.onAcquitted()
  }
}
