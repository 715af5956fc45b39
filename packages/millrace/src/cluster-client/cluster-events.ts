// Owns the diagnostics events of the cluster on node:diagnostics_channel: connections, requests and
// metadata. Callers: NodeLink and Metadata. Invariant: no event object is created without
// subscribers.

import type { RawRequest } from '../net/connection-contract.ts'
import type { InFlightEntry } from '../net/in-flight-table.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import { type EventOrigin, eventChannel } from '../runtime/diagnostics.ts'

/** A connection or a connection attempt. */
interface ConnectionEvent extends EventOrigin {
  /** -1 = an address of the option `brokers` whose node is not known yet. */
  readonly nodeId: number
  /** The broker's name in messages: `127.0.0.1:9092 (node 1)`. */
  readonly broker: string
  /** The IP address that was tried, as DNS returned it. */
  readonly host: string
  readonly port: number
}

/** `connection.opened`: connected, TLS handshake and authentication done, ready for requests. */
export interface ConnectionOpenedEvent extends ConnectionEvent {
  readonly elapsedMs: number
}

/** `connection.closed`: an open connection has ended. */
export interface ConnectionClosedEvent extends ConnectionEvent {
  /** null = the client closed it because it was idle or is not needed any more. */
  readonly error: KafkaError | null
}

/** `connection.failed`: an attempt at one address failed. */
export interface ConnectionFailedEvent extends ConnectionEvent {
  readonly error: KafkaError
}

/** `metadata.refreshed`: a Metadata response was processed. */
export interface MetadataRefreshedEvent extends EventOrigin {
  /** The name of the broker that responded. */
  readonly broker: string
  readonly clusterId: string | null
  readonly nodeCount: number
  /** The topics that were requested. */
  readonly topics: readonly string[]
}

/** The API and the number of a request. */
export interface RequestDescription {
  /** The API key of the Kafka protocol. */
  readonly apiKey: number
  /** `Produce`, `Metadata`, `ApiVersions`, … */
  readonly apiName: string
  readonly apiVersion: number
  /** The correlation id: counts the requests of its connection. */
  readonly correlationId: number
}

/** A request of any API on one connection. */
interface ApiRequestEvent extends ConnectionEvent, RequestDescription {
  /** Milliseconds since the request was written. */
  readonly elapsedMs: number
}

/** `response.received`: a broker responded to a request of any API. */
export interface ResponseReceivedEvent extends ApiRequestEvent {
  /** 0 = no response is expected, and the operating system has accepted the request. */
  readonly responseBytes: number
}

/** `response.timedOut`: a broker did not respond within `requestTimeoutMs`. */
export type ResponseTimedOutEvent = ApiRequestEvent

const opened = eventChannel<ConnectionOpenedEvent>('connection.opened')
const closed = eventChannel<ConnectionClosedEvent>('connection.closed')
const failed = eventChannel<ConnectionFailedEvent>('connection.failed')
const refreshed = eventChannel<MetadataRefreshedEvent>('metadata.refreshed')

const received = eventChannel<ResponseReceivedEvent>('response.received')
const timedOut = eventChannel<ResponseTimedOutEvent>('response.timedOut')

/** The broker and the address of a connection. */
export type ConnectionPlace = Omit<ConnectionEvent, keyof EventOrigin>

export const announceOpened = (
  origin: EventOrigin | undefined,
  place: ConnectionPlace,
  elapsedMs: number,
): void => {
  if (origin === undefined || !opened.hasSubscribers) return
  opened.publish({ ...origin, ...place, elapsedMs })
}

/** The connection has ended, or the attempt failed. */
export const announceEnded = (
  origin: EventOrigin | undefined,
  place: ConnectionPlace,
  wasOpen: boolean,
  error: KafkaError | null,
): void => {
  if (origin === undefined) return
  const reason = error?.code === 'CLOSED' ? null : error
  if (wasOpen) {
    if (closed.hasSubscribers) closed.publish({ ...origin, ...place, error: reason })
  } else if (reason !== null && failed.hasSubscribers) {
    failed.publish({ ...origin, ...place, error: reason })
  }
}

type Written = InFlightEntry<RawRequest>

export const describeRequest = ({ correlationId, request }: Written): RequestDescription => {
  const { apiKey, apiName, version: apiVersion } = request
  return { apiKey, apiName, apiVersion, correlationId }
}

export const announceResponse = (
  origin: EventOrigin | undefined,
  place: () => ConnectionPlace,
  entry: Written,
  elapsedMs: number,
  responseBytes: number,
): void => {
  if (origin === undefined || !received.hasSubscribers) return
  const request = describeRequest(entry)
  received.publish({ ...origin, ...place(), ...request, elapsedMs, responseBytes })
}

export const announceRequestTimeout = (
  origin: EventOrigin | undefined,
  place: () => ConnectionPlace,
  entry: Written,
  elapsedMs: number,
): void => {
  if (origin === undefined || !timedOut.hasSubscribers) return
  timedOut.publish({ ...origin, ...place(), ...describeRequest(entry), elapsedMs })
}

export const announceMetadata = (
  origin: EventOrigin | undefined,
  describe: () => Omit<MetadataRefreshedEvent, keyof EventOrigin>,
): void => {
  if (origin !== undefined && refreshed.hasSubscribers) {
    refreshed.publish({ ...origin, ...describe() })
  }
}
