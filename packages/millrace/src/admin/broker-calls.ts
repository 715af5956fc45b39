// Requests with promises for callers that send few of them: to any broker, one node, the
// controller, or a coordinator. It owns a pool of node links, which connect on first use. A call
// ends with its response, its error, or close(); Admin adds the time limit. Callers: Admin and its
// parts.
//
//   toAny:         find a broker ──► send ──retriable failure──► the next broker
//   toNode:        its link, by Metadata if it is unknown ──► send
//   toController:  Metadata (toAny) ──► toNode ──NOT_CONTROLLER──► again, later
//   toCoordinator: FindCoordinator (toAny) ──► toNode ──NOT_COORDINATOR──► again, later

import type { NodeLink } from '../cluster-client/broker-link.ts'
import { BrokerPool } from '../cluster-client/broker-pool.ts'
import { BrokerSearch, type SearchFailure } from '../cluster-client/broker-search.ts'
import type { LinkOptions } from '../cluster-client/link-contract.ts'
import {
  type MetadataRequest,
  type MetadataResponse,
  metadataApi,
} from '../protocol/api/03-metadata.ts'
import { findCoordinatorApi } from '../protocol/api/10-find-coordinator.ts'
import { brokerError, errorNumber } from '../protocol/errors.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import type { Api, Input } from '../protocol/schema/api.ts'
import { backoffDelayMs } from '../runtime/backoff.ts'
import type { Timer } from '../runtime/clock.ts'
import type { Address } from '../runtime/transport.ts'

export interface CallOptions extends LinkOptions {
  readonly brokers: readonly Address[]
  readonly retryBackoffMs: number
  readonly retryBackoffMaxMs: number
}

/** Returns the error of a response as a whole; null = success. */
export type ErrorOfResponse<Response> = (response: Response, link: NodeLink) => KafkaError | null

/** A request, or a function that makes it for the version that the broker serves. */
export type RequestFor<Request> = Input<Request> | ((link: NodeLink) => Input<Request>)

const requestFor = <Request>(request: RequestFor<Request>, link: NodeLink): Input<Request> =>
  typeof request === 'function' ? (request as (link: NodeLink) => Input<Request>)(link) : request

/** Errors that mean: the broker did nothing, and another broker or a later attempt may succeed. */
const notDone: ReadonlySet<string | undefined> = new Set([
  'NOT_CONTROLLER',
  'NOT_LEADER_OR_FOLLOWER',
  'LEADER_NOT_AVAILABLE',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'NOT_COORDINATOR',
  'COORDINATOR_NOT_AVAILABLE',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'CONCURRENT_TRANSACTIONS',
])

/** The kinds of coordinators; the numbers are Kafka's key types. */
const coordinatorKinds = { group: 0, transaction: 1 } as const
export type CoordinatorKind = keyof typeof coordinatorKinds

/** From this version on, a FindCoordinator request names several keys. */
const severalKeysFrom = 4

type Reject = (error: KafkaError) => void

const noTopics: Input<MetadataRequest> = { topics: [], allowAutoTopicCreation: false }

export class BrokerCalls {
  readonly #options: CallOptions
  readonly #pool: BrokerPool
  readonly #searches = new Set<BrokerSearch>()
  /** Callbacks that wait for one node's link. */
  readonly #linkWaiters = new Map<NodeLink, ((error: KafkaError | null) => void)[]>()
  readonly #pauses = new Set<Timer>()
  /** The reject function of each pending promise. */
  readonly #waits = new Set<Reject>()
  #closed: KafkaError | null = null
  #lastTransientError: KafkaError | null = null

  constructor(options: CallOptions) {
    this.#options = options
    this.#pool = new BrokerPool(options.brokers, options, {
      onReady: (link) => this.#onReady(link),
      onDown: (link, error) => this.#onDown(link, error),
      onDropped: (link, error) => this.#onDown(link, error),
    })
  }

  /** Sends the request to one broker after the other until one responds without an error. */
  toAny<Request, Response>(
    api: Api<Request, Response>,
    request: RequestFor<Request>,
    errorOf: ErrorOfResponse<Response>,
  ): Promise<Response> {
    return this.#wait((resolve, reject) => {
      const { clock, random } = this.#options
      const settle = (report: () => void): void => {
        search.stop()
        this.#searches.delete(search)
        report()
      }
      const search: BrokerSearch = new BrokerSearch(this.#pool, clock, random, 'always', {
        onFound: (link) =>
          link.request(api, requestFor(request, link), (failure, response) => {
            const error = response === null ? failure : errorOf(response, link)
            if (error === null) settle(() => resolve(response as Response))
            else if (!error.retriable) settle(() => reject(error))
            else search.next({ error, text: error.message })
          }),
        onExhausted: (failures) => settle(() => reject(noBrokerResponded(api.name, failures))),
      })
      this.#searches.add(search)
      search.start()
    })
  }

  /** Requests metadata; the response also updates the addresses of the nodes. */
  async metadata(request: Input<MetadataRequest>): Promise<MetadataResponse> {
    let source: NodeLink | null = null
    const response = await this.toAny(metadataApi, request, (metadata, link) => {
      source = link
      if (metadata.errorCode === errorNumber.NONE) return null
      const context = { api: metadataApi.name, broker: link.name, persisted: 'no' } as const
      return brokerError(metadata.errorCode, context)
    })
    if (source !== null) this.#pool.replaceNodes(response.brokers, response.clusterId, source)
    return response
  }

  /** Sends the request to one node. */
  async toNode<Request, Response>(
    nodeId: number,
    api: Api<Request, Response>,
    request: RequestFor<Request>,
    errorOf: ErrorOfResponse<Response>,
  ): Promise<Response> {
    if (!this.#pool.hasNode(nodeId)) await this.metadata(noTopics)
    const link = this.#pool.link(nodeId)
    if (link === undefined) {
      const message = `Node ${nodeId} must be a broker of the cluster, but is not in its metadata`
      throw new KafkaError('BROKER_UNAVAILABLE', message, { persisted: 'no' })
    }
    await this.#connected(link)
    const response = await this.#request(link, api, requestFor(request, link))
    const error = errorOf(response, link)
    if (error !== null) throw error
    return response
  }

  /**
   * Sends the request to the controller, also after it moved. `errorOf` returns NOT_CONTROLLER
   * then.
   */
  toController<Request, Response>(
    api: Api<Request, Response>,
    request: RequestFor<Request>,
    errorOf: ErrorOfResponse<Response>,
  ): Promise<Response> {
    return this.untilDone(async () => {
      const { controllerId } = await this.metadata(noTopics)
      if (!this.#pool.hasNode(controllerId)) return this.toAny(api, request, errorOf)
      return this.toNode(controllerId, api, request, errorOf)
    })
  }

  /** Sends the request to the coordinator of a group or a transactional id, also after it moved. */
  toCoordinator<Request, Response>(
    kind: CoordinatorKind,
    key: string,
    api: Api<Request, Response>,
    request: RequestFor<Request>,
    errorOf: ErrorOfResponse<Response>,
  ): Promise<Response> {
    return this.untilDone(async () =>
      this.toNode(await this.#coordinatorOf(kind, key), api, request, errorOf),
    )
  }

  /**
   * Repeats an attempt until it succeeds or fails with a final error. It is repeated if its error
   * means that the broker did nothing; with `isRead`, also after errors such as a lost connection.
   */
  async untilDone<Value>(attempt: () => Promise<Value>, isRead = false): Promise<Value> {
    for (let failures = 0; ; failures++) {
      try {
        return await attempt()
      } catch (error) {
        if (this.#closed !== null || !(error instanceof KafkaError)) throw error
        const isRepeatable = notDone.has(error.brokerError) || (isRead && isTransient(error))
        if (!isRepeatable) throw error
        this.#lastTransientError = error
      }
      await this.pause(failures)
    }
  }

  /** As `untilDone` for a reader, but also while no broker can be reached: the caller ends it. */
  async untilReachable<Value>(
    attempt: () => Promise<Value>,
    onFailed: (error: KafkaError) => void,
  ): Promise<Value> {
    for (let failures = 0; ; failures++) {
      try {
        return await attempt()
      } catch (error) {
        if (this.#closed !== null || !(error instanceof KafkaError)) throw error
        if (!error.retriable || error.code === 'UNKNOWN_TOPIC') throw error
        onFailed(error)
      }
      await this.pause(failures)
    }
  }

  /** The last retriable error of a repeated call: the cause when its time limit ends it. */
  get lastTransientError(): KafkaError | null {
    return this.#lastTransientError
  }

  async #coordinatorOf(kind: CoordinatorKind, key: string): Promise<number> {
    const keyType = coordinatorKinds[kind]
    const response = await this.toAny(
      findCoordinatorApi,
      (link) =>
        link.versionFor(findCoordinatorApi) >= severalKeysFrom
          ? { keyType, coordinatorKeys: [key] }
          : { keyType, key },
      () => null,
    )
    const found = response.coordinators[0] ?? response
    if (found.errorCode !== errorNumber.NONE) {
      const brokerMessage = found.errorMessage ?? undefined
      const context = { api: findCoordinatorApi.name, brokerMessage, persisted: 'no' } as const
      throw brokerError(found.errorCode, context)
    }
    return found.nodeId
  }

  /** Closes every connection; pending calls fail with `error`. A second call does nothing. */
  close(error: KafkaError): void {
    if (this.#closed !== null) return
    this.#closed = error
    for (const search of this.#searches) search.stop()
    for (const timer of this.#pauses) timer.cancel()
    this.#searches.clear()
    this.#pauses.clear()
    this.#linkWaiters.clear()
    for (const reject of this.#waits) reject(error)
    this.#pool.close(error)
  }

  /**
   * A promise that close() rejects if it is not settled before. A settled one is removed: a race
   * against a promise for the closing would retain every response.
   */
  #wait<Value>(start: (resolve: (value: Value) => void, reject: Reject) => void): Promise<Value> {
    if (this.#closed !== null) return Promise.reject(this.#closed)
    return new Promise((resolve, reject) => {
      const end: Reject = (error) => {
        this.#waits.delete(end)
        reject(error)
      }
      this.#waits.add(end)
      start((value) => {
        this.#waits.delete(end)
        resolve(value)
      }, end)
    })
  }

  #request<Request, Response>(
    link: NodeLink,
    api: Api<Request, Response>,
    request: Input<Request>,
  ): Promise<Response> {
    return this.#wait((resolve, reject) => {
      link.request(api, request, (error, response) => {
        if (error !== null) reject(error)
        else resolve(response as Response)
      })
    })
  }

  #connected(link: NodeLink): Promise<void> {
    if (link.ready) return Promise.resolve()
    return this.#wait((resolve, reject) => {
      const waiters = this.#linkWaiters.get(link) ?? []
      this.#linkWaiters.set(link, waiters)
      waiters.push((error) => {
        if (error === null) resolve()
        else reject(error)
      })
      link.open()
    })
  }

  /** The backoff after so many failures. */
  pause(failures = 0): Promise<void> {
    const { clock, random, retryBackoffMs, retryBackoffMaxMs } = this.#options
    const range = { initialMs: retryBackoffMs, maxMs: retryBackoffMaxMs }
    return this.#wait((resolve) => {
      const timer = clock.setTimer(backoffDelayMs(range, failures, random.next()), () => {
        this.#pauses.delete(timer)
        resolve()
      })
      this.#pauses.add(timer)
    })
  }

  #notifyLinkWaiters(link: NodeLink, error: KafkaError | null): void {
    const waiters = this.#linkWaiters.get(link) ?? []
    this.#linkWaiters.delete(link)
    for (const waiter of waiters) waiter(error)
  }

  #onReady(link: NodeLink): void {
    this.#notifyLinkWaiters(link, null)
    for (const search of this.#searches) search.onLinkReady(link)
  }

  #onDown(link: NodeLink, error: KafkaError): void {
    if (!link.wanted) this.#notifyLinkWaiters(link, error)
    for (const search of this.#searches) search.onLinkDown(link, error)
  }
}

/** An unknown topic is reported at once, because repeating the request does not help. */
const isTransient = ({ retriable, code }: KafkaError): boolean =>
  retriable && code !== 'UNKNOWN_TOPIC' && code !== 'CONNECTION_FAILED'

const noBrokerResponded = (api: string, failures: readonly SearchFailure[]): KafkaError => {
  const [first] = failures
  const message = `no broker responded: ${failures.map(({ text }) => text).join('; ')}`
  return new KafkaError(first?.error.code ?? 'CONNECTION_FAILED', message, {
    api,
    cause: first?.error,
  })
}
