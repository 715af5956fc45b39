// REQUEST and REQUEST_TIMEOUT, from what millrace tells on node:diagnostics_channel about the
// Produce requests of one kafkajs producer. It listens there only while that producer is connected
// and somebody listens here.

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { DiagnosticEvents } from 'millrace'
import { type Events, producerEvents } from './events.ts'

const answered = 'millrace:request.answered'
const failed = 'millrace:request.failed'

type Answered = DiagnosticEvents[typeof answered]
type Failed = DiagnosticEvents[typeof failed]

const produceApi = { apiKey: 0, apiName: 'Produce' } as const

/** `127.0.0.1:9092 (node 1)` without the node. */
const addressOf = (broker: string): string => broker.replace(/ \(.*\)$/, '')

/** What both events say of a request that was sent `agoMs` ago. */
const aboutRequest = (event: Answered | Failed, agoMs: number) => {
  const sentAt = Date.now() - Math.round(agoMs)
  return {
    broker: addressOf(event.broker),
    clientId: event.clientId,
    correlationId: event.requestNumber,
    // No request waits for its turn: records wait, and a request is made when it may go.
    createdAt: sentAt,
    sentAt,
    pendingDuration: 0,
    ...produceApi,
    apiVersion: event.version,
  }
}

export class RequestEvents {
  readonly #events: Events
  /** The producers of millrace that stand behind the one of kafkajs. */
  readonly #producers = new WeakSet<object>()
  #isConnected = false
  #isListening = false

  constructor(events: Events) {
    this.#events = events
    events.onListenersChange(() => this.#update())
  }

  /** Requests of this producer are told. */
  add(producer: object): void {
    this.#producers.add(producer)
  }

  connected(isConnected: boolean): void {
    this.#isConnected = isConnected
    this.#update()
  }

  #update(): void {
    const { REQUEST, REQUEST_TIMEOUT } = producerEvents
    const isWanted = [REQUEST, REQUEST_TIMEOUT].some((name) => this.#events.hasListeners(name))
    const isListening = this.#isConnected && isWanted
    if (isListening === this.#isListening) return
    this.#isListening = isListening
    const change = isListening ? subscribe : unsubscribe
    change(answered, this.#onAnswered)
    change(failed, this.#onFailed)
  }

  readonly #onAnswered = (message: unknown): void => {
    const event = message as Answered
    if (!this.#producers.has(event.producer)) return
    this.#events.emit(producerEvents.REQUEST, {
      ...aboutRequest(event, event.latencyMs),
      duration: Math.round(event.latencyMs),
      size: event.requestBytes,
    })
  }

  readonly #onFailed = (message: unknown): void => {
    const event = message as Failed
    if (!this.#producers.has(event.producer) || event.error.code !== 'REQUEST_TIMEOUT') return
    this.#events.emit(producerEvents.REQUEST_TIMEOUT, aboutRequest(event, event.elapsedMs))
  }
}
