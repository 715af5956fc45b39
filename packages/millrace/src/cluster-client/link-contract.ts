// Owns the types of a link to a broker: its options, its states and their legal transitions.
// Callers: BrokerPool and admin/, which create links, and NodeLink. Invariant: `closed` is the last
// state.

import type { SaslSettings } from '../net/connection-contract.ts'
import type { VersionRequirement } from '../net/version-requirements.ts'
import type { Clock } from '../runtime/clock.ts'
import type { EventOrigin } from '../runtime/diagnostics.ts'
import type { Random } from '../runtime/random.ts'
import type { Transport } from '../runtime/transport.ts'

export interface LinkOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly clientId: string
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
  /** 0 = an idle connection stays open. */
  readonly connectionsMaxIdleMs: number
  readonly maxResponseBytes: number
  readonly reconnectBackoffMs: number
  readonly reconnectBackoffMaxMs: number
  readonly sasl?: SaslSettings | undefined
  /** What each broker must support; basicRequirements if missing. */
  readonly requirements?: readonly VersionRequirement[] | undefined
  /** Kafka's id of the cluster, as far as known; a broker of another cluster rejects it. */
  readonly clusterId?: (() => string | null) | undefined
  /** The producer in diagnostics events; if missing, none are published. */
  readonly origin?: EventOrigin | undefined
}

export type LinkState = 'idle' | 'resolving' | 'connecting' | 'ready' | 'backoff' | 'closed'

/** The legal transitions: for each state the states that may follow. */
export const legalLinkStates: Readonly<Record<LinkState, readonly LinkState[]>> = {
  idle: ['resolving', 'closed'],
  resolving: ['connecting', 'backoff', 'idle', 'closed'],
  connecting: ['ready', 'backoff', 'idle', 'closed'],
  ready: ['idle', 'backoff', 'closed'],
  backoff: ['idle', 'closed'],
  closed: [],
}
