// Since when a broker has left what is sent to it without a response, and whether records that may
// go to any partition should avoid it. Owner: BrokerPump, which reports requests and responses, and
// has it look at each step: it needs no timer, since only new records ask for the result.
//
// A broker is unavailable once it was silent for the timeout, or is silent and holds its share of
// the buffer. It is available again with the next response, or when nothing waits for it and it is
// connected. While it is unavailable, and no record makes the pump connect, this module requests
// the connection.

export interface WatchedBroker {
  /** Something was sent without a response, or waits for a connection. */
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
  /** There is nothing to decide before this moment. */
  #lookAt = Number.POSITIVE_INFINITY

  /** A timeout of 0 = the broker always counts as available. */
  constructor(broker: WatchedBroker, timeoutMs: number, onChange: () => void) {
    this.#broker = broker
    this.#timeoutMs = timeoutMs === 0 ? Number.POSITIVE_INFINITY : timeoutMs
    this.#onChange = onChange
  }

  get isAvailable(): boolean {
    return this.#isAvailable
  }

  /** Since when something waits without any response; Infinity = nothing does. */
  get since(): number {
    return this.#since
  }

  /** Something was sent, or has to wait for the connection. */
  onWaiting(now: number): void {
    if (this.#since === Number.POSITIVE_INFINITY) this.#begin(now)
  }

  onResponse(now: number): void {
    this.#begin(this.#broker.isWaitedFor ? now : Number.POSITIVE_INFINITY)
    this.#setAvailable(true)
  }

  /** The broker is silent and holds its share of the buffer: more would only wait. */
  onShareFull(): void {
    if (this.#timeoutMs !== Number.POSITIVE_INFINITY) this.#setAvailable(false)
  }

  /** Called at each step. */
  look(now: number): void {
    if (now < this.#lookAt) return
    const { isWaitedFor, isConnected } = this.#broker
    if (!isWaitedFor && (isConnected || this.#isAvailable)) {
      this.#begin(Number.POSITIVE_INFINITY)
      this.#setAvailable(true)
      return
    }
    this.#lookAt = now + this.#timeoutMs
    this.#setAvailable(false)
    if (!isConnected) this.#broker.connect()
  }

  #begin(since: number): void {
    this.#since = since
    this.#lookAt = since + this.#timeoutMs
  }

  #setAvailable(isAvailable: boolean): void {
    if (this.#isAvailable === isAvailable) return
    this.#isAvailable = isAvailable
    this.#onChange()
  }
}
