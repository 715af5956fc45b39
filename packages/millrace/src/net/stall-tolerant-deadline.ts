// Owns the decision whether a deadline has really passed. After a program blocks its event loop for
// seconds, timers are due while the broker's responses are still unread in the kernel. Closing at
// once would close healthy connections and send their batches again. So, when a deadline has
// passed:
//  1. If the wake-up was late, the event loop was blocked: the deadline is extended by that time.
//  2. The decision waits for several event-loop turns, each of which reads arrived bytes. It waits
//     longer while bytes arrive, up to a limit.
// Caller: Connection calls check() when its timer fires. Invariant: no deadline is extended twice.

import type { Clock } from '../runtime/clock.ts'

export interface DeadlineSubject {
  /** When the oldest request is overdue; Infinity = there is none. */
  deadlineAtMs(): number
  /** A number that grows when bytes arrive. */
  receivedBytes(): number
  /**
   * The deadline has really passed. May be called after the subject is closed; then it does
   * nothing.
   */
  onOverdue(): void
  /** The deadline has not passed any more: the subject may start its timer again. */
  onNotOverdue(): void
}

/** A wake-up that is later than this is a blocked loop, not the usual delay of a busy one. */
const stallMsMin = 20

/**
 * Turns without a byte before the decision. The first one reads what arrived while the loop was
 * blocked.
 */
const quietTurns = 2

/** Limit of the turns, for a peer that sends its response in small pieces. */
const turnsMax = 200

export class StallTolerantDeadline {
  readonly #clock: Clock
  readonly #subject: DeadlineSubject
  readonly #graceMsMax: number
  /** The deadline that was extended: it is not extended again. */
  #gracedDeadlineAtMs = Number.NaN
  #graceUntilMs = Number.NEGATIVE_INFINITY
  #pending = false

  constructor(clock: Clock, graceMsMax: number, subject: DeadlineSubject) {
    this.#clock = clock
    this.#graceMsMax = graceMsMax
    this.#subject = subject
  }

  /** When check() is due; Infinity while a decision is in progress or without a deadline. */
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
    else this.#subject.onNotOverdue()
  }
}
