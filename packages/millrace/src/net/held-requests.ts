// Owns the requests that a connection must not send yet, and the reasons: a throttle time of the
// broker (KIP-219) or a re-authentication (KIP-368). Caller: Connection. Invariants: held requests
// are written in order when the last reason is gone; a change is reported in a later turn, and each
// state once.

import type { Clock } from '../runtime/clock.ts'

export interface HeldRequestsEvents<Request> {
  /** The last reason is gone: writes what was held, in order. */
  release(request: Request): void
  /** `closed` changed. */
  onChange(): void
}

export class HeldRequests<Request> {
  readonly #clock: Clock
  readonly #events: HeldRequestsEvents<Request>
  #held: Request[] = []
  /** When the throttle time ends; -Infinity = there is none. */
  #throttledUntilMs = Number.NEGATIVE_INFINITY
  #isHeld = false
  #isHolding = false
  #announced = false
  #stopped = false

  constructor(clock: Clock, events: HeldRequestsEvents<Request>) {
    this.#clock = clock
    this.#events = events
  }

  /** True while requests are held. */
  get isHolding(): boolean {
    return this.#isHolding
  }

  get isEmpty(): boolean {
    return this.#held.length === 0
  }

  /** When the throttle time ends; Infinity = there is none. */
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

  /** Holds all requests until `releaseAll`, independent of the throttle time. */
  holdAll(): void {
    this.#isHeld = true
    this.#update()
  }

  releaseAll(): void {
    this.#isHeld = false
    this.#update()
  }

  /** Releases the requests if the throttle time has ended. */
  check(nowMs: number): void {
    if (nowMs < this.#throttledUntilMs) return
    this.#throttledUntilMs = Number.NEGATIVE_INFINITY
    this.#update()
  }

  /** Ends: no change is reported any more. Returns the held requests. */
  stop(): Request[] {
    this.#stopped = true
    const held = this.#held
    this.#held = []
    return held
  }

  #update(): void {
    if (this.#stopped) return
    const isHolding = this.#isHeld || this.isThrottled
    if (isHolding === this.#isHolding) return
    this.#isHolding = isHolding
    if (isHolding) {
      this.#clock.setImmediate(() => this.#announce())
      return
    }
    const held = this.#held
    this.#held = []
    for (const request of held) this.#events.release(request)
    this.#announce()
  }

  #announce(): void {
    if (this.#stopped || this.#isHolding === this.#announced) return
    this.#announced = this.#isHolding
    this.#events.onChange()
  }
}
