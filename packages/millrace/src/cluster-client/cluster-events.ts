// Events of the cluster on node:diagnostics_channel: connections and metadata.
// Nothing is built without subscribers. Called by NodeLink and Metadata.

import type { RawRequest } from '../net/connection-contract.ts'
import type { InFlightEntry } from '../net/in-flight-table.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import { type EventOrigin, eventChannel } from '../runtime/diagnostics.ts'

/** A connection, or an attempt at one. */
interface ConnectionEvent extends EventOrigin {
  /** -1 = an address of the option `brokers` whose node is not known yet. */
  readonly nodeId: number
  /** For people: `127.0.0.1:9092 (node 1)`. */
  readonly broker: string
  /** The address that was tried: what DNS returned. */
  readonly host: string
  readonly port: number
}

/** `connection.opened`: connected, secured, authenticated, and ready for requests. */
export interface ConnectionOpenedEvent extends ConnectionEvent {
  readonly elapsedMs: number
}

/** `connection.closed`: one that was open has ended. */
export interface ConnectionClosedEvent extends ConnectionEvent {
  /** null = we closed it: it was idle, or is not needed any more. */
  readonly error: KafkaError | null
}

/** `connection.failed`: an attempt at one address came to nothing. */
export interface ConnectionFailedEvent extends ConnectionEvent {
  readonly error: KafkaError
}

/** `metadata.refreshed`: a Metadata response was processed. */
export interface MetadataRefreshedEvent extends EventOrigin {
  /** For people: the broker that responded. */
  readonly broker: string
  readonly clusterId: string | null
  readonly nodeCount: number
  /** The topics that were asked for. */
  readonly topics: readonly string[]
}

/** What a request is. */
export interface RequestDescription {
  /** Kafka's number of the API. */
  readonly apiKey: number
  /** `Produce`, `Metadata`, `ApiVersions`, … */
  readonly apiName: string
  readonly apiVersion: number
  /** Counts the requests of its connection. */
  readonly correlationId: number
}

/** A request of any API, on one connection. */
interface ApiRequestEvent extends ConnectionEvent, RequestDescription {
  /** From the moment it was written. */
  readonly elapsedMs: number
}

/** `response.received`: a broker responded to a request of any API. */
export interface ResponseReceivedEvent extends ApiRequestEvent {
  /** 0 = no response is expected, and the request was handed to the operating system. */
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

/** Where a connection goes. */
export type ConnectionPlace = Omit<ConnectionEvent, keyof EventOrigin>

export const announceOpened = (
  origin: EventOrigin | undefined,
  place: ConnectionPlace,
  elapsedMs: number,
): void => {
  if (origin === undefined || !opened.hasSubscribers) return
  opened.publish({ ...origin, ...place, elapsedMs })
}

/** The connection has ended, or did not come about. */
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
