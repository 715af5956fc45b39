// Owns the types of one connection: its options, its events, its states with the legal transitions,
// and its raw requests. Callers: Connection, its parts, and the code that creates connections
// (cluster-client/, diagnose/). Invariant: `closed` is the last state.

import type { ConnectStep, KafkaError } from '../protocol/kafka-error.ts'
import type { SaslMechanism } from '../protocol/sasl/mechanism.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Random } from '../runtime/random.ts'
import type { ConnectAddress, Transport } from '../runtime/transport.ts'
import type { InFlightEntry } from './in-flight-table.ts'
import type { NegotiationOptions } from './version-requirements.ts'

/** The SASL settings that all connections of a client share. */
export interface SaslSettings {
  readonly mechanism: SaslMechanism
  readonly random: Random
}

export interface ConnectionOptions {
  readonly transport: Transport
  readonly clock: Clock
  /** The IP address or host name to connect to. A name is one attempt; the owner resolves names. */
  readonly address: ConnectAddress
  /** The broker's name in messages: `broker.example:9092 (node 1)`. */
  readonly name: string
  readonly clientId: string
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
  /** The connection is closed after this time without a request; 0 = never. */
  readonly connectionsMaxIdleMs: number
  /** A longer response closes the connection. */
  readonly maxResponseBytes: number
  /** The SASL settings; if missing, the broker is expected to require no authentication. */
  readonly sasl?: SaslSettings | undefined
  /** What ApiVersions requests from the broker, and what the broker must support. */
  readonly negotiation?: NegotiationOptions | undefined
}

export interface ConnectionEvents {
  /** A step of the handshake begins; `Connection.step` is its name. Used by diagnose(). */
  onStep?(step: ConnectStep): void
  /** Connected and negotiated. */
  onReady(): void
  /**
   * Called once, as the last event, after requests in flight have failed. `error` is null if the
   * connection was idle or its owner closed it.
   */
  onClosed(error: KafkaError | null): void
  /**
   * `muted` changed: a throttle time (`throttle_time_ms`, KIP-219) or a re-authentication (KIP-368)
   * began or ended.
   */
  onMutedChange(): void
  /** A request is about to be written. For diagnostics. */
  onRequest?(entry: InFlightEntry<RawRequest>): void
  /**
   * A broker responded to a request. With acks 0 the operating system has accepted the bytes, and
   * `responseBytes` is 0. For diagnostics; called before the request is settled.
   */
  onResponse?(entry: InFlightEntry<RawRequest>, responseBytes: number): void
  /** A request got no response in time: the connection closes. For diagnostics. */
  onRequestTimeout?(entry: InFlightEntry<RawRequest>): void
  /** The connection closed before the response, for any reason. For diagnostics. */
  onRequestLost?(entry: InFlightEntry<RawRequest>, error: KafkaError): void
  /**
   * A callback of a request threw, which is a defect of its owner. The connection continues as if
   * the callback had returned. Without this method the error is thrown again, from the event loop.
   */
  onCallbackError?(error: unknown): void
}

export type ConnectionState = 'connecting' | 'negotiating' | 'ready' | 'closed'

/** The legal transitions: for each state the states that may follow. */
export const legalStates: Readonly<Record<ConnectionState, readonly ConnectionState[]>> = {
  connecting: ['negotiating', 'closed'],
  negotiating: ['ready', 'closed'],
  ready: ['closed'],
  closed: [],
}

/**
 * One request as bytes. `onResponse` gets the body of the response, without the response header.
 */
export interface RawRequest {
  readonly apiKey: number
  readonly apiName: string
  readonly version: number
  readonly flexible: boolean
  readonly chunks: readonly Uint8Array[]
  /** False: onResponse(null) is called when the operating system has accepted the bytes. */
  readonly expectsResponse: boolean
  onResponse(body: Uint8Array | null): void
  /** `written` = at least one byte may have reached a socket. */
  onFailure(error: KafkaError, written: boolean): void
}
