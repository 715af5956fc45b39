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
  'millrace:producer.created': EventOrigin
  'millrace:producer.closed': ProducerClosedEvent
  'millrace:connection.opened': ConnectionOpenedEvent
  'millrace:connection.closed': ConnectionClosedEvent
  'millrace:connection.failed': ConnectionFailedEvent
  'millrace:metadata.refreshed': MetadataRefreshedEvent
  'millrace:request.sent': RequestSentEvent
  'millrace:request.answered': RequestAnsweredEvent
  'millrace:request.failed': RequestFailedEvent
  'millrace:batch.settled': BatchSettledEvent
  'millrace:record.failed': RecordFailedEvent
  'millrace:transaction.begun': TransactionEvent
  'millrace:transaction.committed': TransactionEvent
  'millrace:transaction.aborted': TransactionEvent
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
