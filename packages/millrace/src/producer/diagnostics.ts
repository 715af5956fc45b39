// Owns the list of all events and operations of millrace on node:diagnostics_channel, and the
// events of the producer itself: created and closed. The others are in engine/metrics/,
// cluster-client/ and send-tracing.ts. Callers: Producer, ProducerLifecycle. Invariant: each
// published channel is listed.

import type {
  ConnectionClosedEvent,
  ConnectionFailedEvent,
  ConnectionOpenedEvent,
  MetadataRefreshedEvent,
  ResponseReceivedEvent,
  ResponseTimedOutEvent,
} from '../cluster-client/cluster-events.ts'
import type { RequestTrace } from '../cluster-client/request-tracing.ts'
import type {
  BatchSettledEvent,
  RecordFailedEvent,
  RequestCompletedEvent,
  RequestFailedEvent,
  RequestSentEvent,
  TransactionEvent,
  TransactionTrace,
} from '../engine/metrics/engine-events.ts'
import { type EventOrigin, eventChannel } from '../runtime/diagnostics.ts'
import type { SendTrace } from './send-tracing.ts'

export interface ProducerClosedEvent extends EventOrigin {
  readonly delivered: number
  readonly failed: number
  /** Those that failed after closing began. */
  readonly undelivered: number
}

/** The channels of node:diagnostics_channel, and the event of each. */
export interface DiagnosticEvents {
  /** At the end of the constructor. */
  'millrace:producer.created': EventOrigin
  /** When `close()` has finished, or every record has its result after `destroy()`. */
  'millrace:producer.closed': ProducerClosedEvent
  /** A connection is ready for requests. */
  'millrace:connection.opened': ConnectionOpenedEvent
  /** An open connection has ended. */
  'millrace:connection.closed': ConnectionClosedEvent
  /** A connection attempt failed. */
  'millrace:connection.failed': ConnectionFailedEvent
  /** A Metadata response was processed. */
  'millrace:metadata.refreshed': MetadataRefreshedEvent
  /** A broker responded to a request of any API. */
  'millrace:response.received': ResponseReceivedEvent
  /** A broker did not respond in time to a request of any API. */
  'millrace:response.timedOut': ResponseTimedOutEvent
  /** A Produce request is written. */
  'millrace:request.sent': RequestSentEvent
  /** The response to a Produce request arrived. */
  'millrace:request.completed': RequestCompletedEvent
  /** No response to a Produce request will arrive. */
  'millrace:request.failed': RequestFailedEvent
  /** The records of a batch have their results. */
  'millrace:batch.settled': BatchSettledEvent
  /** One record failed separately from its batch. */
  'millrace:record.failed': RecordFailedEvent
  /** Records may be sent in a transaction. */
  'millrace:transaction.begun': TransactionEvent
  /** The commit is certain. */
  'millrace:transaction.committed': TransactionEvent
  /** The abort is certain. */
  'millrace:transaction.aborted': TransactionEvent
  /** A transaction can only be aborted from now on. */
  'millrace:transaction.failed': TransactionEvent
}

/** The tracing channels (`tracingChannel` of node:diagnostics_channel), and their contexts. */
export interface DiagnosticTraces {
  /** A record, from the call until its result. */
  'millrace:send': SendTrace
  /** A transaction, from the call that begins it until its result is certain. */
  'millrace:transaction': TransactionTrace
  /** A request to a broker, of any API, from its writing until its response. */
  'millrace:request': RequestTrace
}

const created = eventChannel<EventOrigin>('producer.created')
const closed = eventChannel<ProducerClosedEvent>('producer.closed')

export const announceCreated = (origin: EventOrigin): void => {
  if (created.hasSubscribers) created.publish({ ...origin })
}

/** `report` is what close() returns. */
export const announceClosed = (
  origin: EventOrigin,
  report: Omit<ProducerClosedEvent, keyof EventOrigin>,
): void => {
  if (closed.hasSubscribers) closed.publish({ ...origin, ...report })
}
