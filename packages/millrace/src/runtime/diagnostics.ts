// Owns the access to node:diagnostics_channel. A publisher creates its channel here, checks
// `hasSubscribers` before it creates an event, and publishes. Callers: cluster-client/, engine/,
// producer/. Invariants: without subscribers an event costs one comparison; an error of a
// subscriber does not reach the publisher, because Node throws it in a separate tick.

import { channel } from 'node:diagnostics_channel'

/** The producer that an event belongs to. */
export interface EventOrigin {
  /** The producer: the same object in all its events. */
  readonly producer: object
  readonly clientId: string
}

export interface EventChannel<Event extends EventOrigin> {
  readonly hasSubscribers: boolean
  publish(event: Event): void
}

/** The channel `millrace:NAME` of this process. */
export const eventChannel = <Event extends EventOrigin>(name: string): EventChannel<Event> =>
  channel(`millrace:${name}`)

/** The context of one operation: the same object in each of its events. */
export interface TraceContext extends EventOrigin {
  /** The reason of the failure; set before the event `error`. */
  error?: unknown
}

const nothing = (): void => {}

/**
 * The five channels of Node's `tracingChannel('millrace:NAME')`. Each operation publishes `start`
 * and `end` around its synchronous part, and `asyncStart` and `asyncEnd` around its result, with
 * `error` before them if it failed: each once, in this order.
 */
export class OperationTracing<Context extends TraceContext> {
  readonly #start
  readonly #end
  readonly #asyncStart
  readonly #asyncEnd
  readonly #error

  constructor(name: string) {
    const part = (event: string) => channel(`tracing:millrace:${name}:${event}`)
    this.#start = part('start')
    this.#end = part('end')
    this.#asyncStart = part('asyncStart')
    this.#asyncEnd = part('asyncEnd')
    this.#error = part('error')
  }

  get hasSubscribers(): boolean {
    return (
      this.#start.hasSubscribers ||
      this.#asyncEnd.hasSubscribers ||
      this.#asyncStart.hasSubscribers ||
      this.#error.hasSubscribers ||
      this.#end.hasSubscribers
    )
  }

  /** Runs the synchronous part, inside the stores that subscribers have bound to `start`. */
  run<Value>(context: Context, work: () => Value): Value {
    try {
      return this.#start.runStores(context, work)
    } finally {
      this.#end.publish(context)
    }
  }

  /** Begins an operation without a synchronous part. */
  begin(context: Context): void {
    this.run(context, nothing)
  }

  /** The result is known; `work` reports it to the caller, inside the stores of `asyncStart`. */
  settle(context: Context, error: unknown, work: () => void = nothing): void {
    if (error !== null) {
      context.error = error
      this.#error.publish(context)
    }
    this.#asyncStart.runStores(context, () => {
      try {
        work()
      } finally {
        this.#asyncEnd.publish(context)
      }
    })
  }
}
