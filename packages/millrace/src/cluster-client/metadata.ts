// Owns the Metadata request in flight and the time of the next one. Calls for metadata share
// requests: the first call sends one at once, and later calls wait for a backoff, which grows while
// calls continue. A topic that was not requested recently does not wait, unless no broker is
// reachable.
//
//   idle ──call──► waiting ──due──► searching ──broker──► requesting ──response──► idle / waiting
//                                       ▲──────────error──────┘
//
// A round tries the brokers one after the other until one responds (BrokerSearch). Caller: Cluster,
// on behalf of the engine. Invariant: the engine's events are called from the event loop only.

import type { EngineEvents, LeaderHint, TopicRequestReason } from '../engine/ports.ts'
import { type MetadataResponse, metadataApi } from '../protocol/api/03-metadata.ts'
import { isRefusal, KafkaError } from '../protocol/kafka-error.ts'
import { assert } from '../runtime/assert.ts'
import { backoffDelayMs } from '../runtime/backoff.ts'
import type { Clock, Timer } from '../runtime/clock.ts'
import type { EventOrigin } from '../runtime/diagnostics.ts'
import type { Logger } from '../runtime/logger.ts'
import { printableText } from '../runtime/printable-text.ts'
import type { Random } from '../runtime/random.ts'
import type { NodeLink } from './broker-link.ts'
import type { BrokerPool } from './broker-pool.ts'
import { BrokerSearch } from './broker-search.ts'
import { announceMetadata } from './cluster-events.ts'
import { MetadataCache } from './metadata-cache.ts'
import { RequestedTopics, type TopicNovelty } from './requested-topics.ts'
import { metadataError, topicError } from './response-errors.ts'
import { RoundFailures } from './round-failures.ts'

export interface MetadataOptions {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly allowAutoTopicCreation: boolean
  readonly metadataMaxAgeMs: number
  /** After this time without a response, the client starts again from the bootstrap servers. */
  readonly metadataRecoveryRebootstrapTriggerMs: number
  readonly retryBackoffMs: number
  readonly retryBackoffMaxMs: number
  readonly origin?: EventOrigin | undefined
}

type MetadataState = 'idle' | 'waiting' | 'searching' | 'requesting' | 'closed'

const legal: Readonly<Record<MetadataState, readonly MetadataState[]>> = {
  idle: ['waiting', 'closed'],
  waiting: ['waiting', 'searching', 'closed'],
  searching: ['requesting', 'idle', 'closed'],
  requesting: ['searching', 'idle', 'closed'],
  closed: [],
}

/** The limit of a string in the protocol; Kafka's own limit for a topic is 249 characters. */
const nameBytesMax = 32_767

/** Called once: null when a broker has responded, otherwise the reason why none did. */
export type ConnectCallback = (error: KafkaError | null) => void

type TopicResponse = MetadataResponse['topics'][number]
type Notification = () => void

export class Metadata {
  readonly #options: MetadataOptions
  readonly #events: EngineEvents
  readonly #pool: BrokerPool
  readonly #cache = new MetadataCache()
  readonly #search: BrokerSearch
  readonly #topics: RequestedTopics
  #connectCallbacks: ConnectCallback[] = []
  #state: MetadataState = 'idle'
  #timer: Timer | null = null
  /** When the waiting round begins; used in the state `waiting`. */
  #dueAtMs = 0
  /** Before this time only a new topic may be requested. */
  #backoffUntilMs = 0
  /** Rounds that followed each other without a pause. */
  #busyRounds = 0
  #lastRoundFailed = false
  /** Since when every round has failed; null after a success. */
  #failingSinceMs: number | null = null
  #startedOver = false
  /** Why the next round starts at the bootstrap servers; null = it does not. */
  #startOverReason: string | null = null
  #ageTimer: Timer | null = null
  readonly #failures = new RoundFailures()
  #clusterId: string | null = null
  #respondedAtMs: number | null = null
  #requestCount = 0
  #failedRoundCount = 0
  #rebootstrapCount = 0

  constructor(pool: BrokerPool, options: MetadataOptions, events: EngineEvents) {
    this.#pool = pool
    this.#options = options
    this.#events = events
    const { retryBackoffMaxMs, allowAutoTopicCreation } = options
    this.#topics = new RequestedTopics(retryBackoffMaxMs, allowAutoTopicCreation)
    this.#search = new BrokerSearch(pool, options.clock, options.random, 'always', {
      onFound: (link) => this.#request(link),
      onNodesExhausted: () => this.#onNodesExhausted(),
      onCandidateFailed: () => this.#reportSearchFailures(),
      onExhausted: () => this.#failRound(),
    })
  }

  /** Why there is no fresh metadata; null when the last request succeeded. */
  get error(): KafkaError | null {
    return this.#failures.error
  }

  get clusterId(): string | null {
    return this.#clusterId
  }

  /** When a broker last responded; null = none has responded yet. */
  get respondedAtMs(): number | null {
    return this.#respondedAtMs
  }

  get requestCount(): number {
    return this.#requestCount
  }

  /** Rounds in which no broker responded. */
  get failedRoundCount(): number {
    return this.#failedRoundCount
  }

  get rebootstrapCount(): number {
    return this.#rebootstrapCount
  }

  refreshTopic(topic: string, why: TopicRequestReason, rejectedPartition?: number): void {
    if (this.#state === 'closed') return
    if (rejectedPartition !== undefined) this.#cache.rejectLeader(topic, rejectedPartition)
    if (Buffer.byteLength(topic) > nameBytesMax) {
      this.#rejectName(topic)
      return
    }
    const novelty = this.#topics.request(topic, why, this.#options.clock.now())
    if (novelty !== null) this.#schedule(novelty)
  }

  /** A name that does not fit into a request fails alone, so other topics are not affected. */
  #rejectName(topic: string): void {
    const limit = `at most ${nameBytesMax} bytes`
    const message = `A topic name must have ${limit}, got ${Buffer.byteLength(topic)}`
    const error = new KafkaError('BROKER_REJECTED', message, { topic })
    this.#options.clock.setImmediate(() => {
      if (!this.#isClosed()) this.#events.onTopicFailed(topic, error, true)
    })
  }

  forgetTopic(topic: string): void {
    this.#topics.forget(topic)
    this.#cache.forget(topic)
  }

  /** Kafka's number for the reason why a partition without a leader has none. */
  leaderErrorCode(topic: string, partition: number): number {
    return this.#cache.leaderErrorCode(topic, partition)
  }

  /** The metadata of the topics in use is wrong, or may be. */
  markStale(): void {
    if (this.#state === 'closed' || this.#topics.isEmpty) return
    this.#topics.requestAll()
    this.#schedule('known')
  }

  /** Another node responded at a node's address: the metadata may be that of another cluster. */
  onMisrouted(link: NodeLink): void {
    if (this.#state === 'closed') return
    this.#startOverReason = `${link.name} is not the node that metadata named`
    this.markStale()
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
      this.#pool.putNode({ nodeId: leaderId, ...endpoint }, `the old leader of '${hint.topic}'`)
    }
    this.#options.clock.setImmediate(() => {
      const latest = this.#cache.view(hint.topic)
      if (this.#state !== 'closed' && latest !== undefined) this.#events.onTopic(latest)
    })
  }

  /** Calls back when a broker has responded, or when a round through all of them has failed. */
  connect(callback: ConnectCallback): void {
    if (this.#state === 'closed') return
    this.#connectCallbacks.push(callback)
    this.#schedule('new')
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

  /** Schedules a round, or moves the scheduled one forward. */
  #schedule(novelty: TopicNovelty): void {
    if (this.#state !== 'idle' && this.#state !== 'waiting') return
    const { clock } = this.#options
    const now = clock.now()
    const isAtOnce = novelty === 'new' && !this.#lastRoundFailed
    const dueAtMs = isAtOnce ? now : Math.max(now, this.#backoffUntilMs)
    if (this.#state === 'waiting' && this.#dueAtMs <= dueAtMs) return
    this.#transition('waiting')
    this.#dueAtMs = dueAtMs
    if (dueAtMs > now) {
      this.#timer = clock.setTimer(dueAtMs - now, () => this.#startRound())
      return
    }
    // All calls of this turn become one request.
    clock.setImmediate(() => {
      if (this.#state === 'waiting' && this.#dueAtMs === dueAtMs) this.#startRound()
    })
  }

  #startRound(): void {
    const { clock, retryBackoffMaxMs, metadataRecoveryRebootstrapTriggerMs } = this.#options
    const now = clock.now()
    if (now - this.#backoffUntilMs >= retryBackoffMaxMs) this.#busyRounds = 0
    this.#transition('searching')
    this.#startedOver = false
    this.#failingSinceMs ??= now
    if (this.#startOverReason !== null) {
      this.#startOver(this.#startOverReason)
      return
    }
    if (now - this.#failingSinceMs >= metadataRecoveryRebootstrapTriggerMs) {
      this.#failingSinceMs = now
      const seconds = Math.round(metadataRecoveryRebootstrapTriggerMs / 1000)
      this.#startOver(`no broker has responded for ${seconds} s`)
      return
    }
    this.#search.start()
  }

  /** Sends the request to one broker, with the topics that are requested now. */
  #request(link: NodeLink): void {
    this.#transition('requesting')
    this.#requestCount++
    const { topics, allowAutoTopicCreation } = this.#topics.select(this.#options.clock.now())
    const call = this.#topics.lastCall
    const request = { topics: topics.map((name) => ({ name })), allowAutoTopicCreation }
    link.request(metadataApi, request, (error, response) => {
      if (this.#state !== 'requesting') return
      const failure = response === null ? error : metadataError(response, link.name)
      if (failure !== null) this.#onRequestFailed(failure, link)
      else if (response !== null) this.#take(response, topics, call, link)
    })
  }

  #onRequestFailed(error: KafkaError, link: NodeLink): void {
    this.#transition('searching')
    if (error.brokerError === 'REBOOTSTRAP_REQUIRED' && !this.#startedOver) {
      this.#startOver(`${link.name} returned REBOOTSTRAP_REQUIRED`)
      return
    }
    this.#search.next({ error, text: error.message })
    this.#reportSearchFailures()
  }

  #startOver(reason: string): void {
    this.#startedOver = true
    this.#startOverReason = null
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

  #reportSearchFailures(): void {
    const isSearching = this.#state === 'searching' || this.#state === 'requesting'
    if (isSearching) this.#failures.onFailing(this.#search.failures)
  }

  #failRound(): void {
    const error = this.#failures.onFailed(this.#search.failures)
    this.#failedRoundCount++
    this.#lastRoundFailed = true
    // Only new credentials or certificates help: no request is sent until a caller needs one.
    const rejected = isRefusal(error) ? this.#topics.dropCalls() : []
    this.#endRound()
    for (const callback of this.#takeConnectCallbacks()) callback(error)
    for (const topic of rejected)
      if (!this.#isClosed()) this.#events.onTopicFailed(topic, error, true)
  }

  #take(
    response: MetadataResponse,
    requested: readonly string[],
    call: number,
    source: NodeLink,
  ): void {
    this.#failures.onSucceeded()
    this.#respondedAtMs = this.#options.clock.now()
    this.#failingSinceMs = null
    if (this.#lastRoundFailed) this.#busyRounds = 0
    this.#lastRoundFailed = false
    this.#clusterId = response.clusterId
    this.#pool.replaceNodes(response.brokers, response.clusterId, source)
    const topicResponses = new Map(response.topics.map((topic) => [topic.name, topic]))
    const notifications: Notification[] = []
    for (const topic of requested) {
      if (!this.#topics.has(topic)) continue
      const topicResponse = topicResponses.get(topic)
      const error = topicError(topic, topicResponse, source.name)
      if (error !== null) notifications.push(this.#takeTopicError(topic, error))
      else if (topicResponse !== undefined)
        notifications.push(this.#takeTopic(topic, topicResponse, call))
    }
    this.#startAge()
    this.#endRound()
    announceMetadata(this.#options.origin, () => ({
      broker: source.name,
      clusterId: response.clusterId && printableText(response.clusterId),
      nodeCount: response.brokers.length,
      topics: requested,
    }))
    for (const callback of this.#takeConnectCallbacks()) callback(null)
    for (const notify of notifications) if (!this.#isClosed()) notify()
  }

  /** Returns the event for the engine, which is called when all topics are updated. */
  #takeTopic(name: string, response: TopicResponse, call: number): Notification {
    const view = this.#cache.apply(name, response, (nodeId) => this.#pool.hasNode(nodeId))
    this.#topics.onFound(name, call)
    return () => {
      if (this.#topics.has(name)) this.#events.onTopic(view)
    }
  }

  /** The engine decides whether a topic with an error is requested again. */
  #takeTopicError(name: string, error: KafkaError): Notification {
    const isFinal = !error.retriable
    if (isFinal || error.code === 'UNKNOWN_TOPIC') this.forgetTopic(name)
    else this.#topics.onFailed(name)
    return () => this.#events.onTopicFailed(name, error, isFinal)
  }

  #endRound(): void {
    const { clock, random, retryBackoffMs, retryBackoffMaxMs } = this.#options
    this.#search.stop()
    this.#transition('idle')
    const now = clock.now()
    const range = { initialMs: retryBackoffMs, maxMs: retryBackoffMaxMs }
    this.#backoffUntilMs = now + backoffDelayMs(range, this.#busyRounds++, random.next())
    const novelty = this.#topics.pending(now)
    if (novelty !== null) this.#schedule(novelty)
  }

  /** A method, because calls out of this class can change the state. */
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
