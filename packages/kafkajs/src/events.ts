// Events of a producer by kafkajs's names, and their listeners. CONNECT and DISCONNECT come from
// the producer, REQUEST, REQUEST_TIMEOUT and REQUEST_QUEUE_SIZE from request-events.ts.

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

/** What every listener receives. `id` is a number, as in kafkajs, whose types call it a string. */
export interface InstrumentationEvent<Payload> {
  id: string
  type: string
  timestamp: number
  payload: Payload
}

/** What listeners of `producer.connect` receive. */
export type ConnectEvent = InstrumentationEvent<null>
/** What listeners of `producer.disconnect` receive. */
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
  /** Bytes of the response. */
  size: number
}>
/** A request that had no response in time. */
export type RequestTimeoutEvent = InstrumentationEvent<
  Omit<RequestEvent['payload'], 'duration' | 'size'>
>
/** How many calls of `send` wait, where `maxInFlightRequests` is set. */
export type RequestQueueSizeEvent = InstrumentationEvent<{
  broker: string
  clientId: string
  queueSize: number
}>
/** Ends the listening. */
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

  /** Calls when a listener came or went; one caller only. */
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
    this.#logger.error(`Failed to execute listener: ${String(error)}`, { eventName: name })
  }
}
