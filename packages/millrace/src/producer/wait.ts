// Owns the promises of waiting calls, which end by their result, by an abort signal, or by a time
// limit of the caller. Callers: every waiting call of producer/, admin/, layers/ and diagnose/.
// Invariant: the limits end a call once.

import type { Deadline, Deadlines } from '../engine/deadlines.ts'
import { KafkaError, type Persisted } from '../protocol/kafka-error.ts'
import { ownFields } from '../runtime/own-fields.ts'
import { describeValue, messageOf, readable } from '../runtime/value-kinds.ts'
import { unwatchAbort, watchAbort } from './abort-watch.ts'

/** Options of every waiting call. */
export interface WaitOptions {
  /** The call ends with ABORTED when the signal aborts. */
  readonly signal?: AbortSignal | undefined
  /** The call ends with TIMEOUT after this many milliseconds. */
  readonly timeoutMs?: number | undefined
}

/** The clock of a wait. */
export interface WaitClock {
  readonly deadlines: Deadlines
  readonly now: () => number
  /** Checks the deadlines again. */
  readonly wake: () => void
  /** What prevents a response of the cluster, if known. */
  readonly blockingError: () => KafkaError | null
}

/** The options without inherited fields. Throws INVALID_ARGUMENT if they are invalid. */
export const checkWaitOptions = (given: WaitOptions | undefined): WaitOptions | undefined => {
  if (given === undefined) return undefined
  const options = readOptions(given)
  if (typeof options !== 'object' || options === null) {
    throw new KafkaError(
      'INVALID_ARGUMENT',
      `options must be an object, got ${given === null ? 'null' : typeof given}`,
    )
  }
  for (const name of Object.keys(options)) {
    if (name !== 'signal' && name !== 'timeoutMs') {
      throw new KafkaError(
        'INVALID_ARGUMENT',
        `unknown option '${name}' of a call: the options are signal and timeoutMs`,
      )
    }
  }
  const { signal, timeoutMs } = options
  if (signal !== undefined && !isSignal(signal)) {
    throw new KafkaError(
      'INVALID_ARGUMENT',
      `signal must be an AbortSignal, got ${signal === null ? 'null' : typeof signal}`,
    )
  }
  if (timeoutMs === undefined) return options
  if (typeof timeoutMs !== 'number' || !(timeoutMs >= 0)) {
    throw new KafkaError(
      'INVALID_ARGUMENT',
      `timeoutMs must be milliseconds from 0, got ${describeValue(timeoutMs)}`,
    )
  }
  return options
}

/** Also a signal of another realm, or of a library. */
const isSignal = (signal: AbortSignal | null): boolean =>
  readable(
    () => typeof signal!.addEventListener === 'function' && typeof signal!.aborted === 'boolean',
  ) === true

/** A getter of the caller may throw. */
const readOptions = (given: WaitOptions): WaitOptions => {
  try {
    return ownFields(given)
  } catch (cause) {
    const message = `options could not be read: ${messageOf(cause)}`
    throw new KafkaError('INVALID_ARGUMENT', message, { cause })
  }
}

/**
 * The limits that the caller set for a call: its signal and its time limit. Created before the call
 * does anything, so that an invalid signal ends the call without an effect. From `start` until
 * `stop` they end the call once.
 */
export class CallLimits {
  readonly #options: WaitOptions
  readonly #clock: WaitClock
  #deadline: Deadline | null = null
  #onEnd: ((why: 'aborted' | 'timeout', reason: unknown) => void) | null = null
  #isStopped = false
  readonly #onAbort = (): void => this.#end('aborted')

  /** Throws INVALID_ARGUMENT if the signal cannot be watched. */
  constructor(options: WaitOptions, clock: WaitClock) {
    this.#options = options
    this.#clock = clock
    if (options.signal !== undefined) watchAbort(options.signal, this.#onAbort)
  }

  /** The call has begun; `onEnd` cancels it and notifies the caller. */
  start(onEnd: (why: 'aborted' | 'timeout', reason: unknown) => void): void {
    if (this.#isStopped) return
    this.#onEnd = onEnd
    const { signal, timeoutMs } = this.#options
    if (signal?.aborted) {
      this.#onAbort()
      return
    }
    if (timeoutMs === undefined || timeoutMs === Number.POSITIVE_INFINITY) return
    const { deadlines, now, wake } = this.#clock
    this.#deadline = deadlines.add(now() + timeoutMs, () => this.#end('timeout'))
    wake()
  }

  stop(): void {
    this.#isStopped = true
    const { signal } = this.#options
    if (signal !== undefined) unwatchAbort(signal, this.#onAbort)
    if (this.#deadline !== null) this.#clock.deadlines.remove(this.#deadline)
  }

  #end(why: 'aborted' | 'timeout'): void {
    // Before `start` there is nothing to cancel; `start` checks the signal.
    if (this.#onEnd === null) return
    this.stop()
    this.#onEnd(why, why === 'aborted' ? reasonOf(this.#options.signal) : undefined)
  }
}

/**
 * A promise that settles when `start` settles it, or when the caller's limits end the call. `start`
 * returns a function that is called when the caller no longer waits. `what` begins the message:
 * `'flush'` results in "flush() did not finish within 50 ms". `persisted` = whether the awaited
 * effect may have happened nevertheless; `timeoutMsDefault` = the limit of a call without one.
 */
export const waitFor = <Value>(
  what: string,
  given: WaitOptions | undefined,
  clock: WaitClock,
  start: (resolve: (value: Value) => void, reject: (error: KafkaError) => void) => () => void,
  persisted: Persisted = 'no',
  timeoutMsDefault: number | null = null,
): Promise<Value> =>
  new Promise((resolve, reject) => {
    const own = checkWaitOptions(given)
    const options = timeoutMsDefault === null ? own : withTimeout(own, timeoutMsDefault)
    if (options?.signal?.aborted) {
      reject(abortedError(what, reasonOf(options.signal)))
      return
    }
    const limits = options === undefined ? null : new CallLimits(options, clock)
    const end = (): void => limits?.stop()
    try {
      const forget = start(
        (value) => {
          end()
          resolve(value)
        },
        (error) => {
          end()
          reject(error)
        },
      )
      limits?.start((why, reason) => {
        forget()
        if (why === 'aborted') reject(abortedError(what, reason, persisted))
        else reject(timeoutError(what, options!, clock.blockingError(), persisted))
      })
    } catch (error) {
      end()
      throw error
    }
  })

/** Rejects when the caller's limits end the call, and never settles otherwise. */
export const cancellationOf = (
  what: string,
  options: WaitOptions | undefined,
  clock: WaitClock,
): { readonly cancelled: Promise<never>; stop(): void } => {
  let limits: CallLimits | null = null
  const cancelled = new Promise<never>((_resolve, reject) => {
    if (options === undefined) return
    limits = new CallLimits(options, clock)
    limits.start((why, reason) => {
      if (why === 'aborted') reject(abortedError(what, reason, 'maybe'))
      else reject(timeoutError(what, options, clock.blockingError(), 'maybe'))
    })
  })
  cancelled.catch(() => {})
  return { cancelled, stop: () => limits?.stop() }
}

/** The options with a time limit if the caller set none. */
export const withTimeout = (options: WaitOptions | undefined, timeoutMs: number): WaitOptions =>
  ownFields({ ...options, timeoutMs: options?.timeoutMs ?? timeoutMs })

/** The reason of the abort; a polyfill may have none. */
export const reasonOf = (signal: AbortSignal | undefined): unknown =>
  readable(() => signal?.reason as unknown)

export const abortedError = (
  what: string,
  reason: unknown,
  persisted: Persisted = 'no',
): KafkaError =>
  new KafkaError('ABORTED', `${what}: aborted by its signal`, { cause: reason, persisted })

const timeoutError = (
  what: string,
  { timeoutMs }: WaitOptions,
  blockingError: KafkaError | null,
  persisted: Persisted,
): KafkaError => {
  const message = `${what}() did not finish within ${timeoutMs} ms`
  return blockingError === null
    ? new KafkaError('TIMEOUT', message, { persisted })
    : new KafkaError('TIMEOUT', `${message}: ${blockingError.message}`, {
        persisted,
        cause: blockingError,
      })
}
