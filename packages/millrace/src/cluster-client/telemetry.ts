// Pushes the client's metrics to brokers that ask for them (KIP-714). It owns the subscription and
// when what is sent next; it opens no connection of its own, and keeps no process alive.
//
//   waiting ──broker──► asking ──subscription──► resting ──due──► pushing ──taken──► resting …
//      ▲                  ▲                         │                │
//      └── no broker now  └── nothing is wanted, or the subscription is not known any more
//
// The first push comes after half to one and a half intervals, so that clients that started
// together do not push together; leave() pushes once more. A broker that rejects for good ends it.
// Callers: Cluster.

import {
  type GetTelemetrySubscriptionsResponse,
  getTelemetrySubscriptionsApi,
} from '../protocol/api/71-get-telemetry-subscriptions.ts'
import { pushTelemetryApi } from '../protocol/api/72-push-telemetry.ts'
import { codecById } from '../protocol/compression/codecs.ts'
import { brokerErrorEntry, errorNumber } from '../protocol/errors.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import { assert } from '../runtime/assert.ts'
import type { Clock, Timer } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Random } from '../runtime/random.ts'
import type { NodeLink } from './broker-link.ts'
import type { BrokerPool } from './broker-pool.ts'
import {
  MetricSelection,
  prefixesMax,
  TelemetryPayload,
  type TelemetrySource,
} from './telemetry-payload.ts'

export interface TelemetryOptions {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

type TelemetryState = 'waiting' | 'asking' | 'resting' | 'pushing' | 'leaving' | 'done'

const legal: Readonly<Record<TelemetryState, readonly TelemetryState[]>> = {
  waiting: ['waiting', 'asking', 'pushing', 'leaving', 'done'],
  asking: ['waiting', 'resting', 'done'],
  resting: ['waiting', 'asking', 'pushing', 'leaving', 'done'],
  pushing: ['waiting', 'asking', 'resting', 'leaving', 'done'],
  leaving: ['done'],
  done: [],
}

type Subscription = GetTelemetrySubscriptionsResponse

/** Where a broker does not say, or asking has failed: Kafka's own default. */
const defaultIntervalMs = 300_000
const intervalMsMin = 100
/** What close() waits for its last push at most. */
const leaveMs = 1000

/** Rejections that will not pass: this client has nothing to say to this cluster. */
const finalErrors: ReadonlySet<number> = new Set([
  errorNumber.INVALID_REQUEST,
  errorNumber.INVALID_RECORD,
  errorNumber.UNSUPPORTED_VERSION,
  errorNumber.CLUSTER_AUTHORIZATION_FAILED,
])

const noInstanceId = new Uint8Array(16)
const nothing = (): void => {}

export class Telemetry {
  readonly #pool: BrokerPool
  readonly #options: TelemetryOptions
  readonly #payload: TelemetryPayload
  #state: TelemetryState = 'waiting'
  #next: 'ask' | 'push' = 'ask'
  #timer: Timer | null = null
  /** Marks the call under way; the response to an older one is stale. */
  #token = 0
  #instanceId: Uint8Array = noInstanceId
  #subscription: Subscription | null = null
  /** Of the subscription. */
  #selection = new MetricSelection([])
  /** A broker did not take the codec that it had named. */
  #isPlain = false
  #onLeft: () => void = nothing

  constructor(pool: BrokerPool, options: TelemetryOptions, source: TelemetrySource) {
    this.#pool = pool
    this.#options = options
    this.#payload = new TelemetryPayload(source, options.clock.wallTime())
  }

  onLinkReady(): void {
    if (this.#state === 'waiting') this.#proceed()
  }

  /** Pushes once more, if a broker has asked for metrics; `done` is called once, soon. */
  leave(done: () => void): void {
    const link = this.#link()
    const isWanted = !this.#selection.isEmpty
    if (!isWanted || link === undefined || this.#state === 'asking' || this.#isOver()) {
      this.close()
      done()
      return
    }
    // What is on its way comes first: the last push counts from it.
    const isPushing = this.#state === 'pushing'
    this.#transition('leaving')
    this.#onLeft = done
    this.#timer = this.#options.clock.setTimer(leaveMs, () => this.close())
    if (!isPushing) this.#push(link, true)
  }

  close(): void {
    if (this.#state === 'done') return
    this.#transition('done')
    this.#token++
    const onLeft = this.#onLeft
    this.#onLeft = nothing
    onLeft()
  }

  #isOver(): boolean {
    return this.#state === 'leaving' || this.#state === 'done'
  }

  #transition(next: TelemetryState): void {
    assert(legal[this.#state].includes(next), `telemetry goes from ${this.#state} to ${next}`)
    this.#state = next
    this.#timer?.cancel()
    this.#timer = null
  }

  /** A broker that takes metrics and can be asked now. */
  #link(): NodeLink | undefined {
    return this.#pool
      .readyLinks()
      .find(
        (link) =>
          link.versionFor(getTelemetrySubscriptionsApi) >= 0 &&
          link.versionFor(pushTelemetryApi) >= 0,
      )
  }

  #proceed(): void {
    const link = this.#link()
    if (link === undefined) this.#transition('waiting')
    else if (this.#next === 'ask') this.#ask(link)
    else {
      this.#transition('pushing')
      this.#push(link, false)
    }
  }

  #rest(delayMs: number, next: 'ask' | 'push'): void {
    this.#transition('resting')
    this.#next = next
    this.#timer = this.#options.clock.setTimer(delayMs, () => this.#proceed())
    this.#timer.unref?.()
  }

  // ── The subscription ───────────────────────────────────────────────────────────────────────────

  #ask(link: NodeLink): void {
    this.#transition('asking')
    const token = ++this.#token
    const request = { clientInstanceId: this.#instanceId }
    link.request(getTelemetrySubscriptionsApi, request, (error, response) => {
      if (token !== this.#token) return
      if (response === null) this.#onLost(error!, 'ask')
      else if (response.errorCode !== errorNumber.NONE) this.#onRejected(response.errorCode)
      else this.#subscribe(response)
    })
  }

  #subscribe(subscription: Subscription): void {
    const prefixCount = subscription.requestedMetrics.length
    if (prefixCount > prefixesMax) {
      const text = `a subscription of ${prefixCount} prefixes is rejected: above ${prefixesMax}`
      this.#options.logger.debug(`millrace: ${text}`)
      this.#rest(defaultIntervalMs, 'ask')
      return
    }
    this.#subscription = subscription
    this.#selection = new MetricSelection(subscription.requestedMetrics)
    // A broker may respond with zeros although it got an id.
    if (!isNobody(subscription.clientInstanceId)) this.#instanceId = subscription.clientInstanceId
    if (this.#selection.isEmpty) this.#rest(this.#intervalMs, 'ask')
    else this.#rest(this.#intervalMs * (0.5 + this.#options.random.next()), 'push')
  }

  get #intervalMs(): number {
    const requestedMs = this.#subscription?.pushIntervalMs ?? 0
    return requestedMs <= 0 ? defaultIntervalMs : Math.max(intervalMsMin, requestedMs)
  }

  // ── The push ───────────────────────────────────────────────────────────────────────────────────

  #push(link: NodeLink, isTerminating: boolean): void {
    const token = ++this.#token
    const { deltaTemporality } = this.#subscription!
    const wallTimeMs = this.#options.clock.wallTime()
    const metrics = this.#payload.read(this.#selection, deltaTemporality, wallTimeMs)
    const isCurrent = (): boolean => token === this.#token
    // Few clusters ask for metrics: what writes them is loaded by the first that does.
    import('../protocol/otlp.ts').then(
      ({ encodeMetrics }) => {
        if (!isCurrent()) return
        this.#compress(encodeMetrics(metrics), (codecId, bytes) => {
          if (isCurrent()) this.#send(link, codecId, bytes, isTerminating)
        })
      },
      (reason: unknown) => {
        if (!isCurrent()) return
        this.#options.logger.warn(`millrace: metrics can't be pushed: ${String(reason)}`)
        this.close()
      },
    )
  }

  #compress(bytes: Uint8Array, done: (codecId: number, bytes: Uint8Array) => void): void {
    const codecId = this.#codecId
    if (codecId === 0) done(0, bytes)
    else {
      codecById(codecId).compress(bytes, undefined, (error, compressed) => {
        if (error === null) done(codecId, compressed!)
        else done(0, bytes)
      })
    }
  }

  /** The first that the broker named, of those that there are. */
  get #codecId(): number {
    if (this.#isPlain) return 0
    return this.#subscription!.acceptedCompressionTypes.find((id) => id > 0 && id <= 4) ?? 0
  }

  #send(link: NodeLink, compressionType: number, metrics: Uint8Array, terminating: boolean): void {
    const { subscriptionId, telemetryMaxBytes } = this.#subscription!
    if (telemetryMaxBytes > 0 && metrics.length > telemetryMaxBytes) {
      this.#onRejected(errorNumber.TELEMETRY_TOO_LARGE)
      return
    }
    const token = this.#token
    const clientInstanceId = this.#instanceId
    const request = { clientInstanceId, subscriptionId, terminating, compressionType, metrics }
    link.request(pushTelemetryApi, request, (error, response) => {
      if (token !== this.#token) return
      const isTaken = response?.errorCode === errorNumber.NONE
      if (isTaken) this.#payload.onTaken()
      if (this.#state === 'leaving') {
        if (isTaken && !terminating) this.#push(link, true)
        else this.close()
      } else if (response === null) this.#onLost(error!, 'push')
      else if (isTaken) this.#rest(this.#intervalMs, 'push')
      else this.#onRejected(response.errorCode)
    })
  }

  // ── Failures ───────────────────────────────────────────────────────────────────────────────────

  #onLost(error: KafkaError, next: 'ask' | 'push'): void {
    this.#options.logger.debug(`millrace: metrics were not pushed: ${error.message}`)
    this.#rest(next === 'ask' ? defaultIntervalMs : this.#intervalMs, next)
  }

  #onRejected(errorCode: number): void {
    const { name } = brokerErrorEntry(errorCode)
    this.#options.logger.debug(`millrace: metrics were not taken: ${name}`)
    if (this.#state === 'leaving' || finalErrors.has(errorCode)) {
      this.close()
      return
    }
    switch (errorCode) {
      case errorNumber.UNSUPPORTED_COMPRESSION_TYPE:
        this.#isPlain = true
        this.#askAgain()
        return
      case errorNumber.UNKNOWN_SUBSCRIPTION_ID:
        this.#askAgain()
        return
      case errorNumber.TELEMETRY_TOO_LARGE:
      case errorNumber.THROTTLING_QUOTA_EXCEEDED:
        this.#rest(this.#intervalMs, this.#state === 'asking' ? 'ask' : 'push')
        return
      default:
        this.#rest(defaultIntervalMs, 'ask')
    }
  }

  /** At once if a push was rejected: the next push has to wait for its interval anyhow. */
  #askAgain(): void {
    if (this.#state === 'asking') this.#rest(defaultIntervalMs, 'ask')
    else {
      this.#next = 'ask'
      this.#proceed()
    }
  }
}

const isNobody = (id: Uint8Array): boolean => id.every((byte) => byte === 0)
