// Owns the result of status(): the current state of a producer as plain data, for readiness probes
// and dashboards. It is read from the engine, the cluster client and the outage report. Caller:
// Producer. Invariant: reading it sends nothing.

import type { Cluster } from '../cluster-client/cluster-client.ts'
import type { Engine } from '../engine/engine.ts'
import { type FailureMetrics, readFailure } from './metrics.ts'
import type { OutageReport } from './outage-report.ts'
import type { ProducerSpool } from './producer-spool.ts'
import type { SpoolStatus } from './spool-views.ts'

/** The state of a producer; `failed` = its spool has failed, and it accepts no records. */
export type ProducerState = 'open' | 'failed' | 'closing' | 'closed'

/** The current state of a producer; see docs/operations.md. */
export interface ProducerStatus {
  /** `open` until close() or destroy() is called. */
  readonly state: ProducerState
  /**
   * For readiness probes. True if the producer is open and in the last second had a broker, and
   * space in its buffer, whenever it needed one; also true before anything was sent. A topic that
   * is not available, or a partition without a leader, does not change it. With the option `spool`
   * brokers do not matter: it is true while the spool has space.
   */
  readonly isReady: boolean
  /** Brokers of the cluster, as far as known, and those that are connected. */
  readonly brokers: {
    /** Brokers in the cluster's metadata; 0 before a broker has responded. */
    readonly known: number
    /** Those with an open connection. Connections are opened when needed and closed when idle. */
    readonly connected: number
  }
  /**
   * Since when no broker is connected, in milliseconds since the epoch; null while one is, and if
   * no connection was lost or failed.
   */
  readonly disconnectedSince: number | null
  /** What prevents the delivery of records now, or the last failure of a broker; null = none. */
  readonly lastError: FailureMetrics | null
  /** Bytes of records without a result, in the buffer or waiting for space in it. */
  readonly bufferUsedBytes: number
  /** The value of the option `bufferMemoryBytes`. */
  readonly bufferTotalBytes: number
  /** Accepted records without a result. A sendBatch that waits counts as one. */
  readonly unacknowledgedRecords: number
  /** Unacknowledged records that wait for space in the buffer. */
  readonly waitingRecords: number
  /** The age of the oldest unacknowledged record in milliseconds; null = there is none. */
  readonly oldestUnacknowledgedMs: number | null
  /** Whether a transaction is open. */
  readonly isInTransaction: boolean
  /** Only with the option `spool`: its current state. */
  readonly spool?: SpoolStatus
}

export const readStatus = (
  state: ProducerState,
  engine: Engine,
  cluster: Cluster,
  outages: OutageReport,
  spool: ProducerSpool | null,
): ProducerStatus => {
  const isBlocked = spool === null ? outages.isBlocked : !spool.takesRecords
  const { readings } = engine
  const now = engine.now()
  const nodes = cluster.nodes()
  const { disconnectedAtMs } = cluster
  const oldest = readings.oldestUnsettledAt
  const failure =
    outages.outage?.error ??
    cluster.metadataFailure ??
    nodes.find(({ lastError }) => lastError !== null)?.lastError
  return {
    state,
    isReady: state === 'open' && !isBlocked,
    brokers: { known: nodes.length, connected: nodes.filter(({ connected }) => connected).length },
    disconnectedSince:
      disconnectedAtMs === null ? null : Math.round(engine.wallTime() - (now - disconnectedAtMs)),
    lastError: readFailure(failure),
    bufferUsedBytes: readings.usedBytes + readings.waitingBytes,
    bufferTotalBytes: engine.settings.bufferMemoryBytes,
    unacknowledgedRecords: readings.unsettledRecords,
    waitingRecords: readings.waitingSends,
    oldestUnacknowledgedMs: oldest === Number.POSITIVE_INFINITY ? null : Math.round(now - oldest),
    isInTransaction: engine.transactions?.isOngoing ?? false,
    ...(spool === null ? {} : { spool: spool.status() }),
  }
}
