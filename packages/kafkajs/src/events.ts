// Events of a producer by kafkajs's names. CONNECT and DISCONNECT are told; listeners for the three
// network events are taken and stay silent: millrace tells these things elsewhere.

import { KafkaJSNonRetriableError } from './errors.ts'
import type { Logger } from './logger.ts'

export const producerEvents = {
  CONNECT: 'producer.connect',
  DISCONNECT: 'producer.disconnect',
  REQUEST: 'producer.network.request',
  REQUEST_TIMEOUT: 'producer.network.request_timeout',
  REQUEST_QUEUE_SIZE: 'producer.network.request_queue_size',
} as const

export type ProducerEvents = typeof producerEvents
export type ProducerEventName = ProducerEvents[keyof ProducerEvents]

export interface InstrumentationEvent<Payload> {
  id: string
  type: string
  timestamp: number
  payload: Payload
}

export type ConnectEvent = InstrumentationEvent<null>
export type DisconnectEvent = InstrumentationEvent<null>
export type RemoveInstrumentationEventListener<_Name> = () => void

// biome-ignore lint/suspicious/noExplicitAny: each event has a payload of its own
export type EventListener = (event: InstrumentationEvent<any>) => unknown

let lastId = 0

export class Events {
  readonly #listeners = new Map<string, Set<EventListener>>()
  readonly #logger: Logger

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
    return () => {
      listeners.delete(listener)
    }
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
