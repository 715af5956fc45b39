// One snapshot of what a producer did and holds.

import type { Cluster } from '../cluster/cluster.ts'
import type { Engine } from '../engine/engine.ts'

export interface ProducerMetrics {
  /** Records put into batches. */
  readonly recordsSent: number
  readonly recordsDelivered: number
  /** Records that were not delivered, refused ones included. */
  readonly recordsFailed: number
  /** Batches sealed. */
  readonly batches: number
  /** Produce requests written, retries included. */
  readonly requests: number
  /** Bytes of those requests. */
  readonly requestBytes: number
  /** Batches sent again. */
  readonly retries: number
  /** Batches cut in two because the broker found them too large. */
  readonly splits: number
  /** Buffer memory that batches take now. */
  readonly bufferUsedBytes: number
  /** Memory of records that wait for room or metadata now. */
  readonly waitingBytes: number
  /** Batches that are not settled. */
  readonly unsettledBatches: number
  readonly requestsInFlight: number
  readonly connectionsOpened: number
  readonly connectionFailures: number
  readonly metadataRequests: number
  readonly producerIdRequests: number
}

export const readMetrics = (engine: Engine, cluster: Cluster, refused: number): ProducerMetrics => {
  const { counts } = engine
  const counters = cluster.counters
  return {
    recordsSent: counts.recordsSent,
    recordsDelivered: counts.recordsDelivered,
    recordsFailed: counts.recordsFailed + refused,
    batches: counts.batches,
    requests: counts.requests,
    requestBytes: counts.requestBytes,
    retries: engine.delivery.retriedBatches,
    splits: engine.delivery.splitBatches,
    bufferUsedBytes: engine.accumulator.usedBytes,
    waitingBytes: engine.accumulator.waitingBytes,
    unsettledBatches: engine.unsettledBatches,
    requestsInFlight: engine.requestsInFlight,
    connectionsOpened: counters.connectionsOpened,
    connectionFailures: counters.connectionFailures,
    metadataRequests: counters.metadataRequests,
    producerIdRequests: counters.producerIdRequests,
  }
}
