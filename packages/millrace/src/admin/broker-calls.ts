// Requests to a cluster with promises, for whoever sends few of them: to any broker, or to the
// controller. It owns a pool of links of its own, which connect when they are first needed.
//
//   toAny:        search for a broker ──► ask ──failure that may pass──► the next broker
//   toController: Metadata (toAny) ──► the node it names ──► ask ──NOT_CONTROLLER──► again, later
//
// Caller: Admin. A call ends with its answer, its error, or close(); its time limit is Admin's.

import type { LinkOptions, NodeLink } from '../cluster/broker-link.ts'
import { BrokerPool } from '../cluster/broker-pool.ts'
import { BrokerSearch, type SearchFailure } from '../cluster/broker-search.ts'
import {
  type MetadataRequest,
  type MetadataResponse,
  metadataApi,
} from '../protocol/api/03-metadata.ts'
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

/** Reads the error out of an answer as a whole; null = it is well. */
type Judge<Response> = (response: Response, link: NodeLink) => KafkaError | null

type Reject = (error: KafkaError) => void

const noTopics: Input<MetadataRequest> = { topics: [], allowAutoTopicCreation: false }

export class BrokerCalls {
  readonly #options: CallOptions
  readonly #pool: BrokerPool
  readonly #searches = new Set<BrokerSearch>()
  /** Who waits for one node's link. */
  readonly #linkWaiters = new Map<NodeLink, ((error: KafkaError | null) => void)[]>()
  readonly #pauses = new Set<Timer>()
  /** Rejects each promise that somebody waits for. */
  readonly #waits = new Set<Reject>()
  #closed: KafkaError | null = null

  constructor(options: CallOptions) {
    this.#options = options
    this.#pool = new BrokerPool(options.brokers, options, {
      onReady: (link) => this.#onReady(link),
      onDown: (link, error) => this.#onDown(link, error),
      onDropped: (link, error) => this.#onDown(link, error),
    })
  }

  /** Asks one broker after the other until one answers well. */
  toAny<Request, Response>(
    api: Api<Request, Response>,
    request: Input<Request>,
    judge: Judge<Response>,
  ): Promise<Response> {
    return this.#wait((resolve, reject) => {
      const { clock, random } = this.#options
      const settle = (deed: () => void): void => {
        search.stop()
        this.#searches.delete(search)
        deed()
      }
      const search: BrokerSearch = new BrokerSearch(this.#pool, clock, random, 'always', {
        onFound: (link) =>
          link.request(api, request, (failure, response) => {
            const error = response === null ? failure : judge(response, link)
            if (error === null) settle(() => resolve(response as Response))
            else if (!error.retriable) settle(() => reject(error))
            else search.next({ error, text: error.message })
          }),
        onExhausted: (failures) => settle(() => reject(nobodyAnswered(api.name, failures))),
      })
      this.#searches.add(search)
      search.start()
    })
  }

  /** Metadata, which also tells where the nodes are. */
  async metadata(request: Input<MetadataRequest>): Promise<MetadataResponse> {
    let source: NodeLink | null = null
    const response = await this.toAny(metadataApi, request, (answer, link) => {
      source = link
      if (answer.errorCode === errorNumber.NONE) return null
      const context = { api: metadataApi.name, broker: link.name, persisted: 'no' } as const
      return brokerError(answer.errorCode, context)
    })
    if (source !== null) this.#pool.replaceNodes(response.brokers, source)
    return response
  }

  /** Asks the controller, wherever it has moved to. `judge` says NOT_CONTROLLER, among others. */
  async toController<Request, Response>(
    api: Api<Request, Response>,
    request: Input<Request>,
    judge: Judge<Response>,
  ): Promise<Response> {
    for (let failures = 0; ; failures++) {
      const { controllerId } = await this.metadata(noTopics)
      const link = this.#pool.link(controllerId)
      if (link === undefined) return this.toAny(api, request, judge)
      await this.#connected(link)
      const response = await this.#ask(link, api, request)
      const error = judge(response, link)
      if (error === null) return response
      if (error.brokerError !== 'NOT_CONTROLLER') throw error
      await this.#pause(failures)
    }
  }

  /** Ends every connection; calls that wait fail with `error`. Twice is harmless. */
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
   * A promise that close() rejects, if nothing settles it before. What is settled is forgotten: a
   * race against the closing would stay behind with its answer, as a reaction of that promise.
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

  #ask<Request, Response>(
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

  #pause(failures: number): Promise<void> {
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

  #tellWaiters(link: NodeLink, error: KafkaError | null): void {
    const waiters = this.#linkWaiters.get(link) ?? []
    this.#linkWaiters.delete(link)
    for (const waiter of waiters) waiter(error)
  }

  #onReady(link: NodeLink): void {
    this.#tellWaiters(link, null)
    for (const search of this.#searches) search.onLinkReady(link)
  }

  #onDown(link: NodeLink, error: KafkaError): void {
    if (!link.wanted) this.#tellWaiters(link, error)
    for (const search of this.#searches) search.onLinkDown(link, error)
  }
}

const nobodyAnswered = (api: string, failures: readonly SearchFailure[]): KafkaError => {
  const [first] = failures
  const message = `no broker answered: ${failures.map(({ text }) => text).join('; ')}`
  return new KafkaError(first?.error.code ?? 'CONNECTION_FAILED', message, {
    api,
    cause: first?.error,
  })
}
