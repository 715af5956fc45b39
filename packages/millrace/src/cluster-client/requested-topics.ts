// The topics in use, and which of them the next Metadata request has to name. Each call for fresh
// metadata gets a number; a response serves the calls up to the number at which its request was
// sent. Owned by Metadata, which decides when requests are sent.

import type { TopicRequestReason } from '../engine/ports.ts'
import { RecentNames } from './recent-names.ts'

/** A topic in use. */
interface TopicUse {
  /** Number of the latest call for it that no response has served; 0 = none. */
  call: number
  /** A caller wants to use it: the broker may create it. A refresh creates nothing. */
  mayCreate: boolean
}

/** `known`: an earlier response may have had it; `new`: it was not requested lately. */
export type Urgency = 'known' | 'new'

export interface TopicSelection {
  readonly topics: readonly string[]
  readonly allowAutoTopicCreation: boolean
}

export class RequestedTopics {
  readonly #topics = new Map<string, TopicUse>()
  readonly #recentlyRequested: RecentNames
  readonly #allowAutoTopicCreation: boolean
  #lastCall = 0
  /** The last request was for topics that may be created. */
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

  /** Notes a call for a topic; null = the request in flight serves it, too. */
  request(topic: string, why: TopicRequestReason, nowMs: number): Urgency | null {
    const use = this.#topics.get(topic)
    const mayCreate = why === 'unknown' || use?.mayCreate === true
    // The request in flight serves a caller that knows nothing. One that knows that its metadata is
    // stale needs a later request.
    const isServed = use !== undefined && use.call > 0 && use.mayCreate === mayCreate
    if (isServed && why !== 'stale') return null
    this.#topics.set(topic, { call: ++this.#lastCall, mayCreate })
    return use === undefined && !this.#recentlyRequested.has(topic, nowMs) ? 'new' : 'known'
  }

  /** Notes a call for every topic in use. */
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
   * The topics of the next request. One flag of a request lets all of its topics be created, so
   * those that may be created have requests of their own, in turns with the others.
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

  /** A response has the topic; it serves the calls up to `call`. */
  onFound(topic: string, call: number): void {
    const use = this.#topics.get(topic)
    if (use === undefined) return
    if (use.call <= call) use.call = 0
    use.mayCreate = false
  }

  /** A response has an error for the topic: it is requested again when a caller says so. */
  onFailed(topic: string): void {
    const use = this.#topics.get(topic)
    if (use !== undefined) use.call = 0
  }

  /** Drops all calls that are not served, and returns their topics; these stay in use. */
  dropCalls(): string[] {
    const dropped: string[] = []
    for (const [topic, use] of this.#topics) {
      if (use.call === 0) continue
      use.call = 0
      dropped.push(topic)
    }
    return dropped
  }

  /** The most urgent call that is not served; null = all are. */
  pending(nowMs: number): Urgency | null {
    this.#recentlyRequested.prune(nowMs)
    let urgency: Urgency | null = null
    for (const [topic, { call }] of this.#topics) {
      if (call === 0) continue
      if (!this.#recentlyRequested.has(topic, nowMs)) return 'new'
      urgency = 'known'
    }
    return urgency
  }
}
