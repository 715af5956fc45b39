// Owns since when a broker has not responded, and whether records without a fixed partition should
// avoid it. Caller: BrokerPump reports requests and responses, and calls `look` at each step. It
// needs no timer, because only new records read the result.
//
// A broker becomes unavailable when it has not responded for the timeout, or has not responded and
// holds its share of the buffer. It becomes available with the next response, or when nothing waits
// for it and it is connected. While it is unavailable and no record makes the pump connect, this
// file requests the connection. Invariant: a change is reported once.

export interface WatchedBroker {
  /** A request has no response, or a batch waits for a connection. */
  readonly isWaitedFor: boolean
  readonly isConnected: boolean
  /** Requests a connection. */
  connect(): void
}

export class BrokerSilence {
  readonly #broker: WatchedBroker
  readonly #timeoutMs: number
  readonly #onChange: () => void
  #since = Number.POSITIVE_INFINITY
  #isAvailable = true
  /** Nothing changes before this time. */
  #checkAt = Number.POSITIVE_INFINITY

  /** A timeout of 0 = the broker always counts as available. */
  constructor(broker: WatchedBroker, timeoutMs: number, onChange: () => void) {
    this.#broker = broker
    this.#timeoutMs = timeoutMs === 0 ? Number.POSITIVE_INFINITY : timeoutMs
    this.#onChange = onChange
  }

  get isAvailable(): boolean {
    return this.#isAvailable
  }

  /** Since when requests wait without any response; Infinity = none waits. */
  get since(): number {
    return this.#since
  }

  /** A request was sent, or must wait for the connection. */
  onWaiting(now: number): void {
    if (this.#since === Number.POSITIVE_INFINITY) this.#begin(now)
  }

  onResponse(now: number): void {
    this.#begin(this.#broker.isWaitedFor ? now : Number.POSITIVE_INFINITY)
    this.#setAvailable(true)
  }

  /**
   * The broker does not respond and holds its share of the buffer: more records would only wait.
   */
  onShareFull(): void {
    if (this.#timeoutMs !== Number.POSITIVE_INFINITY) this.#setAvailable(false)
  }

  /** Called at each step. */
  check(now: number): void {
    if (now < this.#checkAt) return
    const { isWaitedFor, isConnected } = this.#broker
    if (!isWaitedFor && (isConnected || this.#isAvailable)) {
      this.#begin(Number.POSITIVE_INFINITY)
      this.#setAvailable(true)
      return
    }
    this.#checkAt = now + this.#timeoutMs
    this.#setAvailable(false)
    if (!isConnected) this.#broker.connect()
  }

  #begin(since: number): void {
    this.#since = since
    this.#checkAt = since + this.#timeoutMs
  }

  #setAvailable(isAvailable: boolean): void {
    if (this.#isAvailable === isAvailable) return
    this.#isAvailable = isAvailable
    this.#onChange()
  }
}
