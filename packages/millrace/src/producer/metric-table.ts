// Owns the description of each number in a snapshot: its kind, its unit and Java's name. Callers:
// the exporters (@millrace/prometheus, @millrace/opentelemetry), the metrics push and
// docs/telemetry.md. Invariant: a field of ProducerMetrics that is missing here does not compile.

import type { Distribution } from '../engine/metrics/histogram.ts'
import type { BrokerMetrics, ProducerMetrics, TopicMetrics, TransactionMetrics } from './metrics.ts'

/**
 * counter = it only increases; gauge = the current value; distribution = the distribution of
 * values.
 */
export type MetricKind = 'counter' | 'gauge' | 'distribution'

/** One number of a snapshot. */
export interface MetricRow {
  /** How to interpret its values. */
  readonly kind: MetricKind
  /** The unit in UCUM notation: `By`, `ms`, `{record}`, `1` for a ratio. */
  readonly unit: string
  /** The name in Java's producer-metrics, without `-avg`, `-max`, `-total`; null = none. */
  readonly java: string | null
  /** The meaning in one sentence. */
  readonly doc: string
}

/** The fields of a snapshot that are a number or a distribution. */
export type NumberField<Snapshot> = {
  [Name in keyof Snapshot]-?: Snapshot[Name] extends number | Distribution ? Name : never
}[keyof Snapshot]

const counter = (unit: string, java: string | null, doc: string): MetricRow => ({
  kind: 'counter',
  unit,
  java,
  doc,
})
const gauge = (unit: string, java: string | null, doc: string): MetricRow => ({
  kind: 'gauge',
  unit,
  java,
  doc,
})
const distribution = (unit: string, java: string | null, doc: string): MetricRow => ({
  kind: 'distribution',
  unit,
  java,
  doc,
})

/** The numbers of a producer's snapshot: fields of `ProducerMetrics`, each described. */
export const metricTable = {
  recordsSent: counter('{record}', null, 'Records put into batches.'),
  recordsDelivered: counter('{record}', null, 'Records acknowledged as the option acks says.'),
  recordsFailed: counter('{record}', 'record-error', 'Records not delivered, rejected ones too.'),
  recordsRetried: counter('{record}', 'record-retry', 'Records in batches that were sent again.'),
  recordBytesSent: counter('By', 'byte', 'Bytes of records, uncompressed, each sent once.'),
  recordBytesDelivered: counter('By', null, 'Bytes of records that were acknowledged.'),
  batches: counter('{batch}', null, 'Batches completed for sending.'),
  retries: counter('{batch}', null, 'Batches sent again.'),
  splits: counter('{batch}', 'batch-split', 'Batches cut in two: too large for the broker.'),
  batchBytes: distribution('By', 'batch-size', 'Size of a batch as it goes to the socket.'),
  compressionRate: gauge('1', 'compression-rate', 'Bytes to the socket for one byte of a batch.'),
  recordQueueTimeMs: distribution(
    'ms',
    'record-queue-time',
    "From a batch's first record until it is sent the first time.",
  ),
  deliveryTimeMs: distribution('ms', null, "From a batch's first record until it is delivered."),
  retryTimeMs: distribution(
    'ms',
    null,
    'From the first sending until delivery, of batches sent more than once.',
  ),
  requests: counter('{request}', 'request', 'Produce requests written, retries included.'),
  requestBytes: counter('By', 'outgoing-byte', 'Bytes of Produce requests.'),
  requestsInFlight: gauge(
    '{request}',
    'requests-in-flight',
    'Produce requests without a response.',
  ),
  recordsPerRequest: distribution('{record}', 'records-per-request', 'Records in a request.'),
  requestLatencyMs: distribution(
    'ms',
    'request-latency',
    'From a Produce request to its response.',
  ),
  throttleTimeMs: distribution(
    'ms',
    'produce-throttle-time',
    'How long brokers wanted to be left alone: 0 where no quota was exceeded.',
  ),
  bufferTotalBytes: gauge('By', 'buffer-total-bytes', 'The option bufferMemoryBytes.'),
  bufferWindowBytes: gauge('By', null, 'What batches may take of it; the rest is for waiting.'),
  bufferUsedBytes: gauge('By', null, 'Buffer memory that batches take.'),
  waitingBytes: gauge('By', null, 'Memory of records that wait for buffer space or metadata.'),
  bufferAvailableBytes: gauge('By', 'buffer-available-bytes', 'What is left of the total.'),
  waitingSends: gauge('{call}', 'waiting-threads', 'Calls that wait for buffer space.'),
  unsettledBatches: gauge('{batch}', null, 'Batches that are not settled.'),
  connections: gauge('{connection}', 'connection-count', 'Connections that are open.'),
  connectionsOpened: counter('{connection}', 'connection-creation', 'Connections that came up.'),
  connectionFailures: counter('{connection}', null, 'Connections lost, and attempts that failed.'),
  metadataAgeMs: gauge('ms', 'metadata-age', 'Since the last response about metadata; -1 = none.'),
  metadataRequests: counter('{request}', null, 'Metadata requests.'),
  metadataFailures: counter('{round}', null, 'Rounds through all brokers without a response.'),
  producerIdRequests: counter('{request}', null, 'Requests for a producer id.'),
} as const satisfies Record<
  Exclude<NumberField<ProducerMetrics>, 'at' | 'topicsLeftOut'>,
  MetricRow
>

/** The numbers of each topic. */
export const topicMetricTable = {
  recordsSent: counter('{record}', 'record-send', 'Records in batches that were sent.'),
  recordBytesSent: counter('By', 'byte', 'Bytes of those records, uncompressed.'),
  recordsDelivered: counter('{record}', null, 'Records acknowledged as the option acks says.'),
  recordBytesDelivered: counter('By', null, 'Bytes of those records.'),
  recordsFailed: counter('{record}', 'record-error', 'Records not delivered.'),
  recordsRetried: counter('{record}', 'record-retry', 'Records in batches that were sent again.'),
  partitionCount: gauge('{partition}', null, 'Partitions of the topic.'),
} as const satisfies Record<NumberField<TopicMetrics>, MetricRow>

/** The numbers of each broker. */
export const brokerMetricTable = {
  requestsInFlight: gauge('{request}', null, 'Produce requests without a response.'),
  requests: counter('{request}', 'request', 'Produce requests written.'),
  requestBytes: counter('By', 'outgoing-byte', 'Bytes of Produce requests.'),
  requestLatencyMs: distribution(
    'ms',
    'request-latency',
    'From a Produce request to its response.',
  ),
  throttleTimeMs: distribution('ms', null, 'How long the broker wanted to be left alone.'),
} as const satisfies Record<Exclude<NumberField<BrokerMetrics>, 'nodeId' | 'port'>, MetricRow>

/** The numbers of the transactions. */
export const transactionMetricTable = {
  begun: counter('{transaction}', null, 'Transactions begun.'),
  committed: counter('{transaction}', null, 'Transactions committed.'),
  aborted: counter('{transaction}', null, 'Transactions aborted.'),
} as const satisfies Record<NumberField<TransactionMetrics>, MetricRow>
