// What a connection is given, what it tells its owner, and the states it goes through.

import type { ConnectStep, KafkaError } from '../protocol/kafka-error.ts'
import type { SaslMechanism } from '../protocol/sasl/mechanism.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Random } from '../runtime/random.ts'
import type { ConnectAddress, Transport } from '../runtime/transport.ts'
import type { InFlightEntry } from './in-flight-table.ts'
import type { NegotiationOptions } from './version-requirements.ts'

/** What all connections of a client authenticate with. */
export interface SaslSettings {
  readonly mechanism: SaslMechanism
  readonly random: Random
}

export interface ConnectionOptions {
  readonly transport: Transport
  readonly clock: Clock
  /**
   * Where to connect: an IP address or a name (one name is one attempt; resolving is the owner's).
   */
  readonly address: ConnectAddress
  /** For people and errors: `broker.example:9092 (node 1)`. */
  readonly name: string
  readonly clientId: string
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
  /** Closed after this long without a request; 0 = never. */
  readonly connectionsMaxIdleMs: number
  /** A longer response closes the connection. */
  readonly maxResponseBytes: number
  /** How to authenticate; without it the broker is expected to ask for nothing. */
  readonly sasl?: SaslSettings | undefined
  /** What is asked of the broker in ApiVersions, and required of it. */
  readonly negotiation?: NegotiationOptions | undefined
}

export interface ConnectionEvents {
  /** A step of the way begins; `Connection.step` is it. For diagnose(). */
  onStep?(step: ConnectStep): void
  /** Connected and negotiated. */
  onReady(): void
  /**
   * Once, last; requests in flight were failed before. `error` is null for an idle or wanted close.
   */
  onClosed(error: KafkaError | null): void
  /**
   * `muted` changed: a broker's throttle_time_ms (KIP-219) or a re-authentication (KIP-368) began
   * or is over.
   */
  onMutedChange(): void
  /** A request is about to be written. For diagnostics. */
  onRequest?(entry: InFlightEntry<RawRequest>): void
  /**
   * A broker responded to a request; with acks 0: the operating system has taken the bytes, and
   * `responseBytes` is 0. For diagnostics, before the request is settled.
   */
  onResponse?(entry: InFlightEntry<RawRequest>, responseBytes: number): void
  /** A request was not responded to in time: the connection closes. For diagnostics. */
  onRequestTimeout?(entry: InFlightEntry<RawRequest>): void
  /** The connection closed before the response, for whatever reason. For diagnostics. */
  onRequestLost?(entry: InFlightEntry<RawRequest>, error: KafkaError): void
  /**
   * A callback of a request threw: a defect of its owner. The connection goes on as if it had
   * returned. Without this method the error is thrown again, from the event loop.
   */
  onCallbackError?(error: unknown): void
}

export type ConnectionState = 'connecting' | 'negotiating' | 'ready' | 'closed'

/** From which state to which. */
export const legalStates: Readonly<Record<ConnectionState, readonly ConnectionState[]>> = {
  connecting: ['negotiating', 'closed'],
  negotiating: ['ready', 'closed'],
  ready: ['closed'],
  closed: [],
}

/** One request as bytes. `onResponse` gets the body of the response, after the response header. */
export interface RawRequest {
  readonly apiKey: number
  readonly apiName: string
  readonly version: number
  readonly flexible: boolean
  readonly chunks: readonly Uint8Array[]
  /** False: onResponse(null) is called once the operating system has taken the bytes. */
  readonly expectsResponse: boolean
  onResponse(body: Uint8Array | null): void
  /** `written` = a byte of it may have reached a socket. */
  onFailure(error: KafkaError, written: boolean): void
}
