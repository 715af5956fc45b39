// Events of a producer by kafkajs's names, and who listens to them. CONNECT and DISCONNECT are told
// by the producer, REQUEST and REQUEST_TIMEOUT by request-events.ts. REQUEST_QUEUE_SIZE is never
// told, as by kafkajs without a limit of requests in flight: no request ever waits in a queue.

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

/** What every listener is told. */
export interface InstrumentationEvent<Payload> {
  id: string
  type: string
  timestamp: number
  payload: Payload
}

/** What listeners of `producer.connect` are told. */
export type ConnectEvent = InstrumentationEvent<null>
/** What listeners of `producer.disconnect` are told. */
export type DisconnectEvent = InstrumentationEvent<null>
/** A Produce request, and its answer. */
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
  /** Bytes of the request; kafkajs has those of the answer here. */
  size: number
}>
/** A Produce request that had no answer in time. */
export type RequestTimeoutEvent = InstrumentationEvent<
  Omit<RequestEvent['payload'], 'duration' | 'size'>
>
/** Never told: no request waits in a queue. */
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

  /** Adds a listener; the answer takes it away again. */
  on(name: string, listener: EventListener): () => void {
    const names: readonly string[] = Object.values(producerEvents)
    if (!names.includes(name)) {
      throw new KafkaJSNonRetriableError(`'${name}' is no event: expected ${names.join(', ')}`)
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

  /** A listener that throws or rejects is logged, and harms nobody else. */
  emit(name: ProducerEventName, payload: unknown): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      const event = { id: String(lastId++), type: name, timestamp: Date.now(), payload }
      try {
        const result = listener(event)
        if (result instanceof Promise) result.catch((error) => this.#failed(name, error))
      } catch (error) {
        this.#failed(name, error)
      }
    }
  }

  #failed(name: string, error: unknown): void {
    this.#logger.error(`A listener of ${name} failed: ${String(error)}`)
  }
}
