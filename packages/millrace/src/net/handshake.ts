// What happens between a connected stream and a connection that is ready: steps, one after the
// other. Today there is one, the negotiation of versions. TLS will be the stream's own affair (a
// Transport); authentication will be a step after the negotiation.

import type { KafkaError } from '../protocol/kafka-error.ts'
import type { RawRequest } from './connection-contract.ts'

/** What a step may do with the connection that is being made. */
export interface HandshakeChannel {
  /** For people and errors. */
  readonly name: string
  send(request: RawRequest): void
  /** The broker asks for silence, once the connection is ready. */
  throttle(throttleTimeMs: number): void
  /** The handshake failed: closes the connection. */
  fail(error: KafkaError): void
}

export interface HandshakeStep {
  /** What the step does, for errors: `asking for the broker's versions`. */
  readonly title: string
  /**
   * Calls `done` or `channel.fail` in a later turn, once; neither when the connection closes
   * before.
   */
  start(channel: HandshakeChannel, done: () => void): void
}
