// Owns the requests to one coordinator, of a transactional id or of a consumer group, and the node
// that is the coordinator as far as known. The calls are sent one at a time, in call order.
// Temporary failures (a lost connection, a coordinator that moves or still loads, a previous
// transaction that is still being ended) are retried until the call has a response. Caller:
// TransactionRequests.
//
//   idle ──call──► finding ──node──► connecting ──ready──► requesting ──response──► idle (or next)
//                     ▲                  │                     │
//                     └──── waiting ◄────┴────── failure ──────┘
//
// Invariant: the callback of a call is called once.

import { findCoordinatorApi } from '../protocol/api/10-find-coordinator.ts'
import { errorNumber } from '../protocol/errors.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import type { Api, Input } from '../protocol/schema/api.ts'
import { assert } from '../runtime/assert.ts'
import { backoffDelayMs } from '../runtime/backoff.ts'
import type { Clock, Timer } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Random } from '../runtime/random.ts'
import type { NodeLink } from './broker-link.ts'
import type { BrokerPool, NodeAddress } from './broker-pool.ts'
import { BrokerSearch, type SearchFailure } from './broker-search.ts'
import { coordinatorError } from './response-errors.ts'

export interface CoordinatorOptions {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly retryBackoffMs: number
  readonly retryBackoffMaxMs: number
}

/** What is coordinated; the numbers are Kafka's key types. */
export const coordinatorKinds = { group: 0, transaction: 1 } as const
export type CoordinatorKind = keyof typeof coordinatorKinds

/** One call. `request` is called for each attempt; `errorOf` returns the error of a response. */
export interface CoordinatorCall<Request, Response> {
  readonly api: Api<Request, Response>
  readonly request: (link: NodeLink) => Input<Request>
  readonly errorOf: (response: Response, broker: string) => KafkaError | null
  readonly done: (error: KafkaError | null, response: Response | null) => void
}

type CoordinatorState =
  | 'idle'
  | 'searching'
  | 'finding'
  | 'connecting'
  | 'requesting'
  | 'waiting'
  | 'closed'

const legal: Readonly<Record<CoordinatorState, readonly CoordinatorState[]>> = {
  idle: ['searching', 'connecting', 'requesting', 'closed'],
  searching: ['finding', 'waiting', 'idle', 'closed'],
  finding: ['searching', 'connecting', 'requesting', 'waiting', 'idle', 'closed'],
  connecting: ['requesting', 'waiting', 'idle', 'closed'],
  requesting: ['idle', 'waiting', 'closed'],
  waiting: ['searching', 'connecting', 'requesting', 'closed'],
  closed: [],
}

/**
 * Ending a transaction takes the coordinator a few milliseconds: the first retries come soon. Then
 * the delays grow as after any other error.
 */
const concurrentBackoffMs = 5

/** From this version on a request contains several keys. */
const severalKeysFrom = 4

export class Coordinator {
  readonly #kind: CoordinatorKind
  readonly #key: string
  readonly #pool: BrokerPool
  readonly #options: CoordinatorOptions
  readonly #search: BrokerSearch
  readonly #calls: CoordinatorCall<unknown, unknown>[] = []
  #state: CoordinatorState = 'idle'
  #nodeId = -1
  #timer: Timer | null = null
  #failures = 0
  #concurrentFailures = 0
  #lastError: KafkaError | null = null
  /** An earlier attempt of the current call may have been carried out: it has no response. */
  #isOutcomeUnknown = false

  constructor(kind: CoordinatorKind, key: string, pool: BrokerPool, options: CoordinatorOptions) {
    this.#kind = kind
    this.#key = key
    this.#pool = pool
    this.#options = options
    this.#search = new BrokerSearch(pool, options.clock, options.random, 'ifNoNodeResponds', {
      onFound: (link) => this.#find(link),
      onExhausted: (failures) => this.#onExhausted(failures),
    })
  }

  /** Why the current call has no response yet. */
  get lastError(): KafkaError | null {
    return this.#lastError
  }

  /** No call waits for a response. */
  get isIdle(): boolean {
    return this.#state === 'idle'
  }

  call<Request, Response>(call: CoordinatorCall<Request, Response>): void {
    if (this.#state === 'closed') return
    this.#calls.push(call as unknown as CoordinatorCall<unknown, unknown>)
    if (this.#state === 'idle') this.#advance()
  }

  onLinkReady(link: NodeLink): void {
    this.#search.onLinkReady(link)
    if (this.#state === 'connecting' && link.nodeId === this.#nodeId) this.#request(link)
  }

  onLinkDown(link: NodeLink, error: KafkaError): void {
    this.#search.onLinkDown(link, error)
    // The attempt that open() started may still be in progress.
    if (this.#state !== 'connecting' || link.nodeId !== this.#nodeId || link.wanted) return
    this.#nodeId = -1
    this.#retryOrFail(error)
  }

  close(): void {
    if (this.#state === 'closed') return
    this.#transition('closed')
    this.#search.stop()
    this.#calls.length = 0
  }

  #transition(next: CoordinatorState): void {
    assert(legal[this.#state].includes(next), `a coordinator goes from ${this.#state} to ${next}`)
    this.#state = next
    this.#timer?.cancel()
    this.#timer = null
  }

  /** Continues with the first call, as far as possible. */
  #advance(): void {
    if (this.#calls.length === 0) {
      if (this.#state !== 'idle') this.#transition('idle')
      return
    }
    const link = this.#nodeId < 0 ? undefined : this.#pool.link(this.#nodeId)
    if (link === undefined) {
      this.#transition('searching')
      this.#search.start()
    } else if (link.ready) this.#request(link)
    else {
      this.#transition('connecting')
      link.open()
    }
  }

  #find(link: NodeLink): void {
    this.#transition('finding')
    const batched = link.versionFor(findCoordinatorApi) >= severalKeysFrom
    const keyType = coordinatorKinds[this.#kind]
    const request = batched
      ? { keyType, coordinatorKeys: [this.#key] }
      : { keyType, key: this.#key }
    link.request(findCoordinatorApi, request, (failure, response) => {
      if (this.#state !== 'finding') return
      if (response === null) {
        this.#onNotFound(failure!)
        return
      }
      const found = batched ? response.coordinators.find(({ key }) => key === this.#key) : response
      const error = coordinatorError(found, link.name)
      if (error !== null) this.#onNotFound(error)
      else this.#onFound(found!, link)
    })
  }

  #onFound({ nodeId, host, port }: NodeAddress, source: NodeLink): void {
    this.#nodeId = nodeId
    this.#pool.putNode({ nodeId, host, port }, source.name)
    this.#advance()
  }

  #onNotFound(error: KafkaError): void {
    if (error.brokerCode === undefined && error.retriable) {
      this.#transition('searching')
      this.#search.next({ error, text: error.message })
    } else this.#retryOrFail(error)
  }

  #onExhausted(failures: readonly SearchFailure[]): void {
    const [first] = failures
    const error = first?.error ?? new KafkaError('CONNECTION_FAILED', 'no broker responds')
    // While one of the brokers may become available, so may the coordinator.
    if (failures.some((failure) => failure.error.retriable)) this.#retryLater(error)
    else this.#retryOrFail(error)
  }

  #request(link: NodeLink): void {
    const call = this.#calls[0]!
    this.#transition('requesting')
    link.request(call.api, call.request(link), (failure, response) => {
      if (this.#state !== 'requesting') return
      const error = response === null ? failure : call.errorOf(response, link.name)
      if (error === null) this.#finish(null, response)
      else {
        if (response === null || movedAway(error)) {
          this.#nodeId = -1
          this.#isOutcomeUnknown = true
        } else if (error.persisted === 'maybe') this.#isOutcomeUnknown = true
        this.#retryOrFail(error)
      }
    })
  }

  #retryOrFail(error: KafkaError): void {
    if (error.retriable) this.#retryLater(error)
    else this.#finish(error, null)
  }

  #finish(error: KafkaError | null, response: unknown): void {
    const reported = error !== null && this.#isOutcomeUnknown ? withUnknownOutcome(error) : error
    this.#failures = 0
    this.#concurrentFailures = 0
    this.#lastError = null
    this.#isOutcomeUnknown = false
    this.#transition('idle')
    this.#calls.shift()!.done(reported, response)
    if (this.#state === 'idle') this.#advance()
  }

  #retryLater(error: KafkaError): void {
    const { clock, logger, retryBackoffMs, retryBackoffMaxMs, random } = this.#options
    this.#lastError = error
    this.#transition('waiting')
    const concurrent = error.brokerCode === errorNumber.CONCURRENT_TRANSACTIONS
    if (!concurrent) {
      logger.debug(`millrace: ${this.#kind} ${this.#key}: ${error.message}`)
    }
    const initialMs = concurrent ? Math.min(concurrentBackoffMs, retryBackoffMs) : retryBackoffMs
    const range = { initialMs, maxMs: retryBackoffMaxMs }
    const failureIndex = concurrent ? this.#concurrentFailures++ : this.#failures++
    const delayMs = backoffDelayMs(range, failureIndex, random.next())
    this.#timer = clock.setTimer(delayMs, () => this.#advance())
  }
}

/** The error of a call that an earlier attempt may have carried out. */
const withUnknownOutcome = (error: KafkaError): KafkaError =>
  new KafkaError(error.code, error.message, { ...error, persisted: 'maybe', cause: error })

/** Kafka also returns this if the coordinator could not store its change in time (KIP-98). */
const movedAway = ({ brokerCode }: KafkaError): boolean =>
  brokerCode === errorNumber.NOT_COORDINATOR || brokerCode === errorNumber.COORDINATOR_NOT_AVAILABLE
