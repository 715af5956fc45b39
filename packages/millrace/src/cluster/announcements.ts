// What the cluster tells whoever listens on node:diagnostics_channel: connections and metadata.
// Nothing is built while nobody listens. Called by NodeLink and Metadata.

import type { KafkaError } from '../protocol/kafka-error.ts'
import { type EventOrigin, eventChannel } from '../runtime/diagnostics.ts'

/** A connection, or an attempt at one. */
interface ConnectionEvent extends EventOrigin {
  /** -1 = an address of the option `brokers` whose node is not known yet. */
  readonly nodeId: number
  /** For people: `127.0.0.1:9092 (node 1)`. */
  readonly broker: string
  /** The address that was tried: what DNS answered. */
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

/** `metadata.refreshed`: a broker told about the cluster. */
export interface MetadataRefreshedEvent extends EventOrigin {
  /** For people: the broker that answered. */
  readonly broker: string
  readonly clusterId: string | null
  readonly nodeCount: number
  /** The topics that were asked for. */
  readonly topics: readonly string[]
}

const opened = eventChannel<ConnectionOpenedEvent>('connection.opened')
const closed = eventChannel<ConnectionClosedEvent>('connection.closed')
const failed = eventChannel<ConnectionFailedEvent>('connection.failed')
const refreshed = eventChannel<MetadataRefreshedEvent>('metadata.refreshed')

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

export const announceMetadata = (
  origin: EventOrigin | undefined,
  describe: () => Omit<MetadataRefreshedEvent, keyof EventOrigin>,
): void => {
  if (origin !== undefined && refreshed.hasSubscribers) {
    refreshed.publish({ ...origin, ...describe() })
  }
}
