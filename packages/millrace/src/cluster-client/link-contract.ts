// What a link to a broker is given, and the states it goes through. BrokerPool makes the links.

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
  /** What each broker must serve; basicRequirements without it. */
  readonly requirements?: readonly VersionRequirement[] | undefined
  /** Kafka's id of the cluster, as far as known; a broker of another cluster rejects it. */
  readonly clusterId?: (() => string | null) | undefined
  /** Whose connections these are, in events; without it there are none. */
  readonly origin?: EventOrigin | undefined
}

export type LinkState = 'idle' | 'resolving' | 'connecting' | 'ready' | 'backoff' | 'closed'

/** From which state to which. */
export const legalLinkStates: Readonly<Record<LinkState, readonly LinkState[]>> = {
  idle: ['resolving', 'closed'],
  resolving: ['connecting', 'backoff', 'idle', 'closed'],
  connecting: ['ready', 'backoff', 'idle', 'closed'],
  ready: ['idle', 'backoff', 'closed'],
  backoff: ['idle', 'closed'],
  closed: [],
}
