// The time limit and the connections of one diagnosis. It ends when the diagnosis is complete, the
// time limit is reached, or the caller's signal aborts, and must then close every connection that
// it holds. diagnosis.ts creates it; the steps use it.

import type { Connection } from '../net/connection.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import type { Clock, Timer } from '../runtime/clock.ts'

export interface RunLimits {
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

export class DiagnosisRun {
  readonly clock: Clock
  readonly #caller: AbortSignal | undefined
  readonly #controller = new AbortController()
  readonly #connections = new Set<Connection>()
  readonly #timer: Timer
  readonly #onAbort = (): void => this.#cancelAndNotify(this.#aborted())
  #endReason: KafkaError | null = null

  constructor(clock: Clock, { timeoutMs, signal }: RunLimits) {
    this.clock = clock
    this.#caller = signal
    this.#timer = clock.setTimer(timeoutMs, () => {
      const message = `the diagnosis was not done within ${timeoutMs} ms (timeoutMs)`
      this.#cancelAndNotify(new KafkaError('REQUEST_TIMEOUT', message))
    })
    signal?.addEventListener('abort', this.#onAbort, { once: true })
    if (signal?.aborted) this.#onAbort()
  }

  /** Why no more steps are started; null = continue. */
  get endReason(): KafkaError | null {
    return this.#endReason
  }

  /** Aborts when the diagnosis ends. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Closes the connection when the diagnosis ends. */
  closeAtEnd(connection: Connection): void {
    if (this.#endReason !== null) connection.close(this.#endReason)
    else this.#connections.add(connection)
  }

  /** Resolves with the promise's value; rejects after `limitMs`, or when the diagnosis ends. */
  async within<Value>(promise: Promise<Value>, limitMs: number, what: string): Promise<Value> {
    let stop = (): void => {}
    const limits = new Promise<never>((_resolve, reject) => {
      const onEnd = (): void => reject(this.#endReason)
      const timer = this.clock.setTimer(limitMs, () =>
        reject(new KafkaError('REQUEST_TIMEOUT', `${what} within ${limitMs} ms`)),
      )
      this.signal.addEventListener('abort', onEnd, { once: true })
      stop = () => {
        timer.cancel()
        this.signal.removeEventListener('abort', onEnd)
      }
      if (this.#endReason !== null) onEnd()
    })
    try {
      return await Promise.race([promise, limits])
    } finally {
      stop()
    }
  }

  /** Throws only if the caller aborted; an exceeded time limit is part of the report. */
  throwIfAborted(): void {
    if (this.#endReason?.code === 'ABORTED') throw this.#endReason
  }

  end(): void {
    this.#timer.cancel()
    this.#caller?.removeEventListener('abort', this.#onAbort)
    for (const connection of this.#connections) connection.close()
    this.#connections.clear()
  }

  #cancelAndNotify(reason: KafkaError): void {
    if (this.#endReason !== null) return
    this.#endReason = reason
    this.#timer.cancel()
    for (const connection of this.#connections) connection.close(reason)
    this.#controller.abort(reason)
  }

  #aborted(): KafkaError {
    const cause = this.#caller?.reason as unknown
    return new KafkaError('ABORTED', 'diagnose: aborted by its signal', { cause })
  }
}
