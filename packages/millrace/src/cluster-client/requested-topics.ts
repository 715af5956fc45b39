// Owns the topics in use, and which of them the next Metadata request contains. Each call for
// metadata gets a number; a response serves the calls up to the number at which its request was
// sent. Caller: Metadata, which decides when requests are sent. Invariant: a call stays pending
// until a response or dropCalls() serves it.

import type { TopicRequestReason } from '../engine/ports.ts'
import { RecentNames } from './recent-names.ts'

/** A topic in use. */
interface TopicUse {
  /** Number of the latest call for it that no response has served; 0 = none. */
  call: number
  /** A caller wants to write to it, so the broker may create it. A refresh never creates topics. */
  mayCreate: boolean
}

/** `known`: an earlier response may have contained it; `new`: it was not requested recently. */
export type TopicNovelty = 'known' | 'new'

export interface TopicSelection {
  readonly topics: readonly string[]
  readonly allowAutoTopicCreation: boolean
}

export class RequestedTopics {
  readonly #topics = new Map<string, TopicUse>()
  readonly #recentlyRequested: RecentNames
  readonly #allowAutoTopicCreation: boolean
  #lastCall = 0
  /** The last request contained topics that may be created. */
  #createdLast = false

  constructor(rememberMs: number, allowAutoTopicCreation: boolean) {
    this.#recentlyRequested = new RecentNames(rememberMs)
    this.#allowAutoTopicCreation = allowAutoTopicCreation
  }

  get isEmpty(): boolean {
    return this.#topics.size === 0
  }

  /** Number of the latest call. */
  get lastCall(): number {
    return this.#lastCall
  }

  has(topic: string): boolean {
    return this.#topics.has(topic)
  }

  /** Records a call for a topic; null = the request in flight serves it. */
  request(topic: string, why: TopicRequestReason, nowMs: number): TopicNovelty | null {
    const use = this.#topics.get(topic)
    const mayCreate = why === 'unknown' || use?.mayCreate === true
    // The request in flight serves a caller without metadata. A caller whose metadata is stale
    // needs a later request.
    const isServed = use !== undefined && use.call > 0 && use.mayCreate === mayCreate
    if (isServed && why !== 'stale') return null
    this.#topics.set(topic, { call: ++this.#lastCall, mayCreate })
    return use === undefined && !this.#recentlyRequested.has(topic, nowMs) ? 'new' : 'known'
  }

  /** Records a call for every topic in use. */
  requestAll(): void {
    this.#lastCall++
    for (const use of this.#topics.values()) use.call = this.#lastCall
  }

  forget(topic: string): void {
    this.#topics.delete(topic)
  }

  clear(): void {
    this.#topics.clear()
  }

  /**
   * The topics of the next request. One flag of a request allows the creation of all its topics, so
   * topics that may be created alternate with the others, in requests of their own.
   */
  select(nowMs: number): TopicSelection {
    const creatable: string[] = []
    const others: string[] = []
    for (const [topic, { call, mayCreate }] of this.#topics) {
      if (call === 0) continue
      if (mayCreate && this.#allowAutoTopicCreation) creatable.push(topic)
      else others.push(topic)
    }
    const creates = creatable.length > 0 && (others.length === 0 || !this.#createdLast)
    this.#createdLast = creates
    const topics = creates ? creatable : others
    for (const topic of topics) this.#recentlyRequested.add(topic, nowMs)
    return { topics, allowAutoTopicCreation: creates }
  }

  /** The topic is in a response, which serves the calls up to `call`. */
  onFound(topic: string, call: number): void {
    const use = this.#topics.get(topic)
    if (use === undefined) return
    if (use.call <= call) use.call = 0
    use.mayCreate = false
  }

  /** A response has an error for the topic: it is requested again only by a new call. */
  onFailed(topic: string): void {
    const use = this.#topics.get(topic)
    if (use !== undefined) use.call = 0
  }

  /** Drops all pending calls and returns their topics, which stay in use. */
  dropCalls(): string[] {
    const dropped: string[] = []
    for (const [topic, use] of this.#topics) {
      if (use.call === 0) continue
      use.call = 0
      dropped.push(topic)
    }
    return dropped
  }

  /** The most urgent pending call; null = none is pending. */
  pending(nowMs: number): TopicNovelty | null {
    this.#recentlyRequested.prune(nowMs)
    let novelty: TopicNovelty | null = null
    for (const [topic, { call }] of this.#topics) {
      if (call === 0) continue
      if (!this.#recentlyRequested.has(topic, nowMs)) return 'new'
      novelty = 'known'
    }
    return novelty
  }
}
