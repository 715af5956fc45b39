// Subscribes to the node:diagnostics_channel events of one producer for Monitor. It must subscribe
// only to channels for batches, failures, and connections: a subscription to channels for records
// or requests would make the producer build an event for each.

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { DiagnosticEvents } from 'millrace'

type EventName = keyof DiagnosticEvents

export type Listeners = {
  readonly [Name in EventName]?: (event: DiagnosticEvents[Name]) => void
}

/** Calls the listeners for events of `producer`; the returned function unsubscribes. */
export const listenTo = (producer: object, listeners: Listeners): (() => void) => {
  const stops = Object.entries(listeners).map(([name, listener]) => {
    const onMessage = (message: unknown): void => {
      const event = message as DiagnosticEvents[EventName]
      if (event.producer === producer) (listener as (event: unknown) => void)(event)
    }
    subscribe(name, onMessage)
    return () => unsubscribe(name, onMessage)
  })
  return () => {
    for (const stop of stops) stop()
  }
}
