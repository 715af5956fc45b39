// Owns the InitProducerId request of a producer without a transactional id, and its retries. Any
// broker can respond. If one fails, another is tried at once; if all have failed, they are tried
// again after a backoff, as long as the cause can be temporary. Caller: Cluster, on behalf of the
// engine.
//
//   idle ──want──► waiting ──due──► searching ──broker──► requesting ──response──► idle
//                     ▲──────all failed────┘ ▲───────error────┘
//
// Invariant: one request at a time.

import type { EngineEvents, ProducerIdentity } from '../engine/ports.ts'
import {
  type InitProducerIdResponse,
  initProducerIdApi,
} from '../protocol/api/22-init-producer-id.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import { assert } from '../runtime/assert.ts'
import { backoffDelayMs } from '../runtime/backoff.ts'
import type { Clock, Timer } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Random } from '../runtime/random.ts'
import type { NodeLink } from './broker-link.ts'
import type { BrokerPool } from './broker-pool.ts'
import { BrokerSearch, type SearchFailure } from './broker-search.ts'
import { producerIdError } from './response-errors.ts'

export interface ProducerIdOptions {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly retryBackoffMs: number
  readonly retryBackoffMaxMs: number
}

type ProducerIdState = 'idle' | 'waiting' | 'searching' | 'requesting' | 'closed'

const legal: Readonly<Record<ProducerIdState, readonly ProducerIdState[]>> = {
  idle: ['waiting', 'closed'],
  waiting: ['searching', 'closed'],
  searching: ['requesting', 'waiting', 'idle', 'closed'],
  requesting: ['searching', 'idle', 'closed'],
  closed: [],
}

/** From this version on the request contains the current id and epoch (KIP-360). */
const versionWithIdentity = 3

/** Without a transactional id the broker ignores it. */
const transactionTimeoutMs = 60_000

export class ProducerIdRequest {
  readonly #options: ProducerIdOptions
  readonly #events: EngineEvents
  readonly #search: BrokerSearch
  #state: ProducerIdState = 'idle'
  #current: ProducerIdentity = { producerId: -1, epoch: -1 }
  #timer: Timer | null = null
  #failedRounds = 0
  #requestCount = 0

  constructor(pool: BrokerPool, options: ProducerIdOptions, events: EngineEvents) {
    this.#options = options
    this.#events = events
    this.#search = new BrokerSearch(pool, options.clock, options.random, 'ifNoNodeResponds', {
      onFound: (link) => this.#request(link),
      onExhausted: (failures) => this.#onExhausted(failures),
    })
  }

  get requestCount(): number {
    return this.#requestCount
  }

  /** Requests an identity. If a request is in progress, its result serves this call too. */
  want(current: ProducerIdentity): void {
    if (this.#state === 'closed') return
    this.#current = current
    if (this.#state !== 'idle') return
    this.#transition('waiting')
    this.#options.clock.setImmediate(() => {
      if (this.#state === 'waiting') this.#startRound()
    })
  }

  onLinkReady(link: NodeLink): void {
    this.#search.onLinkReady(link)
  }

  onLinkDown(link: NodeLink, error: KafkaError): void {
    this.#search.onLinkDown(link, error)
  }

  close(): void {
    if (this.#state === 'closed') return
    this.#transition('closed')
    this.#search.stop()
  }

  #transition(next: ProducerIdState): void {
    assert(legal[this.#state].includes(next), `the producer id goes from ${this.#state} to ${next}`)
    this.#state = next
    this.#timer?.cancel()
    this.#timer = null
  }

  #startRound(): void {
    this.#transition('searching')
    this.#search.start()
  }

  #request(link: NodeLink): void {
    this.#transition('requesting')
    this.#requestCount++
    const carries = link.versionFor(initProducerIdApi) >= versionWithIdentity
    const { producerId, epoch } = this.#current
    const request = {
      transactionalId: null,
      transactionTimeoutMs,
      producerId: carries ? producerId : -1,
      producerEpoch: carries ? epoch : -1,
    }
    link.request(initProducerIdApi, request, (error, response) => {
      if (this.#state === 'requesting') this.#onResponse(error, response, link)
    })
  }

  #onResponse(
    failure: KafkaError | null,
    response: InitProducerIdResponse | null,
    link: NodeLink,
  ): void {
    const error = response === null ? failure : producerIdError(response, link.name)
    if (error === null && response !== null) {
      this.#transition('idle')
      this.#failedRounds = 0
      this.#events.onProducerId({
        producerId: response.producerId,
        epoch: response.producerEpoch,
      })
      return
    }
    assert(error !== null, 'without an error there is a response')
    if (!error.retriable) {
      this.#fail(error)
      return
    }
    this.#options.logger.debug(`millrace: no producer id from ${link.name}: ${error.message}`)
    this.#events.onProducerIdDelayed(error)
    this.#transition('searching')
    this.#search.next({ error, text: error.message })
  }

  #fail(error: KafkaError): void {
    this.#transition('idle')
    this.#failedRounds = 0
    this.#events.onProducerIdFailed(error)
  }

  #onExhausted(failures: readonly SearchFailure[]): void {
    const [first] = failures
    if (first !== undefined && failures.every(({ error }) => !error.retriable)) {
      // Every broker refused this client: the credentials are wrong, or all brokers are too old.
      this.#fail(first.error)
      return
    }
    this.#retryLater()
  }

  #retryLater(): void {
    const { clock, random, retryBackoffMs, retryBackoffMaxMs } = this.#options
    this.#transition('waiting')
    const range = { initialMs: retryBackoffMs, maxMs: retryBackoffMaxMs }
    const delayMs = backoffDelayMs(range, this.#failedRounds++, random.next())
    this.#timer = clock.setTimer(delayMs, () => this.#startRound())
  }
}
