// One connection to one broker: its byte stream, its handshake, the table of requests in flight.
// `cluster/` makes it, sends through it, and makes another when it is closed: it never reconnects.
//
//   request → [held while muted] → written → in flight ──answer──→ onResponse
//                     └──────────────────────────└──── close ───→ onFailure (written: false / true)
//
// Invariants: each request is settled once, never inside a call of its owner; answers come in the
// order of the requests, and one that does not fit poisons this connection, and nothing else; when
// it closes, requests fail only after the stream is gone, so their chunks are free to be reused;
// onClosed is last.

import type { ApiKeyRange } from '../protocol/api/18-api-versions.ts'
import { decodeResponseHeader } from '../protocol/api/header.ts'
import { Reader } from '../protocol/bytes/reader.ts'
import { Writer } from '../protocol/bytes/writer.ts'
import { asKafkaError, type KafkaError } from '../protocol/kafka-error.ts'
import type { Api, ApiDescription, Input } from '../protocol/schema/api.ts'
import { assert } from '../runtime/assert.ts'
import type { Clock } from '../runtime/clock.ts'
import type { ByteStream } from '../runtime/transport.ts'
import type {
  ConnectionEvents,
  ConnectionOptions,
  ConnectionState,
  RawRequest,
} from './connection-contract.ts'
import { legalStates } from './connection-contract.ts'
import { ConnectionErrors } from './connection-errors.ts'
import { describeForeignPeer } from './connection-words.ts'
import { FrameSplitter, MalformedFrameError } from './frame-splitter.ts'
import type { HandshakeChannel, HandshakeStep } from './handshake.ts'
import { type InFlightEntry, InFlightTable } from './in-flight-table.ts'
import { RequestFramer } from './request-frame.ts'
import { Verdict } from './verdict.ts'
import { VersionNegotiation } from './version-negotiation.ts'
import { WakeTimer } from './wake-timer.ts'

export type {
  ConnectionEvents,
  ConnectionOptions,
  ConnectionState,
  RawRequest,
} from './connection-contract.ts'

/** No answer of a handshake is longer; TLS, HTTP and the like look like a longer one. */
const handshakeResponseBytesMax = 1024 * 1024

/** An answer has a correlation id at least. */
const responseBytesMin = 4

const never = Number.POSITIVE_INFINITY

export class Connection {
  readonly #options: ConnectionOptions
  readonly #events: ConnectionEvents
  readonly #clock: Clock
  readonly #errors: ConnectionErrors
  readonly #stream: ByteStream
  readonly #splitter: FrameSplitter
  readonly #framer: RequestFramer
  readonly #table = new InFlightTable<RawRequest>()
  readonly #versions: VersionNegotiation
  readonly #steps: readonly HandshakeStep[]
  readonly #timer: WakeTimer
  readonly #verdict: Verdict
  readonly #connectDeadlineAtMs: number
  #state: ConnectionState = 'connecting'
  #closedIn: ConnectionState | null = null
  #stepTitle = ''
  /** Requests that wait for the end of a throttle time. */
  #held: RawRequest[] = []
  #mutedUntilMs = 0
  #muted = false
  #announcedMuted = false
  #lastRequestAtMs: number
  #receivedBytes = 0
  /** Why it was closed, as told to onClosed. */
  #closeError: KafkaError | null = null
  /** The error that the owner closed it with: requests fail with this one. */
  #givenError: KafkaError | null = null

  constructor(options: ConnectionOptions, events: ConnectionEvents) {
    const { clock } = options
    this.#options = options
    this.#events = events
    this.#clock = clock
    this.#errors = new ConnectionErrors(options.name)
    this.#splitter = new FrameSplitter(
      Math.min(handshakeResponseBytesMax, options.maxResponseBytes),
    )
    this.#framer = new RequestFramer(options.clientId)
    this.#versions = new VersionNegotiation(options.apiVersionsVersionMax)
    // The place for what comes between the negotiation and ready: authentication.
    this.#steps = [this.#versions]
    this.#lastRequestAtMs = clock.now()
    this.#connectDeadlineAtMs = clock.now() + options.connectTimeoutMs
    this.#timer = new WakeTimer(clock, (lateMs) => this.#onWake(lateMs))
    this.#verdict = new Verdict(clock, options.requestTimeoutMs, {
      deadlineAtMs: () => this.#deadlineAtMs(),
      receivedBytes: () => this.#receivedBytes,
      onOverdue: () => this.#onOverdue(),
      onAcquitted: () => this.#arm(),
    })
    this.#stream = options.transport.connect(options.address, {
      onConnect: () => this.#onConnect(),
      onData: (bytes) => this.#onData(bytes),
      onClose: (error) => this.#onStreamClose(error),
    })
    this.#arm()
  }

  get state(): ConnectionState {
    return this.#state
  }

  /** The state that it was closed in; null while it is not closed. */
  get closedIn(): ConnectionState | null {
    return this.#closedIn
  }

  /** True while a throttle time runs: nothing is sent. */
  get muted(): boolean {
    return this.#muted
  }

  /** Requests that were written and are not settled. */
  get inFlight(): number {
    return this.#table.size
  }

  /** Bytes written that the operating system has not taken yet. */
  get pendingBytes(): number {
    return this.#stream.pendingBytes
  }

  /** What the broker serves, by API key; empty until ready. */
  get brokerVersions(): ReadonlyMap<number, ApiKeyRange> {
    return this.#versions.ranges
  }

  /** Level of a finalized feature (`transaction.version`, …); -1 when the broker does not say. */
  featureLevel(name: string): number {
    return this.#versions.featureLevel(name)
  }

  /** Highest version that the api's `clientVersions` and the broker share; -1 = none. */
  versionFor(api: Pick<ApiDescription, 'key' | 'clientVersions'>): number {
    const broker = this.#versions.ranges.get(api.key)
    if (broker === undefined) return -1
    const version = Math.min(api.clientVersions.max, broker.max)
    return version >= Math.max(api.clientVersions.min, broker.min) ? version : -1
  }

  /** Sends at the highest common version; the handler is called once, in a later turn. */
  request<Request, Response>(
    api: Api<Request, Response>,
    request: Input<Request>,
    handler: (error: KafkaError | null, response: Response | null) => void,
  ): void {
    const version = this.versionFor(api)
    const failLater = (error: KafkaError) =>
      this.#clock.setImmediate(() => this.#guard(() => handler(error, null)))
    if (this.#state === 'ready' && version < 0) {
      failLater(this.#errors.noCommonVersion(api.name))
      return
    }
    const writer = new Writer()
    try {
      if (version >= 0) api.encodeRequest(writer, request, version)
    } catch (cause) {
      failLater(asKafkaError(cause, 'encoding a request failed'))
      return
    }
    this.requestRaw({
      apiKey: api.key,
      apiName: api.name,
      version,
      flexible: api.isFlexible(version),
      chunks: [writer.finish()],
      expectsResponse: true,
      onResponse: (body) => this.#decode(api, version, body, handler),
      onFailure: (error) => handler(error, null),
    })
  }

  /** Sends bytes; one of the request's two methods is called, in a later turn. */
  requestRaw(request: RawRequest): void {
    if (this.#state !== 'ready') this.#refuse(request)
    else if (this.#idleAtMs() <= this.#clock.now()) {
      // The process slept past the idle time (a frozen sandbox): the peer has dropped us long ago.
      this.#close(null)
      this.#refuse(request)
    } else if (this.#muted) this.#held.push(request)
    else this.#write(request)
  }

  /**
   * An answer carried a throttle time: requests are held until it is over. `request` sees to it
   * itself.
   */
  throttle(throttleTimeMs: number): void {
    if (throttleTimeMs <= 0 || this.#state === 'closed') return
    this.#mutedUntilMs = Math.max(this.#mutedUntilMs, this.#clock.now() + throttleTimeMs)
    if (!this.#muted) {
      this.#muted = true
      this.#clock.setImmediate(() => this.#announceMuted())
    }
    this.#arm()
  }

  /**
   * A decoder outside found an answer malformed: closes, failing everything in flight with `error`.
   */
  poison(error: KafkaError): void {
    this.close(error)
  }

  /** Closes now; requests in flight fail with `error`, or CONNECTION_LOST. Twice is harmless. */
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
    this.#startStep(0)
    this.#arm()
  }

  #startStep(index: number): void {
    const step = this.#steps[index]
    if (step === undefined) {
      this.#onHandshakeDone()
      return
    }
    this.#stepTitle = step.title
    const channel: HandshakeChannel = {
      name: this.#options.name,
      send: (request) => this.#write(request),
      throttle: (throttleTimeMs) => this.throttle(throttleTimeMs),
      fail: (error) => this.#close(error),
    }
    step.start(channel, () => {
      if (this.#state === 'negotiating') this.#startStep(index + 1)
    })
  }

  #onHandshakeDone(): void {
    this.#transition('ready')
    this.#splitter.setFrameBytesMax(this.#options.maxResponseBytes)
    this.#lastRequestAtMs = this.#clock.now()
    this.#arm()
    this.#guard(() => this.#events.onReady())
  }

  // ---- requests

  #write(request: RawRequest): void {
    const now = this.#clock.now()
    const deadlineAtMs = now + this.#options.requestTimeoutMs
    const entry = this.#table.add(request, request.expectsResponse, deadlineAtMs)
    const frame = this.#framer.frame(request, entry.correlationId)
    this.#lastRequestAtMs = now
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

  #announceMuted(): void {
    if (this.#state === 'closed' || this.#muted === this.#announcedMuted) return
    this.#announcedMuted = this.#muted
    this.#guard(() => this.#events.onMutedChange())
  }

  /** The throttle time is over: what was held goes out, in order. */
  #unmute(): void {
    this.#muted = false
    const held = this.#held
    this.#held = []
    for (const request of held) this.#write(request)
    this.#announceMuted()
  }

  // ---- answers

  #onData(bytes: Uint8Array): void {
    if (this.#state === 'closed') return
    this.#receivedBytes += bytes.length
    this.#splitter.push(bytes)
    try {
      for (;;) {
        const frame = this.#splitter.take()
        if (frame === null) return
        this.#onFrame(frame)
        // A callback may have closed us; then what follows is not read.
        if (this.#isClosed()) return
      }
    } catch (error) {
      if (!(error instanceof MalformedFrameError)) throw error
      const foreign = this.#state === 'ready' ? null : describeForeignPeer(error.sizeField)
      this.#poison(foreign ?? `the answer begins with ${error.message}`)
    }
  }

  #onFrame(frame: Uint8Array): void {
    const awaited = this.#table.awaited
    if (awaited === undefined) {
      this.#poison(`${frame.length} bytes arrived that nobody asked for`)
      return
    }
    const { apiName, apiKey, flexible } = awaited.request
    if (frame.length < responseBytesMin) {
      this.#poison(`an answer of ${frame.length} bytes`, apiName)
      return
    }
    const reader = new Reader(frame)
    let correlationId: number
    try {
      correlationId = decodeResponseHeader(reader, apiKey, flexible)
    } catch (cause) {
      this.#poison('the header of the answer is cut short', apiName, cause)
      return
    }
    const entry = this.#table.answer(correlationId)
    if (entry === undefined) {
      const expected = `expected the answer to request ${awaited.correlationId}`
      this.#poison(`${expected}, and got the one to ${correlationId}`, apiName)
      return
    }
    this.#respond(entry, frame.subarray(reader.offset))
  }

  #respond(entry: InFlightEntry<RawRequest>, body: Uint8Array | null): void {
    try {
      entry.request.onResponse(body)
    } catch (error) {
      this.#onCallbackError(error)
    }
  }

  #decode<Request, Response>(
    api: Api<Request, Response>,
    version: number,
    body: Uint8Array | null,
    handler: (error: KafkaError | null, response: Response | null) => void,
  ): void {
    assert(body !== null, 'a request that expects an answer gets one')
    let response: Response
    try {
      response = api.decodeResponse(new Reader(body), version)
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      const error = this.#poison(reason, api.name, cause)
      handler(error, null)
      return
    }
    this.throttle(throttleTimeOf(response))
    handler(null, response)
  }

  // ---- time

  /** When what is waited for longest is overdue. */
  #deadlineAtMs(): number {
    if (this.#state === 'connecting') return this.#connectDeadlineAtMs
    return this.#table.oldest?.deadlineAtMs ?? never
  }

  /** When it has been idle for too long; Infinity while there is something to do. */
  #idleAtMs(): number {
    const { connectionsMaxIdleMs } = this.#options
    const isBusy = this.#table.size > 0 || this.#held.length > 0
    if (connectionsMaxIdleMs === 0 || isBusy || this.#state !== 'ready') return never
    return this.#lastRequestAtMs + connectionsMaxIdleMs
  }

  #arm(): void {
    if (this.#state === 'closed') return
    const mutedUntilMs = this.#muted ? this.#mutedUntilMs : never
    this.#timer.wakeAt(Math.min(this.#verdict.dueAtMs, mutedUntilMs, this.#idleAtMs()))
  }

  #onWake(lateMs: number): void {
    const now = this.#clock.now()
    if (this.#muted && now >= this.#mutedUntilMs) this.#unmute()
    this.#verdict.check(lateMs)
    if (this.#idleAtMs() <= now) this.#close(null)
    this.#arm()
  }

  #onOverdue(): void {
    const { connectTimeoutMs, requestTimeoutMs } = this.#options
    const overdue = this.#table.oldest
    this.#close(
      overdue === undefined
        ? this.#errors.connectTimeout(connectTimeoutMs)
        : this.#errors.requestTimeout(overdue.request.apiName, requestTimeoutMs),
    )
  }

  // ---- the end

  #isClosed(): boolean {
    return this.#state === 'closed'
  }

  /** Closes because of what the broker sent; returns the error. */
  #poison(reason: string, api?: string, cause?: unknown): KafkaError {
    const error = this.#errors.malformed(reason, api, cause)
    this.#close(error)
    return error
  }

  /** Closes; #onStreamClose settles everything once the stream is gone. */
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
  }

  #onStreamClose(cause: Error | undefined): void {
    if (this.#state !== 'closed') {
      this.#enterClosed(this.#errors.streamEnded(this.#state, this.#stepTitle, cause))
    }
    for (let entry = this.#table.drop(); entry !== undefined; entry = this.#table.drop()) {
      this.#fail(entry.request, this.#errorFor(entry.request), true)
    }
    const held = this.#held
    this.#held = []
    for (const request of held) this.#fail(request, this.#errorFor(request), false)
    this.#guard(() => this.#events.onClosed(this.#closeError))
  }

  /** What a request is told: the owner's own error, or one that names the request's API. */
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

const throttleTimeOf = (response: unknown): number => {
  if (typeof response !== 'object' || response === null) return 0
  if (!('throttleTimeMs' in response)) return 0
  return typeof response.throttleTimeMs === 'number' ? response.throttleTimeMs : 0
}
