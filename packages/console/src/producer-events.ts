// Receives the events of one producer on node:diagnostics_channel. Only channels that speak of
// batches, failures and connections are listened to: nothing here is built for each record or
// request.

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { DiagnosticEvents } from 'millrace'

type EventName = keyof DiagnosticEvents

export type Listeners = {
  readonly [Name in EventName]?: (event: DiagnosticEvents[Name]) => void
}

/** Calls the listeners for the events of `producer`; the result ends it. */
export const listenTo = (producer: object, listeners: Listeners): (() => void) => {
  const stops = Object.entries(listeners).map(([name, listener]) => {
    const hear = (message: unknown): void => {
      const event = message as DiagnosticEvents[EventName]
      if (event.producer === producer) (listener as (event: unknown) => void)(event)
    }
    subscribe(name, hear)
    return () => unsubscribe(name, hear)
  })
  return () => {
    for (const stop of stops) stop()
  }
}
