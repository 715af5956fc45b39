// Emits REQUEST, REQUEST_TIMEOUT, and REQUEST_QUEUE_SIZE for one kafkajs producer, from the events
// that millrace publishes on node:diagnostics_channel. It must subscribe only while the producer is
// connected and has listeners, because each subscription costs time per request. Caller:
// producer.ts.

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { DiagnosticEvents } from 'millrace'
import { type Events, producerEvents } from './events.ts'
import type { ProducerWatch } from './producer-watch.ts'

const received = 'millrace:response.received'
const timedOut = 'millrace:response.timedOut'

type Received = DiagnosticEvents[typeof received]
type TimedOut = DiagnosticEvents[typeof timedOut]

/** Removes the node from `127.0.0.1:9092 (node 1)`. */
const addressOf = (broker: string): string => broker.replace(/ \(.*\)$/, '')

/** The fields that both events have. */
const describe = (event: TimedOut) => {
  const sentAt = Date.now() - Math.round(event.elapsedMs)
  return {
    apiKey: event.apiKey,
    apiName: event.apiName,
    apiVersion: event.apiVersion,
    broker: addressOf(event.broker),
    clientId: event.clientId,
    correlationId: event.correlationId,
    // A request is created when it can be sent, so it never waits.
    createdAt: sentAt,
    sentAt,
    pendingDuration: 0,
  }
}

export interface QueueSettings {
  readonly broker: string
  readonly clientId: string
  /** null = the program sets no limit, and kafkajs emits no queue event. */
  readonly maxInFlightRequests: number | null
}

export class RequestEvents {
  readonly #events: Events
  readonly #watch: ProducerWatch
  #isConnected = false
  #isListening = false
  #broker: string | null = null
  /** The number of calls of send without a result. */
  #callCount = 0

  constructor(events: Events, watch: ProducerWatch) {
    this.#events = events
    this.#watch = watch
    events.onListenersChange(() => this.#update())
  }

  connected(isConnected: boolean): void {
    this.#isConnected = isConnected
    this.#update()
  }

  /**
   * Counts a call of send that begins (1) or ends (-1). Calls beyond the limit wait for a request
   * to end.
   */
  countCall(change: 1 | -1, { broker, clientId, maxInFlightRequests }: QueueSettings): void {
    const before = this.#callCount
    this.#callCount += change
    if (maxInFlightRequests === null) return
    const queueSize = Math.max(0, this.#callCount - maxInFlightRequests)
    if (queueSize === 0 && before <= maxInFlightRequests) return
    const name = producerEvents.REQUEST_QUEUE_SIZE
    this.#events.emit(name, { broker: this.#broker ?? broker, clientId, queueSize })
  }

  #update(): void {
    const { REQUEST, REQUEST_TIMEOUT } = producerEvents
    const isWanted = [REQUEST, REQUEST_TIMEOUT].some((name) => this.#events.hasListeners(name))
    const isListening = this.#isConnected && isWanted
    if (isListening === this.#isListening) return
    this.#isListening = isListening
    const change = isListening ? subscribe : unsubscribe
    change(received, this.#onReceived)
    change(timedOut, this.#onTimedOut)
  }

  readonly #onReceived = (message: unknown): void => {
    const event = message as Received
    if (!this.#watch.has(event.producer)) return
    const request = describe(event)
    this.#broker = request.broker
    this.#events.emit(producerEvents.REQUEST, {
      ...request,
      duration: Math.round(event.elapsedMs),
      size: event.responseBytes,
    })
  }

  readonly #onTimedOut = (message: unknown): void => {
    const event = message as TimedOut
    if (!this.#watch.has(event.producer)) return
    this.#events.emit(producerEvents.REQUEST_TIMEOUT, describe(event))
  }
}
