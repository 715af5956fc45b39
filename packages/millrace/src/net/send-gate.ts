// Holds a connection's requests back for as long as there is a reason: a broker asked for silence
// (KIP-219), or the connection authenticates itself anew (KIP-368). It owns the reasons and what is
// held; what was held goes out in order when the last reason is gone. Owned by Connection.
// Invariant: a caller is notified of a change in a later turn, and of each state once.

import type { Clock } from '../runtime/clock.ts'

export interface GateEvents<Request> {
  /** The gate opened: writes what was held, in order. */
  release(request: Request): void
  /** `closed` changed. */
  onChange(): void
}

export class SendGate<Request> {
  readonly #clock: Clock
  readonly #events: GateEvents<Request>
  #held: Request[] = []
  /** The throttle time ends then; -Infinity = there is none. */
  #throttledUntilMs = Number.NEGATIVE_INFINITY
  #shut = false
  #closed = false
  #announced = false
  #stopped = false

  constructor(clock: Clock, events: GateEvents<Request>) {
    this.#clock = clock
    this.#events = events
  }

  /** Requests are held. */
  get closed(): boolean {
    return this.#closed
  }

  get isEmpty(): boolean {
    return this.#held.length === 0
  }

  /** When a throttle time is over; Infinity = none runs. */
  get dueAtMs(): number {
    return this.isThrottled ? this.#throttledUntilMs : Number.POSITIVE_INFINITY
  }

  get isThrottled(): boolean {
    return this.#throttledUntilMs !== Number.NEGATIVE_INFINITY
  }

  hold(request: Request): void {
    this.#held.push(request)
  }

  throttle(untilMs: number): void {
    this.#throttledUntilMs = Math.max(this.#throttledUntilMs, untilMs)
    this.#update()
  }

  /** Holds everything until `open`, whatever the time. */
  shut(): void {
    this.#shut = true
    this.#update()
  }

  open(): void {
    this.#shut = false
    this.#update()
  }

  /** Looks at the time. */
  check(nowMs: number): void {
    if (nowMs < this.#throttledUntilMs) return
    this.#throttledUntilMs = Number.NEGATIVE_INFINITY
    this.#update()
  }

  /** For good: no caller is notified any more. Gives what was held. */
  stop(): Request[] {
    this.#stopped = true
    const held = this.#held
    this.#held = []
    return held
  }

  #update(): void {
    if (this.#stopped) return
    const closed = this.#shut || this.isThrottled
    if (closed === this.#closed) return
    this.#closed = closed
    if (closed) {
      this.#clock.setImmediate(() => this.#announce())
      return
    }
    const held = this.#held
    this.#held = []
    for (const request of held) this.#events.release(request)
    this.#announce()
  }

  #announce(): void {
    if (this.#stopped || this.#closed === this.#announced) return
    this.#announced = this.#closed
    this.#events.onChange()
  }
}
