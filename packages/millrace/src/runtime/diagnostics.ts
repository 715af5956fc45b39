// The one door to node:diagnostics_channel. Whoever has something to tell makes its channel here,
// asks `hasSubscribers` before it builds an event, and publishes. Nobody listening costs one
// comparison. A subscriber that throws does not reach us: Node throws again in a tick of its own.

import { channel } from 'node:diagnostics_channel'

/** Who an event is about. */
export interface EventOrigin {
  /** The producer itself: the same object in all of its events. */
  readonly producer: object
  readonly clientId: string
}

export interface EventChannel<Event extends EventOrigin> {
  readonly hasSubscribers: boolean
  publish(event: Event): void
}

/** The channel `millrace:NAME` of this process. */
export const eventChannel = <Event extends EventOrigin>(name: string): EventChannel<Event> =>
  channel(`millrace:${name}`)
