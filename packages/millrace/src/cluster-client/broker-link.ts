// Owns the link to one broker: at most one Connection, one connection attempt, and the wait between
// attempts. The broker is a node of the cluster, or a bootstrap address whose node id is not known
// yet (nodeId -1). Callers: the engine through the port BrokerLink, BrokerPool, BrokerSearch.
//
//   idle ──open──► resolving ──► connecting ──► ready      a failure anywhere ──► backoff ──► idle
//                               (each resolved address in turn)
//
// One call of open() starts one attempt; a call during the backoff starts the next one. A caller
// that still needs the broker after onDown calls open() again. Names are resolved for each attempt.
// Invariant: events come from the event loop, never from inside a call of open, produce, request or
// moveTo.

import type { BrokerLink, ProduceCall } from '../engine/ports.ts'
import { Connection } from '../net/connection.ts'
import { basicRequirements, type NegotiationOptions } from '../net/version-requirements.ts'
import { produceApi } from '../protocol/api/00-produce.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import type { Api, ApiDescription, Input } from '../protocol/schema/api.ts'
import { assert } from '../runtime/assert.ts'
import { backoffDelayMs } from '../runtime/backoff.ts'
import type { Timer } from '../runtime/clock.ts'
import { printableText } from '../runtime/printable-text.ts'
import type { Address } from '../runtime/transport.ts'
import { formatAddress, sameAddress } from './address.ts'
import {
  announceEnded,
  announceOpened,
  announceRequestTimeout,
  announceResponse,
} from './cluster-events.ts'
import { type LinkOptions, type LinkState, legalLinkStates } from './link-contract.ts'
import { type AttemptFailure, attemptError, attemptText } from './link-failure.ts'
import { readProduceResponse } from './produce-response.ts'
import { endRequestTrace, traceRequest } from './request-tracing.ts'

export interface LinkEvents {
  /** Requests may be sent; also called when a throttle time ends. */
  onReady(link: NodeLink): void
  /** The connection or an attempt failed; requests in flight have failed before. */
  onDown(link: NodeLink, error: KafkaError): void
}

export class NodeLink implements BrokerLink {
  readonly #options: LinkOptions
  readonly #events: LinkEvents
  #nodeId: number
  #address: Address
  /** The broker that advertised this address; null for an address of the option `brokers`. */
  #advertisedBy: string | null
  #state: LinkState = 'idle'
  #connection: Connection | null = null
  #timer: Timer | null = null
  /** Counts the attempts; a callback of an earlier attempt is ignored. */
  #attemptToken = 0
  /** The resolved addresses that this attempt has not tried, and the failures of the others. */
  #untried: string[] = []
  #failures: AttemptFailure[] = []
  /** open() was called, and the attempt for it is not complete. */
  #wanted = false
  /** Failures in a row: attempts that failed, and connections that ended before they were used. */
  #failureCount = 0
  #readyAtMs = 0
  /** The current address has responded before. */
  #hasResponded = false
  #lastError: KafkaError | null = null
  #lastFailureText = ''
  /** A connection to the previous address of the node, until its close event. */
  #movedFrom: Connection | null = null
  #connectionsOpened = 0

  constructor(
    nodeId: number,
    address: Address,
    advertisedBy: string | null,
    options: LinkOptions,
    events: LinkEvents,
  ) {
    this.#nodeId = nodeId
    this.#address = address
    this.#advertisedBy = advertisedBy
    this.#options = options
    this.#events = events
  }

  get nodeId(): number {
    return this.#nodeId
  }

  get address(): Address {
    return this.#address
  }

  get name(): string {
    const address = formatAddress(this.#address)
    return this.#nodeId < 0 ? address : `${address} (node ${this.#nodeId})`
  }

  get ready(): boolean {
    const connection = this.#connection
    return this.#state === 'ready' && connection?.state === 'ready' && !connection.muted
  }

  /** True if connected, even during a throttle time. */
  get connected(): boolean {
    return this.#state === 'ready'
  }

  /** True if not connected, not connecting and not in backoff. */
  get idle(): boolean {
    return this.#state === 'idle'
  }

  /** True after open() until its attempt is complete. */
  get wanted(): boolean {
    return this.#wanted
  }

  /** Closed, and not opened again: its node left the cluster, or the client closed. */
  get closed(): boolean {
    return this.#state === 'closed'
  }

  /** The last attempt failed, and the next may not start yet. */
  get inBackoff(): boolean {
    return this.#state === 'backoff'
  }

  /** Requests without a response: the known load of the broker. */
  get inFlight(): number {
    return this.#connection?.inFlight ?? 0
  }

  /** Why the link is not ready: a throttle time, or the last failure since it was ready. */
  get lastError(): KafkaError | null {
    return this.#connection?.throttleError ?? this.#lastError
  }

  /** The last failure as a short text for a list: `127.0.0.1:1 connection refused`. */
  get lastFailureText(): string {
    return this.#lastFailureText
  }

  /** Connections that became ready so far. */
  get connectionsOpened(): number {
    return this.#connectionsOpened
  }

  get produceVersion(): number {
    return this.versionFor(produceApi)
  }

  /** Highest version that client and broker share; -1 = none, or not connected. */
  versionFor(api: ApiDescription): number {
    return this.#connection?.versionFor(api) ?? -1
  }

  /** Epoch of the cluster's finalized features; -1 = not known, or not connected. */
  get featuresEpoch(): number {
    return this.#connection?.featuresEpoch ?? -1
  }

  /** Level of a finalized feature of the cluster; -1 = not in the response, or not connected. */
  featureLevel(name: string): number {
    return this.#connection?.featureLevel(name) ?? -1
  }

  open(): void {
    // A connection that has ended may not be reported yet, and a connection in a throttle time may
    // end before it can be used again: then this call requests the next one.
    if (this.#state === 'closed' || this.ready) return
    this.#wanted = true
    if (this.#state === 'idle') this.#resolve()
  }

  produce(call: ProduceCall): void {
    const connection = this.#connection
    if (this.#state !== 'ready' || connection === null) {
      const error = this.#notConnected('Produce')
      this.#options.clock.setImmediate(() => call.onFailure(error, false))
      return
    }
    const { version } = call
    connection.requestRaw({
      apiKey: produceApi.key,
      apiName: produceApi.name,
      version,
      flexible: produceApi.isFlexible(version),
      chunks: call.chunks,
      expectsResponse: call.expectsResponse,
      onResponse: (body) => this.#onProduceBody(connection, call, body),
      onFailure: (error, written) => call.onFailure(error, written),
    })
  }

  /** Sends any other request; `handler` is called once, in a later turn. */
  request<Request, Response>(
    api: Api<Request, Response>,
    request: Input<Request>,
    handler: (error: KafkaError | null, response: Response | null) => void,
  ): void {
    if (this.#state === 'ready' && this.#connection !== null) {
      this.#connection.request(api, request, handler)
      return
    }
    const error = this.#notConnected(api.name)
    this.#options.clock.setImmediate(() => handler(error, null))
  }

  /** The address of a bootstrap link belongs to this node: the link becomes the node's link. */
  adopt(nodeId: number): void {
    assert(this.#nodeId < 0, 'a link that has a node id keeps it')
    this.#nodeId = nodeId
  }

  /** The node has another address now: the connection to the old one is closed. */
  moveTo(address: Address, advertisedBy: string): void {
    if (this.#state === 'closed' || sameAddress(this.#address, address)) return
    const from = this.name
    const wanted = this.#wanted && this.#state !== 'ready'
    this.#address = address
    this.#advertisedBy = advertisedBy
    this.#hasResponded = false
    this.#failureCount = 0
    if (this.#state === 'ready') this.#movedFrom = this.#connection
    if (this.#state !== 'idle') this.#transition('idle')
    const reason = new KafkaError(
      'CONNECTION_LOST',
      `the broker moved from ${from} to ${this.name}`,
    )
    this.#cancelAttempt(reason)
    this.#wanted = wanted
    if (wanted) this.#resolve()
  }

  /** Final: requests in flight fail, no event follows, and later calls do nothing. */
  close(error?: KafkaError): void {
    if (this.#state === 'closed') return
    this.#transition('closed')
    this.#wanted = false
    this.#cancelAttempt(error ?? new KafkaError('CLOSED', `the link to ${this.name} was closed`))
  }

  #transition(next: LinkState): void {
    assert(
      legalLinkStates[this.#state].includes(next),
      `a link goes from ${this.#state} to ${next}`,
    )
    this.#state = next
    this.#timer?.cancel()
    this.#timer = null
  }

  /** Ends the current attempt, and closes the current connection. */
  #cancelAttempt(error: KafkaError): void {
    this.#attemptToken++
    this.#untried = []
    this.#failures = []
    const connection = this.#connection
    this.#connection = null
    connection?.close(error)
  }

  #notConnected(api: string): KafkaError {
    return new KafkaError('CONNECTION_LOST', `there is no connection to ${this.name}`, {
      broker: this.name,
      api,
      cause: this.#lastError ?? undefined,
    })
  }

  #resolve(): void {
    this.#transition('resolving')
    const { clock, transport, connectTimeoutMs } = this.#options
    const token = ++this.#attemptToken
    this.#failures = []
    const { host } = this.#address
    const fail = (error: Error) => {
      if (token !== this.#attemptToken || this.#state !== 'resolving') return
      this.#failures.push({ host, error })
      this.#failAttempt()
    }
    this.#timer = clock.setTimer(connectTimeoutMs, () =>
      fail(new Error(`no response from DNS within ${connectTimeoutMs} ms`)),
    )
    transport.resolve(host).then((responses) => {
      if (token !== this.#attemptToken || this.#state !== 'resolving') return
      if (responses.length === 0) {
        fail(new Error('host name has no address'))
        return
      }
      this.#untried = [...responses]
      this.#transition('connecting')
      this.#connectNext()
    }, fail)
  }

  /** Tries the next resolved address. If none is left, the attempt has failed. */
  #connectNext(): void {
    assert(this.#state === 'connecting', 'a resolved address is tried while connecting')
    const host = this.#untried.shift()
    if (host === undefined) this.#failAttempt()
    else this.#connect(host)
  }

  /** `versionMax` of ApiVersions: see #onAttemptClosed. */
  #connect(host: string, versionMax?: number): void {
    const { transport, clock, clientId, connectTimeoutMs } = this.#options
    const { requestTimeoutMs, connectionsMaxIdleMs, maxResponseBytes, sasl, origin } = this.#options
    const { host: hostName, port } = this.#address
    const startedAtMs = clock.now()
    const place = () => ({
      nodeId: this.#nodeId,
      broker: this.name,
      host: printableText(host),
      port,
    })
    const connection: Connection = new Connection(
      {
        transport,
        clock,
        address: { host, port, hostName },
        name: this.name,
        clientId,
        connectTimeoutMs,
        requestTimeoutMs,
        connectionsMaxIdleMs,
        maxResponseBytes,
        sasl,
        negotiation: this.#negotiation(versionMax),
      },
      {
        onReady: () => {
          announceOpened(origin, place(), clock.now() - startedAtMs)
          this.#onReady(connection)
        },
        onClosed: (error) => {
          announceEnded(origin, place(), connection.closedIn === 'ready', error)
          if (connection === this.#movedFrom) this.#onMovedFromClosed(error)
          else if (connection !== this.#connection) return
          else if (this.#state === 'ready') this.#onLost(connection, error)
          else this.#onAttemptClosed(connection, host, error, versionMax === undefined)
        },
        onMutedChange: () => this.#onMutedChange(connection),
        onRequest: (entry) => traceRequest(origin, place, entry),
        onRequestLost: (entry, error) => endRequestTrace(entry, error),
        onResponse: (entry, responseBytes) => {
          const sentAtMs = entry.deadlineAtMs - requestTimeoutMs
          endRequestTrace(entry, null)
          announceResponse(origin, place, entry, clock.now() - sentAtMs, responseBytes)
        },
        onRequestTimeout: (entry) => {
          const sentAtMs = entry.deadlineAtMs - requestTimeoutMs
          announceRequestTimeout(origin, place, entry, clock.now() - sentAtMs)
        },
      },
    )
    this.#connection = connection
  }

  #negotiation(versionMax: number | undefined): NegotiationOptions {
    const { requirements = basicRequirements, clusterId } = this.#options
    const expectedCluster = clusterId?.() ?? null
    // Kafka rejects one of the two without the other: a coordinator can be known before metadata.
    if (this.#nodeId < 0 || expectedCluster === null) return { versionMax, requirements }
    const expectedNode = { nodeId: this.#nodeId, clusterId: expectedCluster }
    return { versionMax, requirements, expectedNode }
  }

  #onReady(connection: Connection): void {
    if (connection !== this.#connection) return
    this.#transition('ready')
    this.#untried = []
    this.#failures = []
    this.#readyAtMs = this.#options.clock.now()
    this.#wanted = false
    this.#hasResponded = true
    this.#lastError = null
    this.#connectionsOpened++
    this.#events.onReady(this)
  }

  #onMutedChange(connection: Connection): void {
    if (connection !== this.#connection || !this.ready) return
    this.#wanted = false
    this.#events.onReady(this)
  }

  /**
   * A connection ended before it was ready. If the broker closed it at the first request, the
   * broker may not know this version of ApiVersions: the oldest version is tried, once.
   */
  #onAttemptClosed(
    connection: Connection,
    host: string,
    error: KafkaError | null,
    mayFallBack: boolean,
  ): void {
    assert(this.#state === 'connecting', 'a connection that is not ready is connecting')
    this.#connection = null
    if (
      mayFallBack &&
      connection.closedIn === 'negotiating' &&
      connection.step === 'api-versions' &&
      error?.code === 'CONNECTION_FAILED'
    ) {
      this.#connect(host, 0)
      return
    }
    const reason =
      error ?? new KafkaError('CONNECTION_LOST', 'the connection was closed before it was ready')
    this.#failures.push({ host, error: reason })
    this.#connectNext()
  }

  /**
   * The connection that was ready has ended. If that was at once and without a response, the broker
   * fails after each handshake: then the backoff grows.
   */
  #onLost(connection: Connection, error: KafkaError | null): void {
    const { clock, reconnectBackoffMaxMs } = this.#options
    const isLong = clock.now() - this.#readyAtMs > reconnectBackoffMaxMs
    if (connection.hasResponded || isLong) this.#failureCount = 0
    this.#connection = null
    if (error !== null) {
      this.#onFailure(error, error.message)
      return
    }
    // Closed because it was idle: nothing was lost, and the next open() connects again.
    this.#transition('idle')
    if (this.#wanted) this.#resolve()
  }

  /** The connection to the node's previous address is closed: its requests have failed. */
  #onMovedFromClosed(error: KafkaError | null): void {
    this.#movedFrom = null
    if (this.#state === 'closed' || this.#state === 'ready' || error === null) return
    this.#lastError = error
    this.#lastFailureText = error.message
    this.#events.onDown(this, error)
  }

  #failAttempt(): void {
    const attempt = {
      nodeId: this.#nodeId,
      address: this.#address,
      name: this.name,
      advertisedBy: this.#hasResponded ? null : this.#advertisedBy,
      failures: this.#failures,
    }
    this.#untried = []
    this.#failures = []
    this.#wanted = false
    this.#onFailure(attemptError(attempt), attemptText(attempt))
  }

  /**
   * The connection or the attempt failed: waits for the backoff, and connects again when open() is
   * called.
   */
  #onFailure(error: KafkaError, text: string): void {
    const { clock, random, reconnectBackoffMs, reconnectBackoffMaxMs } = this.#options
    this.#transition('backoff')
    this.#attemptToken++
    this.#lastError = error
    this.#lastFailureText = text
    const range = { initialMs: reconnectBackoffMs, maxMs: reconnectBackoffMaxMs }
    const delayMs = backoffDelayMs(range, this.#failureCount++, random.next())
    this.#timer = clock.setTimer(delayMs, () => {
      this.#transition('idle')
      if (this.#wanted) this.#resolve()
    })
    this.#events.onDown(this, error)
  }

  #onProduceBody(connection: Connection, call: ProduceCall, body: Uint8Array | null): void {
    if (body === null) {
      call.onResponse(null)
      return
    }
    const response = readProduceResponse(body, call.version, this)
    if (response instanceof KafkaError) {
      connection.closeAsMalformed(response)
      call.onFailure(response, true)
      return
    }
    connection.throttle(response.throttleTimeMs)
    call.onResponse(response)
  }
}
