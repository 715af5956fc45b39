// Looks for a broker, any broker, that can take a request: the least loaded ready link first,
// then the known nodes, then the bootstrap addresses, each once, from a random start. A candidate
// that takes long to connect does not hold up the others: the next one is opened beside it after
// `staggerMs`, and the first one that is ready is taken. One search serves one round of its owner
// (Metadata, ProducerIdRequest), which calls next() when the broker it found did not help, and is
// reported when none is left.

import type { KafkaError } from '../protocol/kafka-error.ts'
import type { Clock, Timer } from '../runtime/clock.ts'
import { type Random, randomBelow } from '../runtime/random.ts'
import type { NodeLink } from './broker-link.ts'
import type { BrokerPool } from './broker-pool.ts'

export interface SearchFailure {
  readonly error: KafkaError
  /** `127.0.0.1:1 connection refused`. */
  readonly text: string
}

export interface SearchEvents {
  /** A broker that is ready; the search rests until next() or stop(). */
  onFound(link: NodeLink): void
  /** Known nodes are there, and each has failed: the bootstrap addresses are next. */
  onNodesExhausted?(): void
  /** A candidate failed. */
  onCandidateFailed?(): void
  /** Each candidate has failed; the search is over. */
  onExhausted(failures: readonly SearchFailure[]): void
}

/**
 * Whether the bootstrap addresses follow when the known nodes are through: always, or only where
 * none of these has responded at all, if with an error.
 */
export type BootstrapUse = 'always' | 'ifNoNodeResponds'

const staggerMs = 1000

const shuffledStart = <Item>(items: readonly Item[], random: Random): Item[] => {
  if (items.length < 2) return [...items]
  const start = randomBelow(random, items.length)
  return [...items.slice(start), ...items.slice(0, start)]
}

export class BrokerSearch {
  readonly #pool: BrokerPool
  readonly #clock: Clock
  readonly #random: Random
  readonly #events: SearchEvents
  readonly #usesBootstrap: BootstrapUse
  #searching = false
  /** What next() has not opened yet, in order. */
  #nodes: NodeLink[] = []
  #bootstrap: NodeLink[] | null = null
  readonly #opening = new Set<NodeLink>()
  readonly #tried = new Set<NodeLink>()
  /** The broker that the owner was given last. */
  #found: NodeLink | null = null
  /** Links that were connected, broke when they were used, and are opened once more. */
  readonly #reopened = new Set<NodeLink>()
  #failures: SearchFailure[] = []
  #staggerTimer: Timer | null = null

  constructor(
    pool: BrokerPool,
    clock: Clock,
    random: Random,
    usesBootstrap: BootstrapUse,
    events: SearchEvents,
  ) {
    this.#pool = pool
    this.#clock = clock
    this.#random = random
    this.#events = events
    this.#usesBootstrap = usesBootstrap
  }

  /** What failed so far in this round. */
  get failures(): readonly SearchFailure[] {
    return this.#failures
  }

  /** Begins a round. */
  start(): void {
    this.stop()
    this.#failures = []
    this.#tried.clear()
    this.#reopened.clear()
    const links = shuffledStart(this.#pool.nodeLinks(), this.#random)
    // Brokers that failed a moment ago come after those that are probably available.
    this.#nodes = [
      ...links.filter((link) => !link.inBackoff),
      ...links.filter((link) => link.inBackoff),
    ]
    this.#bootstrap = null
    this.#searching = true
    this.#advance()
  }

  /** The broker that was found did not help: goes on with the others. */
  next(failure: SearchFailure): void {
    this.#failures.push(failure)
    this.#searching = true
    const link = this.#found
    // An old connection that turns out to be dead says nothing of the broker behind it.
    if (link !== null && failure.error.code === 'CONNECTION_LOST' && !this.#reopened.has(link)) {
      this.#reopened.add(link)
      this.#tried.delete(link)
      this.#nodes.push(link)
    }
    this.#advance()
  }

  stop(): void {
    this.#searching = false
    this.#opening.clear()
    this.#cancelStagger()
  }

  onLinkReady(link: NodeLink): void {
    this.#opening.delete(link)
    if (this.#searching && !this.#tried.has(link)) this.#advance()
  }

  onLinkDown(link: NodeLink, error: KafkaError): void {
    // What was lost is an older connection, where the attempt that we asked for is still to come.
    if (link.wanted || !this.#opening.delete(link)) return
    this.#tried.add(link)
    if (!this.#searching) return
    this.#failures.push({ error, text: link.lastFailureText || error.message })
    this.#events.onCandidateFailed?.()
    if (this.#searching) this.#advance()
  }

  #advance(): void {
    this.#cancelStagger()
    const ready = this.#leastLoaded()
    if (ready !== undefined) {
      this.#tried.add(ready)
      this.#found = ready
      this.#opening.delete(ready)
      this.#searching = false
      this.#events.onFound(ready)
      return
    }
    const candidate = this.#takeCandidate()
    if (!this.#searching) return
    if (candidate !== undefined) {
      this.#opening.add(candidate)
      this.#staggerTimer = this.#clock.setTimer(staggerMs, () => this.#advance())
      candidate.open()
      return
    }
    if (this.#opening.size > 0) return
    this.stop()
    this.#events.onExhausted(this.#failures)
  }

  #leastLoaded(): NodeLink | undefined {
    let best: NodeLink | undefined
    for (const link of this.#pool.readyLinks()) {
      if (this.#tried.has(link)) continue
      if (best === undefined || link.inFlight < best.inFlight) best = link
    }
    return best
  }

  #takeCandidate(): NodeLink | undefined {
    for (;;) {
      const link = this.#nodes.shift() ?? this.#takeBootstrap()
      if (link === undefined) return undefined
      // A node that left the cluster since the round began would never respond.
      if (!link.closed && !this.#tried.has(link) && !this.#opening.has(link)) return link
    }
  }

  #takeBootstrap(): NodeLink | undefined {
    if (this.#bootstrap === null) {
      if (this.#pool.nodeCount > 0) {
        // The last node that is still connecting decides whether it comes to this.
        if (this.#opening.size > 0 || !this.#mayUseBootstrap()) return undefined
        this.#events.onNodesExhausted?.()
      }
      this.#bootstrap = shuffledStart(this.#pool.bootstrapLinks(), this.#random)
    }
    return this.#bootstrap.shift()
  }

  #mayUseBootstrap(): boolean {
    if (this.#usesBootstrap === 'always') return true
    return this.#failures.every(({ error }) => error.brokerCode === undefined)
  }

  #cancelStagger(): void {
    this.#staggerTimer?.cancel()
    this.#staggerTimer = null
  }
}
