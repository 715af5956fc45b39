// Owns one round of a search for a broker that can accept a request. The order of the candidates
// is: ready links by load, then the known nodes, then the bootstrap addresses, each once, from a
// random start. While a candidate connects slowly, the next one is opened after `staggerMs`; the
// first one that is ready is used. Callers: Metadata, ProducerIdRequest, Coordinator, admin/. The
// caller calls next() if the broker did not help. Invariant: a round ends with stop() or when no
// candidate is left.

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
  /** A broker is ready. The search pauses until next() or stop(). */
  onFound(link: NodeLink): void
  /** All known nodes have failed; the bootstrap addresses are next. */
  onNodesExhausted?(): void
  /** A candidate failed. */
  onCandidateFailed?(): void
  /** Each candidate has failed; the search is over. */
  onExhausted(failures: readonly SearchFailure[]): void
}

/**
 * When the bootstrap addresses are tried after the known nodes: always, or only if none of the
 * nodes has responded, not even with an error.
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
  /** The candidates that are not opened yet, in order. */
  #nodes: NodeLink[] = []
  #bootstrap: NodeLink[] | null = null
  readonly #opening = new Set<NodeLink>()
  readonly #tried = new Set<NodeLink>()
  /** The last broker that was passed to the owner. */
  #found: NodeLink | null = null
  /** Links that were connected, failed when they were used, and are opened once more. */
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

  /** The failures of this round. */
  get failures(): readonly SearchFailure[] {
    return this.#failures
  }

  /** Starts a round. */
  start(): void {
    this.stop()
    this.#failures = []
    this.#tried.clear()
    this.#reopened.clear()
    const links = shuffledStart(this.#pool.nodeLinks(), this.#random)
    // Brokers that failed recently are tried after the others.
    this.#nodes = [
      ...links.filter((link) => !link.inBackoff),
      ...links.filter((link) => link.inBackoff),
    ]
    this.#bootstrap = null
    this.#searching = true
    this.#advance()
  }

  /** The broker did not help: continues with the other candidates. */
  next(failure: SearchFailure): void {
    this.#failures.push(failure)
    this.#searching = true
    const link = this.#found
    // The failure of an old connection does not show that the broker is unavailable.
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
    // A throttled link is reported again when its time is over, and is waited for until then.
    if (link.ready) this.#opening.delete(link)
    else if (this.#searching && this.#opening.has(link)) this.#addThrottleError(link)
    if (this.#searching && !this.#tried.has(link)) this.#advance()
  }

  onLinkDown(link: NodeLink, error: KafkaError): void {
    // The failure is that of an older connection; the attempt for open() is still to come.
    if (link.wanted || !this.#opening.delete(link)) return
    this.#tried.add(link)
    if (!this.#searching) return
    this.#failures.push({ error, text: link.lastFailureText || error.message })
    this.#events.onCandidateFailed?.()
    if (this.#searching) this.#advance()
  }

  #addThrottleError({ lastError }: NodeLink): void {
    if (lastError === null) return
    this.#failures.push({ error: lastError, text: lastError.message })
    this.#events.onCandidateFailed?.()
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
        // The last node that is still connecting decides whether the bootstrap addresses are
        // needed.
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
