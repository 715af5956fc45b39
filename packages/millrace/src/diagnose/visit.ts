// The time and the connections of one diagnosis: it ends when it is done, when its time is over, or
// when the caller's signal aborts, and closes whatever it opened.

import type { Connection } from '../net/connection.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import type { Clock, Timer } from '../runtime/clock.ts'

export interface VisitOptions {
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

export class Visit {
  readonly clock: Clock
  readonly #caller: AbortSignal | undefined
  readonly #controller = new AbortController()
  readonly #connections = new Set<Connection>()
  readonly #timer: Timer
  readonly #onAbort = (): void => this.#cancelAndNotify(this.#aborted())
  #over: KafkaError | null = null

  constructor(clock: Clock, { timeoutMs, signal }: VisitOptions) {
    this.clock = clock
    this.#caller = signal
    this.#timer = clock.setTimer(timeoutMs, () => {
      const message = `the diagnosis was not done within ${timeoutMs} ms (timeoutMs)`
      this.#cancelAndNotify(new KafkaError('REQUEST_TIMEOUT', message))
    })
    signal?.addEventListener('abort', this.#onAbort, { once: true })
    if (signal?.aborted) this.#onAbort()
  }

  /** Why no further step is begun; null = go on. */
  get over(): KafkaError | null {
    return this.#over
  }

  /** Aborts when it is over. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Closes the connection at the end. */
  hold(connection: Connection): void {
    if (this.#over !== null) connection.close(this.#over)
    else this.#connections.add(connection)
  }

  /** The promise's value; rejects when `limitMs` are over, or the visit is. */
  async within<Value>(promise: Promise<Value>, limitMs: number, what: string): Promise<Value> {
    let stop = (): void => {}
    const limits = new Promise<never>((_resolve, reject) => {
      const onOver = (): void => reject(this.#over)
      const timer = this.clock.setTimer(limitMs, () =>
        reject(new KafkaError('REQUEST_TIMEOUT', `${what} within ${limitMs} ms`)),
      )
      this.signal.addEventListener('abort', onOver, { once: true })
      stop = () => {
        timer.cancel()
        this.signal.removeEventListener('abort', onOver)
      }
      if (this.#over !== null) onOver()
    })
    try {
      return await Promise.race([promise, limits])
    } finally {
      stop()
    }
  }

  /** Throws if the caller aborted; a time that is over is no exception, the report tells it. */
  throwIfAborted(): void {
    if (this.#over?.code === 'ABORTED') throw this.#over
  }

  end(): void {
    this.#timer.cancel()
    this.#caller?.removeEventListener('abort', this.#onAbort)
    for (const connection of this.#connections) connection.close()
    this.#connections.clear()
  }

  #cancelAndNotify(reason: KafkaError): void {
    if (this.#over !== null) return
    this.#over = reason
    this.#timer.cancel()
    for (const connection of this.#connections) connection.close(reason)
    this.#controller.abort(reason)
  }

  #aborted(): KafkaError {
    const cause = this.#caller?.reason as unknown
    return new KafkaError('ABORTED', 'diagnose: aborted by its signal', { cause })
  }
}
