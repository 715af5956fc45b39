// A promise that its caller may stop waiting for: by an abort signal, or by a time limit of its
// own. One place for both, used by every waiting call.

import type { Deadline, Deadlines } from '../engine/deadlines.ts'
import { KafkaError, type Persisted } from '../protocol/kafka-error.ts'
import { unwatchAbort, watchAbort } from './abort-watch.ts'

/** What every waiting call takes. */
export interface WaitOptions {
  /** Gives up when it aborts. */
  readonly signal?: AbortSignal | undefined
  /** Gives up after this many milliseconds. */
  readonly timeoutMs?: number | undefined
}

/** Time as a wait needs it. */
export interface WaitClock {
  readonly deadlines: Deadlines
  readonly now: () => number
  /** Looks at the deadlines anew. */
  readonly wake: () => void
  /** What keeps the cluster from answering, where that is known. */
  readonly trouble: () => KafkaError | null
}

/** Throws INVALID_ARGUMENT where the options are wrong. */
export const checkWaitOptions = (options: WaitOptions | undefined): void => {
  if (options === undefined) return
  if (typeof options !== 'object' || options === null) {
    throw new KafkaError('INVALID_ARGUMENT', 'the options of a call are an object')
  }
  for (const name in options) {
    if (name !== 'signal' && name !== 'timeoutMs') {
      throw new KafkaError(
        'INVALID_ARGUMENT',
        `${name} is no option of a call: expected signal or timeoutMs`,
      )
    }
  }
  const { signal, timeoutMs } = options
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    throw new KafkaError('INVALID_ARGUMENT', 'signal is not an AbortSignal')
  }
  if (timeoutMs === undefined) return
  if (typeof timeoutMs !== 'number' || !(timeoutMs >= 0)) {
    throw new KafkaError(
      'INVALID_ARGUMENT',
      `timeoutMs is ${String(timeoutMs)}: expected milliseconds from 0`,
    )
  }
}

/** Watches the signal and the time limit until it is stopped; `giveUp` is called once at most. */
export class Patience {
  readonly #signal: AbortSignal | undefined
  readonly #clock: WaitClock
  #deadline: Deadline | null = null
  readonly #onAbort: () => void

  constructor(
    options: WaitOptions,
    clock: WaitClock,
    giveUp: (why: 'aborted' | 'timeout', reason: unknown) => void,
  ) {
    this.#signal = options.signal
    this.#clock = clock
    this.#onAbort = () => {
      this.stop()
      giveUp('aborted', options.signal?.reason)
    }
    if (options.signal !== undefined) watchAbort(options.signal, this.#onAbort)
    const { timeoutMs } = options
    if (timeoutMs === undefined || timeoutMs === Number.POSITIVE_INFINITY) return
    this.#deadline = clock.deadlines.add(clock.now() + timeoutMs, () => {
      this.stop()
      giveUp('timeout', undefined)
    })
    clock.wake()
  }

  stop(): void {
    if (this.#signal !== undefined) unwatchAbort(this.#signal, this.#onAbort)
    if (this.#deadline !== null) this.#clock.deadlines.remove(this.#deadline)
  }
}

/**
 * A promise that settles when `start` says so, or when the caller's patience ends. `start` returns
 * what to do when nobody waits any more. `what` begins the message: `'flush'` gives "flush: not
 * done within 50 ms". `persisted` = whether what it waits for may have happened nevertheless.
 */
export const waitFor = <Value>(
  what: string,
  options: WaitOptions | undefined,
  clock: WaitClock,
  start: (resolve: (value: Value) => void, reject: (error: KafkaError) => void) => () => void,
  persisted: Persisted = 'no',
): Promise<Value> =>
  new Promise((resolve, reject) => {
    checkWaitOptions(options)
    if (options?.signal?.aborted) {
      reject(abortedError(what, options.signal.reason))
      return
    }
    let patience: Patience | null = null
    let over = false
    const forget = start(
      (value) => {
        over = true
        patience?.stop()
        resolve(value)
      },
      (error) => {
        over = true
        patience?.stop()
        reject(error)
      },
    )
    if (options === undefined || over) return
    patience = new Patience(options, clock, (why, reason) => {
      forget()
      if (why === 'aborted') reject(abortedError(what, reason, persisted))
      else reject(timeoutError(what, options, clock.trouble(), persisted))
    })
  })

/** Rejects when the caller's patience ends, and never otherwise. */
export const giveUpPromise = (
  what: string,
  options: WaitOptions | undefined,
  clock: WaitClock,
): { readonly givenUp: Promise<never>; stop(): void } => {
  let patience: Patience | null = null
  const givenUp = new Promise<never>((_resolve, reject) => {
    if (options === undefined) return
    patience = new Patience(options, clock, (why, reason) => {
      if (why === 'aborted') reject(abortedError(what, reason, 'maybe'))
      else reject(timeoutError(what, options, clock.trouble(), 'maybe'))
    })
  })
  givenUp.catch(() => {})
  return { givenUp, stop: () => patience?.stop() }
}

export const abortedError = (
  what: string,
  reason: unknown,
  persisted: Persisted = 'no',
): KafkaError =>
  new KafkaError('ABORTED', `${what}: aborted by its signal`, { cause: reason, persisted })

const timeoutError = (
  what: string,
  { timeoutMs }: WaitOptions,
  trouble: KafkaError | null,
  persisted: Persisted,
): KafkaError => {
  const message = `${what}: not done within ${timeoutMs} ms`
  return trouble === null
    ? new KafkaError('DELIVERY_TIMEOUT', message, { persisted })
    : new KafkaError('DELIVERY_TIMEOUT', `${message}: ${trouble.message}`, {
        persisted,
        cause: trouble,
      })
}
