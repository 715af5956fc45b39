// The producer events with kafkajs's names, and the listeners of one producer. producer.ts emits
// CONNECT and DISCONNECT; request-events.ts emits REQUEST, REQUEST_TIMEOUT, and REQUEST_QUEUE_SIZE.
// A listener that throws must not affect the producer.

import { printableText } from 'millrace'
import { KafkaJSNonRetriableError } from './errors.ts'
import type { Logger } from './logger.ts'

export const producerEvents = {
  CONNECT: 'producer.connect',
  DISCONNECT: 'producer.disconnect',
  REQUEST: 'producer.network.request',
  REQUEST_TIMEOUT: 'producer.network.request_timeout',
  REQUEST_QUEUE_SIZE: 'producer.network.request_queue_size',
} as const

/** The names of the producer's events. */
export type ProducerEvents = typeof producerEvents
export type ProducerEventName = ProducerEvents[keyof ProducerEvents]

/**
 * The argument of every listener. `id` is a number, as in kafkajs, whose types declare a string.
 */
export interface InstrumentationEvent<Payload> {
  /** Counts the events of the process. */
  id: string
  /** The name of the event: `producer.connect`. */
  type: string
  /** Milliseconds since the epoch. */
  timestamp: number
  /** The facts of the event. */
  payload: Payload
}

/** The argument of listeners for `producer.connect`. */
export type ConnectEvent = InstrumentationEvent<null>
/** The argument of listeners for `producer.disconnect`. */
export type DisconnectEvent = InstrumentationEvent<null>
/** A request of any API, and its response. */
export type RequestEvent = InstrumentationEvent<{
  apiKey: number
  apiName: string
  apiVersion: number
  broker: string
  clientId: string
  correlationId: number
  createdAt: number
  duration: number
  pendingDuration: number
  sentAt: number
  /** The size of the response in bytes. */
  size: number
}>
/** A request that received no response in time. */
export type RequestTimeoutEvent = InstrumentationEvent<
  Omit<RequestEvent['payload'], 'duration' | 'size'>
>
/** The number of calls of `send` that wait, if `maxInFlightRequests` is set. */
export type RequestQueueSizeEvent = InstrumentationEvent<{
  broker: string
  clientId: string
  queueSize: number
}>
/** Removes the listener. */
export type RemoveInstrumentationEventListener<_Name> = () => void

// biome-ignore lint/suspicious/noExplicitAny: each event has a payload of its own
export type EventListener = (event: InstrumentationEvent<any>) => unknown

let lastId = 0

export class Events {
  readonly #listeners = new Map<string, Set<EventListener>>()
  readonly #logger: Logger
  #changed: () => void = () => {}

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Adds a listener; returns a function that removes it. */
  on(name: string, listener: EventListener): () => void {
    const names: readonly string[] = Object.values(producerEvents)
    if (!names.includes(name)) {
      const keys = Object.keys(producerEvents).map((key) => `producer.events.${key}`)
      throw new KafkaJSNonRetriableError(`Event name should be one of ${keys.join(', ')}`)
    }
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners)
    listeners.add(listener)
    this.#changed()
    return () => {
      listeners.delete(listener)
      this.#changed()
    }
  }

  hasListeners(name: ProducerEventName): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0
  }

  /** Sets the callback for added and removed listeners; it has a single caller. */
  onListenersChange(changed: () => void): void {
    this.#changed = changed
  }

  /** A listener that throws or rejects is logged; the other listeners are still called. */
  emit(name: ProducerEventName, payload: unknown): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      const id = lastId++ as unknown as string
      const event = { id, type: name, timestamp: Date.now(), payload }
      try {
        const result = listener(event)
        if (result instanceof Promise) result.catch((error) => this.#failed(name, error))
      } catch (error) {
        this.#failed(name, error)
      }
    }
  }

  #failed(name: string, error: unknown): void {
    this.#logger.error(printableText(`Failed to execute listener: ${String(error)}`), {
      eventName: name,
    })
  }
}
