// Keeps what is known of the topics in use fresh. It owns the wishes for news, the one Metadata
// request at a time, and when the next one may go. Any number of wishes become one request: the
// first leaves at once, those that follow soon after wait out a backoff that grows while wishes
// keep coming. A topic that nobody asked for lately does not wait for the backoff, unless brokers
// cannot be reached at all.
//
//   idle ──wish──► waiting ──due──► searching ──broker──► asking ──answer──► idle (or waiting)
//                                       ▲─────────error─────┘
//
// A round goes through the brokers until one answers (BrokerSearch). Callers: Cluster, on behalf
// of the engine. The engine's events are called from the event loop only.

import type { EngineEvents, LeaderHint } from '../engine/ports.ts'
import { type MetadataResponse, metadataApi } from '../protocol/api/03-metadata.ts'
import { isRefusal, KafkaError } from '../protocol/kafka-error.ts'
import { assert } from '../runtime/assert.ts'
import { backoffDelayMs } from '../runtime/backoff.ts'
import type { Clock, Timer } from '../runtime/clock.ts'
import type { EventOrigin } from '../runtime/diagnostics.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Random } from '../runtime/random.ts'
import { announceMetadata } from './announcements.ts'
import { metadataError, topicError } from './answer-errors.ts'
import type { NodeLink } from './broker-link.ts'
import type { BrokerPool } from './broker-pool.ts'
import { BrokerSearch, type SearchFailure } from './broker-search.ts'
import { sharedNature } from './link-failure.ts'
import { lacksLeader, MetadataCache } from './metadata-cache.ts'
import { RecentNames } from './recent-names.ts'

export interface MetadataOptions {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly allowAutoTopicCreation: boolean
  readonly metadataMaxAgeMs: number
  /** Without an answer for this long, all is given up and the bootstrap servers are asked. */
  readonly metadataRecoveryRebootstrapTriggerMs: number
  readonly retryBackoffMs: number
  readonly retryBackoffMaxMs: number
  readonly origin?: EventOrigin | undefined
}

type MetadataState = 'idle' | 'waiting' | 'searching' | 'asking' | 'closed'

const legal: Readonly<Record<MetadataState, readonly MetadataState[]>> = {
  idle: ['waiting', 'closed'],
  waiting: ['waiting', 'searching', 'closed'],
  searching: ['asking', 'idle', 'closed'],
  asking: ['searching', 'idle', 'closed'],
  closed: [],
}

/** Called once: null when a broker has answered, else why none did. */
export type ConnectCallback = (error: KafkaError | null) => void

type TopicAnswer = MetadataResponse['topics'][number]
type Told = () => void

/** A topic in use. */
interface TopicUse {
  /** Number of the latest wish for it that no answer has met; 0 = none. */
  wish: number
}

export class Metadata {
  readonly #options: MetadataOptions
  readonly #events: EngineEvents
  readonly #pool: BrokerPool
  readonly #cache = new MetadataCache()
  readonly #search: BrokerSearch
  readonly #topics = new Map<string, TopicUse>()
  readonly #recentlyAsked: RecentNames
  #connectCallbacks: ConnectCallback[] = []
  #state: MetadataState = 'idle'
  #lastWish = 0
  #timer: Timer | null = null
  /** When the round that waits begins; meaningful while waiting. */
  #dueAtMs = 0
  /** Before this, only a topic that is new may be asked for. */
  #restUntilMs = 0
  /** Rounds that followed each other without rest. */
  #busyRounds = 0
  #lastRoundFailed = false
  /** Since when every round failed; null after a success. */
  #failingSinceMs: number | null = null
  #startedOver = false
  #ageTimer: Timer | null = null
  #error: KafkaError | null = null
  /** Of the last round that failed, while none has succeeded since. */
  #lastFailures: readonly SearchFailure[] = []
  #clusterId: string | null = null
  #answeredAtMs: number | null = null
  #requestCount = 0
  #failedRoundCount = 0
  #rebootstrapCount = 0

  constructor(pool: BrokerPool, options: MetadataOptions, events: EngineEvents) {
    this.#pool = pool
    this.#options = options
    this.#events = events
    this.#recentlyAsked = new RecentNames(options.retryBackoffMaxMs)
    this.#search = new BrokerSearch(pool, options.clock, options.random, 'always', {
      onFound: (link) => this.#ask(link),
      onNodesExhausted: () => this.#onNodesExhausted(),
      onCandidateFailed: () => this.#noteFailures(),
      onExhausted: () => this.#failRound(),
    })
  }

  /** Why there is no news at present; null when the last request went well. */
  get error(): KafkaError | null {
    return this.#error
  }

  get clusterId(): string | null {
    return this.#clusterId
  }

  /** When a broker last answered; null = none did yet. */
  get answeredAtMs(): number | null {
    return this.#answeredAtMs
  }

  get requestCount(): number {
    return this.#requestCount
  }

  /** Rounds in which no broker answered. */
  get failedRoundCount(): number {
    return this.#failedRoundCount
  }

  get rebootstrapCount(): number {
    return this.#rebootstrapCount
  }

  refreshTopic(topic: string, why: 'unknown' | 'stale'): void {
    if (this.#state === 'closed') return
    const use = this.#topics.get(topic)
    // The answer under way serves whoever knows nothing; who knows it is stale needs a later one.
    if (use !== undefined && use.wish > 0 && why === 'unknown') return
    this.#topics.set(topic, { wish: ++this.#lastWish })
    this.#schedule(!this.#recentlyAsked.has(topic, this.#options.clock.now()) && use === undefined)
  }

  forgetTopic(topic: string): void {
    this.#topics.delete(topic)
    this.#cache.forget(topic)
  }

  /** What is known of the topics in use proved wrong, or may have. */
  markStale(): void {
    if (this.#state === 'closed' || this.#topics.size === 0) return
    const wish = ++this.#lastWish
    for (const use of this.#topics.values()) use.wish = wish
    this.#schedule(false)
  }

  applyLeaderHint(hint: LeaderHint): void {
    if (this.#state === 'closed') return
    const { leaderId, endpoint } = hint
    const isReachable = endpoint !== null || this.#pool.hasNode(leaderId)
    const view = isReachable ? this.#cache.applyHint(hint) : undefined
    if (view === undefined) {
      if (!isReachable) this.refreshTopic(hint.topic, 'stale')
      return
    }
    if (endpoint !== null) {
      const { host, port } = endpoint
      this.#pool.putNode({ nodeId: leaderId, host, port }, `the old leader of '${hint.topic}'`)
    }
    this.#options.clock.setImmediate(() => {
      const latest = this.#cache.view(hint.topic)
      if (this.#state !== 'closed' && latest !== undefined) this.#events.onTopic(latest)
    })
  }

  /** Warms up: calls back when a broker has answered, or a round through all of them failed. */
  connect(callback: ConnectCallback): void {
    if (this.#state === 'closed') return
    this.#connectCallbacks.push(callback)
    this.#schedule(true)
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
    this.#ageTimer?.cancel()
    this.#connectCallbacks = []
    this.#topics.clear()
  }

  #transition(next: MetadataState): void {
    assert(legal[this.#state].includes(next), `metadata goes from ${this.#state} to ${next}`)
    this.#state = next
    this.#timer?.cancel()
    this.#timer = null
  }

  /** Sees to it that a round comes. `fresh` = for something that was not asked for lately. */
  #schedule(fresh: boolean): void {
    if (this.#state !== 'idle' && this.#state !== 'waiting') return
    const { clock } = this.#options
    const now = clock.now()
    const dueAtMs = fresh && !this.#lastRoundFailed ? now : Math.max(now, this.#restUntilMs)
    if (this.#state === 'waiting' && this.#dueAtMs <= dueAtMs) return
    this.#transition('waiting')
    this.#dueAtMs = dueAtMs
    if (dueAtMs > now) {
      this.#timer = clock.setTimer(dueAtMs - now, () => this.#startRound())
      return
    }
    // Wishes of the same turn gather in one request.
    clock.setImmediate(() => {
      if (this.#state === 'waiting' && this.#dueAtMs === dueAtMs) this.#startRound()
    })
  }

  #startRound(): void {
    const { clock, retryBackoffMaxMs, metadataRecoveryRebootstrapTriggerMs } = this.#options
    const now = clock.now()
    if (now - this.#restUntilMs >= retryBackoffMaxMs) this.#busyRounds = 0
    this.#transition('searching')
    this.#startedOver = false
    this.#failingSinceMs ??= now
    if (now - this.#failingSinceMs >= metadataRecoveryRebootstrapTriggerMs) {
      this.#failingSinceMs = now
      const seconds = Math.round(metadataRecoveryRebootstrapTriggerMs / 1000)
      this.#startOver(`no broker has answered for ${seconds} s`)
      return
    }
    this.#search.start()
  }

  /** Asks one broker. The topics are those that are wanted at this moment. */
  #ask(link: NodeLink): void {
    this.#transition('asking')
    this.#requestCount++
    const now = this.#options.clock.now()
    const asked: string[] = []
    for (const [topic, use] of this.#topics) {
      if (use.wish === 0) continue
      asked.push(topic)
      this.#recentlyAsked.add(topic, now)
    }
    const wish = this.#lastWish
    const request = {
      topics: asked.map((name) => ({ name })),
      allowAutoTopicCreation: this.#options.allowAutoTopicCreation,
    }
    link.request(metadataApi, request, (error, response) => {
      if (this.#state !== 'asking') return
      const failure = response === null ? error : metadataError(response, link.name)
      if (failure !== null) this.#onRequestFailed(failure, link)
      else if (response !== null) this.#take(response, asked, wish, link)
    })
  }

  #onRequestFailed(error: KafkaError, link: NodeLink): void {
    this.#transition('searching')
    if (error.brokerError === 'REBOOTSTRAP_REQUIRED' && !this.#startedOver) {
      this.#startOver(`${link.name} asked for it`)
      return
    }
    this.#search.next({ error, text: error.message })
    this.#noteFailures()
  }

  #startOver(reason: string): void {
    this.#startedOver = true
    this.#rebootstrapCount++
    this.#options.logger.warn(`millrace: starting over at the bootstrap servers: ${reason}`)
    this.#cache.forgetEpochs()
    this.#pool.startOver(
      new KafkaError('CONNECTION_LOST', `starting over at the bootstrap servers: ${reason}`),
    )
    this.#search.start()
  }

  #onNodesExhausted(): void {
    this.#rebootstrapCount++
    this.#cache.forgetEpochs()
    this.#options.logger.debug('millrace: no known node can be reached, trying bootstrap servers')
  }

  /**
   * While a round fails, whoever waits for it can already say why. Brokers that it has not come to
   * failed in the round before.
   */
  #noteFailures(): void {
    const { failures } = this.#search
    if (failures.length === 0) return
    if (this.#state === 'searching' || this.#state === 'asking') {
      const again = new Set(failures.map(placeOf))
      const before = this.#lastFailures.filter((failure) => !again.has(placeOf(failure)))
      this.#error = unreachable([...failures, ...before])
    }
  }

  #failRound(): void {
    const error = unreachable(this.#search.failures)
    this.#error = error
    this.#lastFailures = this.#search.failures
    this.#failedRoundCount++
    this.#lastRoundFailed = true
    const refused = isRefusal(error) ? this.#giveWishesUp() : []
    this.#endRound()
    for (const callback of this.#takeConnectCallbacks()) callback(error)
    for (const topic of refused)
      if (!this.#isClosed()) this.#events.onTopicFailed(topic, error, true)
  }

  /**
   * Nothing but new credentials or certificates will help: nobody is asked again until somebody
   * wants something. Gives the topics that were wanted; they stay in use.
   */
  #giveWishesUp(): string[] {
    const given: string[] = []
    for (const [topic, use] of this.#topics) {
      if (use.wish === 0) continue
      use.wish = 0
      given.push(topic)
    }
    return given
  }

  #take(
    response: MetadataResponse,
    asked: readonly string[],
    wish: number,
    source: NodeLink,
  ): void {
    this.#error = null
    this.#lastFailures = []
    this.#answeredAtMs = this.#options.clock.now()
    this.#failingSinceMs = null
    if (this.#lastRoundFailed) this.#busyRounds = 0
    this.#lastRoundFailed = false
    this.#clusterId = response.clusterId
    this.#pool.replaceNodes(response.brokers, source)
    const answers = new Map(response.topics.map((topic) => [topic.name, topic]))
    const told: Told[] = []
    for (const topic of asked) {
      const use = this.#topics.get(topic)
      if (use === undefined) continue
      const answer = answers.get(topic)
      const error = topicError(topic, answer, source.name)
      if (error !== null) told.push(this.#takeTopicError(topic, error))
      else if (answer !== undefined) told.push(this.#takeTopic(topic, answer, use, wish))
    }
    this.#startAge()
    this.#endRound()
    announceMetadata(this.#options.origin, () => ({
      broker: source.name,
      clusterId: response.clusterId,
      nodeCount: response.brokers.length,
      topics: asked,
    }))
    for (const callback of this.#takeConnectCallbacks()) callback(null)
    for (const tell of told) if (!this.#isClosed()) tell()
  }

  /** Gives what the engine is to be told, once all topics are up to date. */
  #takeTopic(name: string, answer: TopicAnswer, use: TopicUse, wish: number): Told {
    const view = this.#cache.apply(name, answer, (nodeId) => this.#pool.hasNode(nodeId))
    if (use.wish <= wish && !lacksLeader(view)) use.wish = 0
    return () => {
      if (this.#topics.has(name)) this.#events.onTopic(view)
    }
  }

  /** A topic that can't be had stays wanted, unless asking again won't help. */
  #takeTopicError(name: string, error: KafkaError): Told {
    const isFinal = !error.retriable
    if (isFinal) this.forgetTopic(name)
    return () => this.#events.onTopicFailed(name, error, isFinal)
  }

  #endRound(): void {
    const { clock, random, retryBackoffMs, retryBackoffMaxMs } = this.#options
    this.#search.stop()
    this.#transition('idle')
    const now = clock.now()
    this.#recentlyAsked.prune(now)
    const range = { initialMs: retryBackoffMs, maxMs: retryBackoffMaxMs }
    this.#restUntilMs = now + backoffDelayMs(range, this.#busyRounds++, random.next())
    let isWanted = false
    let isFresh = false
    for (const [topic, use] of this.#topics) {
      if (use.wish === 0) continue
      isWanted = true
      isFresh ||= !this.#recentlyAsked.has(topic, now)
    }
    if (isWanted) this.#schedule(isFresh)
  }

  /** A method, since the state changes under the hands of whoever calls out. */
  #isClosed(): boolean {
    return this.#state === 'closed'
  }

  #takeConnectCallbacks(): ConnectCallback[] {
    const callbacks = this.#connectCallbacks
    this.#connectCallbacks = []
    return callbacks
  }

  #startAge(): void {
    const { clock, metadataMaxAgeMs } = this.#options
    this.#ageTimer?.cancel()
    this.#ageTimer = clock.setTimer(metadataMaxAgeMs, () => this.markStale())
  }
}

const placeOf = ({ error, text }: SearchFailure): string => error.broker ?? text

const unreachable = (failures: readonly SearchFailure[]): KafkaError => {
  const { code, kind, step } = sharedNature(failures.map(({ error }) => error))
  const summary = code === 'CONNECTION_FAILED' ? 'no broker could be reached' : 'no usable broker'
  const message = `${summary}: ${failures.map(({ text }) => text).join('; ')}`
  const [first] = failures.filter(({ error }) => error.code === code)
  const cause = (first ?? failures[0])?.error
  return new KafkaError(code, message, { api: 'Metadata', kind, step, cause })
}
