// The tracing channel `millrace:request`: one operation for each request to a broker, of any API,
// those of the handshake included. Called by BrokerLink.

import type { RawRequest } from '../net/connection-contract.ts'
import type { InFlightEntry } from '../net/in-flight-table.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import { type EventOrigin, OperationTracing, type TraceContext } from '../runtime/diagnostics.ts'
import { type ConnectionPlace, describeRequest, type RequestDescription } from './cluster-events.ts'

/** `tracing:millrace:request`: from the writing of a request until its response. */
export interface RequestTrace extends TraceContext, ConnectionPlace, RequestDescription {
  /** Without the request's header. */
  readonly requestBytes: number
  /**
   * The connection ended, or no response came in time. What a broker rejects is in its response:
   * that request has not failed.
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

/** `error` is null for a response, and for bytes that left where none is expected. */
export const endRequestTrace = (
  entry: InFlightEntry<RawRequest>,
  error: KafkaError | null,
): void => {
  if (entry.trace !== null) requestTracing.settle(entry.trace as RequestTrace, error)
}
