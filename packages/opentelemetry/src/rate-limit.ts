// A rate limit: at most a number of permits per second, and the same number at once. spans.ts uses
// it to decide which records get their own span.

export class RateLimit {
  readonly #perSecond: number
  readonly #now: () => number
  #left: number
  #countedAtMs: number

  constructor(perSecond: number, now: () => number) {
    this.#perSecond = perSecond
    this.#now = now
    this.#left = perSecond
    this.#countedAtMs = now()
  }

  take(): boolean {
    if (this.#left < 1) this.#refill()
    if (this.#left < 1) return false
    this.#left--
    return true
  }

  #refill(): void {
    const nowMs = this.#now()
    const elapsedMs = Math.max(0, nowMs - this.#countedAtMs)
    this.#countedAtMs = nowMs
    this.#left = Math.min(this.#perSecond, this.#left + (elapsedMs * this.#perSecond) / 1000)
  }
}
