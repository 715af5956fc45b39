// The events of millrace on node:diagnostics_channel, all of them by name, and those that the
// producer itself tells: that there is one, and that it is closed. What the others say is written
// where they are told: engine/announcements.ts, cluster/announcements.ts.

import type {
  ConnectionClosedEvent,
  ConnectionFailedEvent,
  ConnectionOpenedEvent,
  MetadataRefreshedEvent,
} from '../cluster/announcements.ts'
import type {
  BatchSettledEvent,
  RecordFailedEvent,
  RequestAnsweredEvent,
  RequestFailedEvent,
  RequestSentEvent,
  TransactionEvent,
} from '../engine/announcements.ts'
import { type EventOrigin, eventChannel } from '../runtime/diagnostics.ts'

export interface ProducerClosedEvent extends EventOrigin {
  readonly delivered: number
  readonly failed: number
}

/** The channels of node:diagnostics_channel, and what is published on each. */
export interface DiagnosticEvents {
  /** At the end of the constructor. */
  'millrace:producer.created': EventOrigin
  /** When `close()` is done, or all records are told after `destroy()`. */
  'millrace:producer.closed': ProducerClosedEvent
  /** A connection is ready for requests. */
  'millrace:connection.opened': ConnectionOpenedEvent
  /** A connection that was open has ended. */
  'millrace:connection.closed': ConnectionClosedEvent
  /** An attempt to connect came to nothing. */
  'millrace:connection.failed': ConnectionFailedEvent
  /** A broker told about the cluster. */
  'millrace:metadata.refreshed': MetadataRefreshedEvent
  /** A Produce request is written. */
  'millrace:request.sent': RequestSentEvent
  /** The answer to a Produce request is there. */
  'millrace:request.answered': RequestAnsweredEvent
  /** No answer to a Produce request will come. */
  'millrace:request.failed': RequestFailedEvent
  /** The records of a batch were told their results. */
  'millrace:batch.settled': BatchSettledEvent
  /** One record failed by itself, not with its batch. */
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

const created = eventChannel<EventOrigin>('producer.created')
const closed = eventChannel<ProducerClosedEvent>('producer.closed')

export const announceCreated = (origin: EventOrigin): void => {
  if (created.hasSubscribers) created.publish({ ...origin })
}

/** `report` is what close() answers. */
export const announceClosed = (
  origin: EventOrigin,
  report: Omit<ProducerClosedEvent, keyof EventOrigin>,
): void => {
  if (closed.hasSubscribers) closed.publish({ ...origin, ...report })
}
