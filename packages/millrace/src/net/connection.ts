// Owns one connection to one broker: the byte stream, the handshake and the requests in flight.
// Callers: cluster-client/broker-link.ts and diagnose/. They create a new Connection when this one
// is closed; a Connection never reconnects.
//
//   request → [held while muted] → written → in flight ──response──→ onResponse
//                     └──────────────────────────└──── close ───→ onFailure (written: false / true)
//
// Invariants: each request is settled once, never inside a call of its owner. Responses arrive in
// the order of the requests; a response that does not match closes this connection only. When the
// connection closes, requests fail after the stream is closed, so that their chunks can be reused.
// onClosed is the last event.

import type { ApiKeyRange } from '../protocol/api/18-api-versions.ts'
import { asKafkaError, type ConnectStep, type KafkaError } from '../protocol/kafka-error.ts'
import type { Api, ApiDescription, Input } from '../protocol/schema/api.ts'
import { assert } from '../runtime/assert.ts'
import type { Clock } from '../runtime/clock.ts'
import type { ByteStream } from '../runtime/transport.ts'
import { type CallHandler, type CallOwner, makeCall } from './api-call.ts'
import { type Authentication, authenticationOf } from './authentication.ts'
import type {
  ConnectionEvents,
  ConnectionOptions,
  ConnectionState,
  RawRequest,
} from './connection-contract.ts'
import { legalStates } from './connection-contract.ts'
import { ConnectionErrors } from './connection-errors.ts'
import { describeForeignPeer, isTlsPeer } from './connection-messages.ts'
import { Handshake, type HandshakeChannel } from './handshake.ts'
import { HeldRequests } from './held-requests.ts'
import { type InFlightEntry, InFlightTable } from './in-flight-table.ts'
import { RequestFramer } from './request-frame.ts'
import { MalformedResponseError, ResponseReader } from './response-reader.ts'
import { StallTolerantDeadline } from './stall-tolerant-deadline.ts'
import { VersionNegotiation } from './version-negotiation.ts'
import { noCommonVersion } from './version-requirements.ts'
import { WakeTimer } from './wake-timer.ts'

export type {
  ConnectionEvents,
  ConnectionOptions,
  ConnectionState,
  RawRequest,
} from './connection-contract.ts'

/**
 * Limit of a broker's throttle time. Kafka's own throttle times are shorter than the window of a
 * quota, 11 seconds by default. A broker that needs longer sends a throttle time again.
 */
const throttleMsMax = 60_000

const never = Number.POSITIVE_INFINITY

export class Connection {
  readonly #options: ConnectionOptions
  readonly #events: ConnectionEvents
  readonly #clock: Clock
  readonly #errors: ConnectionErrors
  readonly #stream: ByteStream
  readonly #framer: RequestFramer
  readonly #table = new InFlightTable<RawRequest>()
  readonly #responses: ResponseReader
  readonly #versions: VersionNegotiation
  readonly #authentication: Authentication | null
  readonly #handshake: Handshake
  readonly #heldRequests: HeldRequests<RawRequest>
  readonly #callOwner: CallOwner = {
    onMalformed: (reason, api, cause) => this.#closeAsMalformed(reason, api, cause),
    throttle: (throttleTimeMs) => this.throttle(throttleTimeMs),
  }
  readonly #timer: WakeTimer
  readonly #requestDeadline: StallTolerantDeadline
  readonly #connectDeadlineAtMs: number
  #state: ConnectionState = 'connecting'
  #closedIn: ConnectionState | null = null
  #lastRequestAtMs: number
  #receivedBytes = 0
  #hasResponded = false
  #lastHasNoResponse = false
  /** The last throttle time, for the log. */
  #throttleError: KafkaError | null = null
  /** The reason of the close, as passed to onClosed. */
  #closeError: KafkaError | null = null
  /** The error that the owner passed to close(): requests fail with it. */
  #givenError: KafkaError | null = null

  constructor(options: ConnectionOptions, events: ConnectionEvents) {
    const { clock } = options
    this.#options = options
    this.#events = events
    this.#clock = clock
    this.#errors = new ConnectionErrors(options.name, options.address)
    this.#responses = new ResponseReader(this.#table, options.maxResponseBytes)
    this.#framer = new RequestFramer(options.clientId)
    this.#versions = new VersionNegotiation(options.negotiation)
    this.#authentication = authenticationOf(options, this.#versions)
    const steps = [this.#versions, this.#authentication].filter((step) => step !== null)
    this.#handshake = new Handshake(steps, {
      onStep: (step) => this.#guard(() => this.#events.onStep?.(step)),
      onDone: () => this.#onHandshakeDone(),
    })
    this.#heldRequests = new HeldRequests(clock, {
      release: (request) => this.#write(request),
      onChange: () => this.#isClosed() || this.#guard(() => this.#events.onMutedChange()),
    })
    this.#lastRequestAtMs = clock.now()
    this.#connectDeadlineAtMs = clock.now() + options.connectTimeoutMs
    this.#timer = new WakeTimer(clock, (lateMs) => this.#onWake(lateMs))
    this.#requestDeadline = new StallTolerantDeadline(clock, options.requestTimeoutMs, {
      deadlineAtMs: () => this.#deadlineAtMs(),
      receivedBytes: () => this.#receivedBytes,
      onOverdue: () => this.#onOverdue(),
      onNotOverdue: () => this.#arm(),
    })
    this.#stream = options.transport.connect(options.address, {
      onSecuring: () => this.#handshake.onSecuring(),
      onConnect: () => this.#onConnect(),
      onData: (bytes) => this.#onData(bytes),
      onClose: (error) => this.#onStreamClose(error),
    })
    this.#arm()
  }

  get state(): ConnectionState {
    return this.#state
  }

  /** The state in which it was closed; null while it is not closed. */
  get closedIn(): ConnectionState | null {
    return this.#closedIn
  }

  /** The current or last step of the handshake; after a failure, the step that failed. */
  get step(): ConnectStep {
    return this.#handshake.step
  }

  /** True during a throttle time or a re-authentication: no request is sent. */
  get muted(): boolean {
    return this.#heldRequests.isHolding
  }

  /** Why no request is sent during a throttle time; null = there is none. */
  get throttleError(): KafkaError | null {
    return this.#heldRequests.isThrottled ? this.#throttleError : null
  }

  /** True if a response arrived after the connection became ready. */
  get hasResponded(): boolean {
    return this.#hasResponded
  }

  /** Requests that were written and are not settled. */
  get inFlight(): number {
    return this.#table.size
  }

  /** Bytes that were written and that the operating system has not accepted yet. */
  get pendingBytes(): number {
    return this.#stream.pendingBytes
  }

  /** The APIs and versions that the broker supports, by API key; empty until ready. */
  get brokerVersions(): ReadonlyMap<number, ApiKeyRange> {
    return this.#versions.ranges
  }

  /** Epoch of the finalized features; -1 = the broker did not send it. */
  get featuresEpoch(): number {
    return this.#versions.featuresEpoch
  }

  /** Level of a finalized feature (`transaction.version`, …); -1 if the broker did not send it. */
  featureLevel(name: string): number {
    return this.#versions.featureLevel(name)
  }

  /** Highest version that `clientVersions` of the API and the broker share; -1 = none. */
  versionFor(api: Pick<ApiDescription, 'key' | 'clientVersions'>): number {
    return this.#versions.versionFor(api)
  }

  /** Sends in the highest common version; the handler is called once, in a later turn. */
  request<Request, Response>(
    api: Api<Request, Response>,
    request: Input<Request>,
    handler: CallHandler<Response>,
  ): void {
    const version = this.versionFor(api)
    const failLater = (error: KafkaError) =>
      this.#clock.setImmediate(() => this.#guard(() => handler(error, null)))
    if (this.#state === 'ready' && version < 0) {
      failLater(noCommonVersion(this.#options.name, { api }, this.brokerVersions.get(api.key)))
      return
    }
    let call: RawRequest
    try {
      call = makeCall(api, version, request, this.#callOwner, handler)
    } catch (cause) {
      failLater(asKafkaError(cause, 'encoding a request failed'))
      return
    }
    this.requestRaw(call)
  }

  /** Sends bytes; one of the request's two methods is called, in a later turn. */
  requestRaw(request: RawRequest): void {
    if (this.#state !== 'ready') this.#refuse(request)
    else if (Math.min(this.#idleAtMs(), this.#sessionEndAtMs()) <= this.#clock.now()) {
      // The process was suspended (a frozen sandbox) past the idle time or the end of the session:
      // the broker has closed the connection, or closes it at the next byte.
      this.#close(null)
      this.#refuse(request)
    } else if (this.#heldRequests.isHolding) this.#heldRequests.hold(request)
    else this.#write(request)
  }

  /**
   * A response carried a throttle time: requests are held until it ends. `request` calls this
   * method for its own responses.
   */
  throttle(throttleTimeMs: number): void {
    if (throttleTimeMs <= 0 || this.#state === 'closed') return
    const heldMs = Math.min(throttleTimeMs, throttleMsMax)
    this.#heldRequests.throttle(this.#clock.now() + heldMs)
    this.#throttleError = this.#errors.throttled(throttleTimeMs, heldMs)
    this.#arm()
  }

  /**
   * A decoder outside this class found a malformed response: closes the connection, and all
   * requests in flight fail with `error`.
   */
  closeAsMalformed(error: KafkaError): void {
    this.close(error)
  }

  /**
   * Closes now; requests in flight fail with `error` or CONNECTION_LOST. A second call has no
   * effect.
   */
  close(error?: KafkaError): void {
    if (this.#state === 'closed') return
    this.#givenError = error ?? null
    this.#close(error ?? null)
  }

  #transition(to: ConnectionState): void {
    assert(legalStates[this.#state].includes(to), `a connection goes from ${this.#state} to ${to}`)
    this.#state = to
  }

  // ---- the handshake

  #onConnect(): void {
    if (this.#state !== 'connecting') return
    this.#transition('negotiating')
    this.#handshake.run(this.#channel((error) => this.#close(error)))
    this.#arm()
  }

  #channel(fail: (error: KafkaError) => void): HandshakeChannel {
    return {
      name: this.#options.name,
      send: (request) => (this.#state === 'closed' ? this.#refuse(request) : this.#write(request)),
      throttle: (throttleTimeMs) => this.throttle(throttleTimeMs),
      fail,
    }
  }

  #onHandshakeDone(): void {
    this.#transition('ready')
    this.#responses.endHandshake()
    this.#lastRequestAtMs = this.#clock.now()
    this.#arm()
    this.#guard(() => this.#events.onReady())
  }

  /** Before the session ends. Requests in flight continue; new requests wait until it is over. */
  #reauthenticate(authentication: Authentication): void {
    const channel = this.#channel((error) => this.#close(this.#errors.sessionLost(error)))
    const done = () => {
      this.#heldRequests.releaseAll()
      this.#arm()
    }
    authentication.renew(channel, () => this.#heldRequests.holdAll(), done)
  }

  // ---- requests

  #write(request: RawRequest): void {
    const now = this.#clock.now()
    const deadlineAtMs = now + this.#options.requestTimeoutMs
    const entry = this.#table.add(request, request.expectsResponse, deadlineAtMs)
    const frame = this.#framer.frame(request, entry.correlationId)
    this.#events.onRequest?.(entry)
    this.#lastRequestAtMs = now
    this.#lastHasNoResponse = !request.expectsResponse
    if (request.expectsResponse) this.#stream.write(frame)
    else this.#stream.write(frame, () => this.#onFlushed())
    this.#arm()
  }

  #onFlushed(): void {
    if (this.#state === 'closed') return
    const entry = this.#table.flush()
    assert(entry !== undefined, 'bytes that were flushed belong to a request in flight')
    this.#respond(entry, null)
  }

  #refuse(request: RawRequest): void {
    const error =
      this.#state === 'closed'
        ? this.#errorFor(request)
        : this.#errors.notConnectedYet(request.apiName)
    this.#clock.setImmediate(() => this.#fail(request, error, false))
  }

  // ---- responses

  #onData(bytes: Uint8Array): void {
    if (this.#state === 'closed') return
    this.#receivedBytes += bytes.length
    try {
      this.#responses.read(bytes, (entry, body) => {
        this.#hasResponded ||= this.#state === 'ready'
        this.#respond(entry, body)
        // A callback may have closed the connection; then the remaining responses are not read.
        return !this.#isClosed()
      })
    } catch (error) {
      if (!(error instanceof MalformedResponseError)) throw error
      this.#onMalformed(error)
    }
  }

  #onMalformed({ message, sizeField, api, cause }: MalformedResponseError): void {
    if (sizeField !== null && this.#state !== 'ready') {
      // The peer may speak another protocol, which its first bytes show.
      if (isTlsPeer(sizeField)) this.#close(this.#errors.tlsExpected())
      else this.#closeAsMalformed(describeForeignPeer(sizeField) ?? message)
    } else this.#closeAsMalformed(message, api, cause)
  }

  #respond(entry: InFlightEntry<RawRequest>, body: Uint8Array | null): void {
    try {
      this.#events.onResponse?.(entry, body?.length ?? 0)
      entry.request.onResponse(body)
    } catch (error) {
      this.#onCallbackError(error)
    }
  }

  // ---- time

  /** The deadline of the oldest request in flight, of a SASL exchange or of the connecting. */
  #deadlineAtMs(): number {
    if (this.#state === 'connecting') return this.#connectDeadlineAtMs
    return Math.min(this.#requestDeadlineAtMs(), this.#exchangeEndAtMs())
  }

  #requestDeadlineAtMs(): number {
    return this.#table.oldest?.deadlineAtMs ?? never
  }

  /** When the SASL exchange must be over; Infinity = there is none. */
  #exchangeEndAtMs(): number {
    return this.#authentication?.exchangeEndAtMs ?? never
  }

  /** When the connection has been idle for too long; Infinity while it has work. */
  #idleAtMs(): number {
    const { connectionsMaxIdleMs } = this.#options
    const isBusy = this.#table.size > 0 || !this.#heldRequests.isEmpty
    if (connectionsMaxIdleMs === 0 || isBusy || this.#state !== 'ready') return never
    return this.#lastRequestAtMs + connectionsMaxIdleMs
  }

  /**
   * When the broker ends the session; Infinity while requests are in flight or without a session.
   */
  #sessionEndAtMs(): number {
    return this.#table.size > 0 ? never : (this.#authentication?.expiresAtMs ?? never)
  }

  #arm(): void {
    if (this.#state === 'closed') return
    const renewAtMs = this.#state === 'ready' ? (this.#authentication?.dueAtMs ?? never) : never
    const dueAtMs = Math.min(
      this.#requestDeadline.dueAtMs,
      this.#heldRequests.dueAtMs,
      this.#idleAtMs(),
      renewAtMs,
    )
    this.#timer.wakeAt(dueAtMs)
  }

  #onWake(lateMs: number): void {
    const now = this.#clock.now()
    this.#heldRequests.check(now)
    this.#requestDeadline.check(lateMs)
    const authentication = this.#authentication
    if (this.#idleAtMs() <= now) this.#close(null)
    else if (authentication !== null && this.#state === 'ready' && authentication.dueAtMs <= now) {
      this.#reauthenticate(authentication)
    }
    this.#arm()
  }

  #onOverdue(): void {
    const { connectTimeoutMs, requestTimeoutMs } = this.#options
    if (this.#exchangeEndAtMs() < this.#requestDeadlineAtMs()) {
      this.#close(this.#errors.exchangeTimeout(requestTimeoutMs))
      return
    }
    const overdue = this.#table.oldest
    if (overdue !== undefined) this.#guard(() => this.#events.onRequestTimeout?.(overdue))
    this.#close(
      overdue === undefined
        ? this.#errors.connectTimeout(connectTimeoutMs, this.step)
        : this.#errors.requestTimeout(overdue.request.apiName, requestTimeoutMs),
    )
  }

  // ---- the end

  #isClosed(): boolean {
    return this.#state === 'closed'
  }

  /** Closes because of the bytes that the broker sent; returns the error. */
  #closeAsMalformed(reason: string, api?: string, cause?: unknown): KafkaError {
    const step = this.#state === 'ready' ? undefined : this.step
    const error = this.#errors.malformed(reason, { api, step, cause })
    this.#close(error)
    return error
  }

  /** Starts to close; #onStreamClose settles all requests when the stream is closed. */
  #close(error: KafkaError | null): void {
    if (this.#state === 'closed') return
    this.#enterClosed(error)
    this.#stream.destroy()
  }

  #enterClosed(error: KafkaError | null): void {
    this.#closedIn = this.#state
    this.#closeError = error
    this.#transition('closed')
    this.#timer.stop()
    this.#handshake.stop()
    this.#authentication?.stop()
  }

  #onStreamClose(cause: Error | undefined): void {
    if (this.#state !== 'closed') {
      const isUnused = this.#authentication === null && !this.#hasResponded
      const use = this.#lastHasNoResponse ? 'unacknowledged' : isUnused ? 'unused' : 'known'
      const error = this.#errors.streamEnded(this.#state, this.#handshake, cause, use)
      this.#enterClosed(error)
    }
    for (let entry = this.#table.drop(); entry !== undefined; entry = this.#table.drop()) {
      const error = this.#errorFor(entry.request)
      this.#events.onRequestLost?.(entry, error)
      this.#fail(entry.request, error, true)
    }
    for (const request of this.#heldRequests.stop()) {
      this.#fail(request, this.#errorFor(request), false)
    }
    this.#guard(() => this.#events.onClosed(this.#closeError))
  }

  /** The error of a request: the owner's error, or an error that names the API of the request. */
  #errorFor(request: RawRequest): KafkaError {
    return this.#givenError ?? this.#errors.lost(this.#closeError, request.apiName)
  }

  #fail(request: RawRequest, error: KafkaError, written: boolean): void {
    this.#guard(() => request.onFailure(error, written))
  }

  #guard(callback: () => void): void {
    try {
      callback()
    } catch (error) {
      this.#onCallbackError(error)
    }
  }

  #onCallbackError(error: unknown): void {
    if (this.#events.onCallbackError !== undefined) this.#events.onCallbackError(error)
    else {
      this.#clock.setImmediate(() => {
        throw error
      })
    }
  }
}
