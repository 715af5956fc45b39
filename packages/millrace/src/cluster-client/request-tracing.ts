// Owns the tracing channel `millrace:request`: one operation for each request to a broker, of any
// API, including those of the handshake. Caller: NodeLink. Invariant: no context is created without
// subscribers.

import type { RawRequest } from '../net/connection-contract.ts'
import type { InFlightEntry } from '../net/in-flight-table.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import { type EventOrigin, OperationTracing, type TraceContext } from '../runtime/diagnostics.ts'
import { type ConnectionPlace, describeRequest, type RequestDescription } from './cluster-events.ts'

/** `tracing:millrace:request`: from the writing of a request until its response. */
export interface RequestTrace extends TraceContext, ConnectionPlace, RequestDescription {
  /** The size of the request without its header. */
  readonly requestBytes: number
  /**
   * The connection ended, or no response arrived in time. An error code of the broker is not an
   * error here: the request itself succeeded.
   */
  error?: KafkaError
}

const requestTracing = new OperationTracing<RequestTrace>('request')

export const traceRequest = (
  origin: EventOrigin | undefined,
  place: () => ConnectionPlace,
  entry: InFlightEntry<RawRequest>,
): void => {
  if (origin === undefined || !requestTracing.hasSubscribers) return
  const requestBytes = entry.request.chunks.reduce((bytes, { length }) => bytes + length, 0)
  const trace: RequestTrace = { ...origin, ...place(), ...describeRequest(entry), requestBytes }
  entry.trace = trace
  requestTracing.begin(trace)
}

/** `error` is null for a response, and for a request that expects none and was written. */
export const endRequestTrace = (
  entry: InFlightEntry<RawRequest>,
  error: KafkaError | null,
): void => {
  if (entry.trace !== null) requestTracing.settle(entry.trace as RequestTrace, error)
}
