// Which waits end when an abort signal fires. Any number of waits may share one signal: it gets one
// listener for all of them, so that Node warns of no leak, and loses it with the last wait. A
// signal that throws is an INVALID_ARGUMENT. Called by whatever takes a signal.

import { KafkaError } from '../protocol/kafka-error.ts'
import { messageOf, readable } from '../runtime/value-kinds.ts'

const watches = new WeakMap<AbortSignal, AbortWatch>()

class AbortWatch {
  readonly #signal: AbortSignal
  readonly #callbacks = new Set<() => void>()
  readonly #listener = (): void => {
    // A callback may take itself and others out; those are not called any more.
    for (const callback of this.#callbacks) callback()
  }

  constructor(signal: AbortSignal) {
    this.#signal = signal
    try {
      signal.addEventListener('abort', this.#listener, { once: true })
    } catch (cause) {
      const message = `signal could not be watched: ${messageOf(cause)}`
      throw new KafkaError('INVALID_ARGUMENT', message, { cause })
    }
  }

  add(callback: () => void): void {
    this.#callbacks.add(callback)
  }

  remove(callback: () => void): void {
    this.#callbacks.delete(callback)
    if (this.#callbacks.size > 0) return
    readable(() => this.#signal.removeEventListener('abort', this.#listener))
    watches.delete(this.#signal)
  }
}

/** The callback is called in the turn in which the signal aborts, until it is taken out. */
export const watchAbort = (signal: AbortSignal, callback: () => void): void => {
  let watch = watches.get(signal)
  if (watch === undefined) {
    watch = new AbortWatch(signal)
    watches.set(signal, watch)
  }
  watch.add(callback)
}

/** Takes the callback out; more than once is no mistake. */
export const unwatchAbort = (signal: AbortSignal, callback: () => void): void => {
  watches.get(signal)?.remove(callback)
}
