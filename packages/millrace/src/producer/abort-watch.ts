// Owns the listeners on abort signals. Waits that share a signal share one listener, so that Node
// does not warn of a leak; it is removed with the last wait. Callers: the code that accepts a
// signal (wait.ts, streams, serializers, admin/). Invariant: a signal that throws is an
// INVALID_ARGUMENT.

import { KafkaError } from '../protocol/kafka-error.ts'
import { messageOf, readable } from '../runtime/value-kinds.ts'

const watches = new WeakMap<AbortSignal, AbortWatch>()

class AbortWatch {
  readonly #signal: AbortSignal
  readonly #callbacks = new Set<() => void>()
  readonly #listener = (): void => {
    // A callback may remove itself and others; removed callbacks are not called.
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

/** Calls the callback in the turn in which the signal aborts, unless it is removed before. */
export const watchAbort = (signal: AbortSignal, callback: () => void): void => {
  let watch = watches.get(signal)
  if (watch === undefined) {
    watch = new AbortWatch(signal)
    watches.set(signal, watch)
  }
  watch.add(callback)
}

/** Removes the callback; a second call has no effect. */
export const unwatchAbort = (signal: AbortSignal, callback: () => void): void => {
  watches.get(signal)?.remove(callback)
}
