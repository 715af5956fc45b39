// Owns the telemetry subscription of a client and the time of its next request (KIP-714). It pushes
// the client's metrics to brokers that request them. It opens no connection and does not keep the
// process alive. Caller: Cluster.
//
//   waiting ──broker──► requesting ──subscription──► idle ──due──► pushing ──taken──► idle …
//      ▲                    ▲                          │              │
//      └── no broker now    └── no metrics are wanted, or the subscription is not known any more
//
// The first push comes after 0.5 to 1.5 intervals, so that clients which started together push at
// different times; leave() pushes once more. Invariant: after a permanent rejection nothing is
// sent.

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

type TelemetryState = 'waiting' | 'requesting' | 'idle' | 'pushing' | 'leaving' | 'done'

const legal: Readonly<Record<TelemetryState, readonly TelemetryState[]>> = {
  waiting: ['waiting', 'requesting', 'pushing', 'leaving', 'done'],
  requesting: ['waiting', 'idle', 'done'],
  idle: ['waiting', 'requesting', 'pushing', 'leaving', 'done'],
  pushing: ['waiting', 'requesting', 'idle', 'leaving', 'done'],
  leaving: ['done'],
  done: [],
}

type Subscription = GetTelemetrySubscriptionsResponse

/** Used if a broker sends no interval, or the request failed: Kafka's default. */
const defaultIntervalMs = 300_000
const intervalMsMin = 100
/** How long close() waits for the last push. */
const closeMsMax = 1000

/** Permanent rejections: this cluster accepts no metrics of this client. */
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
  #next: 'subscribe' | 'push' = 'subscribe'
  #timer: Timer | null = null
  /** Counts the calls; the response to an earlier call is ignored. */
  #token = 0
  #instanceId: Uint8Array = noInstanceId
  #subscription: Subscription | null = null
  /** The id of the subscription. */
  #selection = new MetricSelection([])
  /** A broker rejected a codec that it had listed. */
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

  /** Pushes once more if a broker has requested metrics; `done` is called once, within a second. */
  leave(done: () => void): void {
    const link = this.#link()
    const isWanted = !this.#selection.isEmpty
    if (!isWanted || link === undefined || this.#state === 'requesting' || this.#hasEnded()) {
      this.close()
      done()
      return
    }
    // A push in progress is completed first: the last push counts from it.
    const isPushing = this.#state === 'pushing'
    this.#transition('leaving')
    this.#onLeft = done
    this.#timer = this.#options.clock.setTimer(closeMsMax, () => this.close())
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

  #hasEnded(): boolean {
    return this.#state === 'leaving' || this.#state === 'done'
  }

  #transition(next: TelemetryState): void {
    assert(legal[this.#state].includes(next), `telemetry goes from ${this.#state} to ${next}`)
    this.#state = next
    this.#timer?.cancel()
    this.#timer = null
  }

  /** A broker that supports telemetry and can accept a request now. */
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
    else if (this.#next === 'subscribe') this.#request(link)
    else {
      this.#transition('pushing')
      this.#push(link, false)
    }
  }

  #waitThen(delayMs: number, next: 'subscribe' | 'push'): void {
    this.#transition('idle')
    this.#next = next
    this.#timer = this.#options.clock.setTimer(delayMs, () => this.#proceed())
    this.#timer.unref?.()
  }

  // ── The subscription ───────────────────────────────────────────────────────────────────────────

  #request(link: NodeLink): void {
    this.#transition('requesting')
    const token = ++this.#token
    const request = { clientInstanceId: this.#instanceId }
    link.request(getTelemetrySubscriptionsApi, request, (error, response) => {
      if (token !== this.#token) return
      if (response === null) this.#onLost(error!, 'subscribe')
      else if (response.errorCode !== errorNumber.NONE) this.#onRejected(response.errorCode)
      else this.#subscribe(response)
    })
  }

  #subscribe(subscription: Subscription): void {
    const prefixCount = subscription.requestedMetrics.length
    if (prefixCount > prefixesMax) {
      const text = `a subscription of ${prefixCount} prefixes is rejected: above ${prefixesMax}`
      this.#options.logger.debug(`millrace: ${text}`)
      this.#waitThen(defaultIntervalMs, 'subscribe')
      return
    }
    this.#subscription = subscription
    this.#selection = new MetricSelection(subscription.requestedMetrics)
    // A broker may respond with zeros although it got an id.
    if (!isZeroId(subscription.clientInstanceId)) this.#instanceId = subscription.clientInstanceId
    if (this.#selection.isEmpty) this.#waitThen(this.#intervalMs, 'subscribe')
    else this.#waitThen(this.#intervalMs * (0.5 + this.#options.random.next()), 'push')
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
    // Few clusters request metrics, so the encoder is loaded at the first push.
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

  /** The first codec of the broker's list that this client supports. */
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
      else if (isTaken) this.#waitThen(this.#intervalMs, 'push')
      else this.#onRejected(response.errorCode)
    })
  }

  // ── Failures ───────────────────────────────────────────────────────────────────────────────────

  #onLost(error: KafkaError, next: 'subscribe' | 'push'): void {
    this.#options.logger.debug(`millrace: metrics were not pushed: ${error.message}`)
    this.#waitThen(next === 'subscribe' ? defaultIntervalMs : this.#intervalMs, next)
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
        this.#requestSubscriptionAgain()
        return
      case errorNumber.UNKNOWN_SUBSCRIPTION_ID:
        this.#requestSubscriptionAgain()
        return
      case errorNumber.TELEMETRY_TOO_LARGE:
      case errorNumber.THROTTLING_QUOTA_EXCEEDED:
        this.#waitThen(this.#intervalMs, this.#state === 'requesting' ? 'subscribe' : 'push')
        return
      default:
        this.#waitThen(defaultIntervalMs, 'subscribe')
    }
  }

  /** Sent at once if a push was rejected: the next push has to wait for its interval. */
  #requestSubscriptionAgain(): void {
    if (this.#state === 'requesting') this.#waitThen(defaultIntervalMs, 'subscribe')
    else {
      this.#next = 'subscribe'
      this.#proceed()
    }
  }
}

const isZeroId = (id: Uint8Array): boolean => id.every((byte) => byte === 0)
