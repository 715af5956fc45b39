// Owns the snapshot of a producer: plain numbers for JSON, with units in their names. Counters only
// increase, so a rate is the difference of two snapshots divided by that of their `at`. The
// meanings are those of Java's producer-metrics; docs/telemetry.md lists them. Caller: Producer.
// Invariant: reading a snapshot changes nothing.

import type { Cluster } from '../cluster-client/cluster-client.ts'
import type { Engine } from '../engine/engine.ts'
import type { EngineReadings, PartitionReading, TopicReading } from '../engine/engine-readings.ts'
import type { Distribution } from '../engine/metrics/histogram.ts'
import { type ErrorCode, KafkaError } from '../protocol/kafka-error.ts'
import { printableText } from '../runtime/printable-text.ts'
import { describeValue } from '../runtime/value-kinds.ts'
import type { SpoolMetrics } from '../spool/spool.ts'
import type { DeadLetterMetrics } from './dead-letters/dead-letter.ts'
import { checkFields } from './field-check.ts'

/** Limit of the topics in one snapshot: those that were used first. */
export const topicsMax = 100

/** An error as plain data. */
export interface FailureMetrics {
  /** The `code` of the `KafkaError`. */
  readonly code: ErrorCode
  /** Kafka's name of the error; null = no broker returned one. */
  readonly brokerError: string | null
  /** The error message. It contains no secret. */
  readonly message: string
  /** What to do about it, in one sentence. */
  readonly remedy: string
}

/** The current state of one partition. */
export interface PartitionMetrics {
  /** The number of the partition. */
  readonly partition: number
  /** Node id of the leader; -1 = none. */
  readonly leaderId: number
  /** Sealed batches that are not in flight, and an open batch. */
  readonly batchesWaiting: number
  /** Batches that were sent and have no response yet. */
  readonly batchesInFlight: number
  /** Records in the waiting and in-flight batches. */
  readonly recordsHeld: number
  /** Code of the last error of the oldest of these batches; null = none. */
  readonly lastError: string | null
  /** The error that `lastError` names, with its message; null = none. */
  readonly lastFailure: FailureMetrics | null
}

/** Counts of the records of one topic. */
export interface TopicMetrics {
  /** The topic's name. */
  readonly topic: string
  /** Records in batches that were sent, each counted once. */
  readonly recordsSent: number
  /** Bytes of those records, uncompressed. */
  readonly recordBytesSent: number
  /** Records that were acknowledged as the option `acks` requires. */
  readonly recordsDelivered: number
  /** Bytes of those records, uncompressed. */
  readonly recordBytesDelivered: number
  /** Records that failed after they were accepted; rejected ones are not counted by topic. */
  readonly recordsFailed: number
  /** Records in batches that were sent again, once per retry. */
  readonly recordsRetried: number
  /** The number of partitions of the topic. */
  readonly partitionCount: number
  /**
   * Only if the snapshot was requested with partitions: those that contain records or have no
   * leader.
   */
  readonly partitions?: readonly PartitionMetrics[]
}

/** One broker of the cluster. */
export interface BrokerMetrics {
  /** The broker's node id. */
  readonly nodeId: number
  /** The host that the broker advertises. */
  readonly host: string
  /** The port that the broker advertises. */
  readonly port: number
  /** Whether requests can be sent now: the connection is open and not throttled. */
  readonly ready: boolean
  /** Produce requests without a response. */
  readonly requestsInFlight: number
  /** Produce requests written, including retries. */
  readonly requests: number
  /** Bytes of the Produce requests written, including retries. */
  readonly requestBytes: number
  /** Time from the writing of a Produce request until its response, in milliseconds. */
  readonly requestLatencyMs: Distribution
  /** The throttle time in each response, in milliseconds (KIP-219). */
  readonly throttleTimeMs: Distribution
  /** Code of the last connection error or throttle time since it was ready; null = none. */
  readonly lastError: string | null
  /** The failure that `lastError` names, with its message; null = none. */
  readonly lastFailure: FailureMetrics | null
}

/** Counts of a producer's transactions. */
export interface TransactionMetrics {
  /** Transactions that have begun. */
  readonly begun: number
  /** Transactions whose commit is certain. */
  readonly committed: number
  /** Transactions whose abort is certain. */
  readonly aborted: number
}

/** A snapshot of a producer; see docs/telemetry.md. */
export interface ProducerMetrics {
  /** When it was taken: milliseconds since the epoch. */
  readonly at: number
  /** The value of the option `clientId`. */
  readonly clientId: string
  /** The id of the cluster; null before a broker has responded. */
  readonly clusterId: string | null

  /** Records added to batches. */
  readonly recordsSent: number
  /** Records that were acknowledged as the option `acks` requires. */
  readonly recordsDelivered: number
  /** Records that were not delivered, including those that were rejected at once. */
  readonly recordsFailed: number
  /** Records in batches that were sent again, once per retry. */
  readonly recordsRetried: number
  /** Bytes of records, with their own fields and uncompressed, in batches sent once. */
  readonly recordBytesSent: number
  /** Bytes of those records, uncompressed. */
  readonly recordBytesDelivered: number

  /** Batches completed for sending. */
  readonly batches: number
  /** Batches sent again. */
  readonly retries: number
  /** Batches that were split in two because they were too large for the broker. */
  readonly splits: number
  /** Size of a batch as it is written to the socket. */
  readonly batchBytes: Distribution
  /** Compressed bytes per uncompressed byte of the batches since the start; 1 = not compressed. */
  readonly compressionRate: number
  /** From the first record of a batch until it is first sent. */
  readonly recordQueueTimeMs: Distribution
  /** From the first record of a batch until its records have their results. */
  readonly deliveryTimeMs: Distribution
  /** The same from the first send on, for batches that were sent more than once. */
  readonly retryTimeMs: Distribution

  /** Produce requests written, including retries. */
  readonly requests: number
  /** Bytes of the Produce requests written, including retries. */
  readonly requestBytes: number
  /** Produce requests without a response now. */
  readonly requestsInFlight: number
  /** Records in a Produce request. */
  readonly recordsPerRequest: Distribution
  /** Time from the writing of a Produce request until its response, in milliseconds. */
  readonly requestLatencyMs: Distribution
  /** The throttle time of each response; 0 = no quota was exceeded. */
  readonly throttleTimeMs: Distribution

  /** The option bufferMemoryBytes. */
  readonly bufferTotalBytes: number
  /** The part for batches; the rest is for waiting records. */
  readonly bufferWindowBytes: number
  /** Buffer memory of the batches now. */
  readonly bufferUsedBytes: number
  /** Memory of records that wait for buffer space or metadata now. */
  readonly waitingBytes: number
  /** Free memory of the total; 0 while one sendBatch is larger than the buffer. */
  readonly bufferAvailableBytes: number
  /** Calls that wait for buffer space now: each is one record, or a whole sendBatch. */
  readonly waitingSends: number
  /** Batches that are not settled. */
  readonly unsettledBatches: number

  /** Connections that are open now. */
  readonly connections: number
  /** Connections that became ready since the start. */
  readonly connectionsOpened: number
  /** Lost connections and failed attempts. */
  readonly connectionFailures: number
  /** Milliseconds since the last Metadata response; -1 = there was none. */
  readonly metadataAgeMs: number
  /** Metadata requests since the start. */
  readonly metadataRequests: number
  /**
   * How often a Metadata request was sent to all brokers one after the other and none responded.
   */
  readonly metadataFailures: number
  /** Requests for a producer id (InitProducerId) since the start. */
  readonly producerIdRequests: number
  /** All 0 without the option transactionalId. */
  readonly transactions: TransactionMetrics

  /** One entry for each known broker of the cluster. */
  readonly brokers: readonly BrokerMetrics[]
  /** The first hundred topics in use. */
  readonly topics: readonly TopicMetrics[]
  /** Number of topics that are not listed. */
  readonly topicsLeftOut: number
  /** Only with the option `spool`: the content of the spool. */
  readonly spool?: SpoolMetrics
  /** Only with the option `deadLetter`: records that failed. */
  readonly deadLetters?: DeadLetterMetrics
}

/** Options of `Producer.metrics`. */
export interface MetricsOptions {
  /** Lists the partitions of each topic that contain records or have no leader. */
  readonly partitions?: boolean | undefined
}

export const readMetrics = (
  engine: Engine,
  cluster: Cluster,
  clientId: string,
  spool: SpoolMetrics | null,
  deadLetters: DeadLetterMetrics | null,
  options?: MetricsOptions,
): ProducerMetrics => {
  const withPartitions = listsPartitions(options)
  const { readings, settings } = engine
  const now = engine.now()
  const counters = cluster.counters
  const { measurements, usedBytes, waitingBytes } = readings
  const { batchPlainBytes, batchWireBytes } = measurements
  const topics = readings.topics()
  return {
    at: engine.wallTime(),
    clientId,
    clusterId: cluster.clusterId && printableText(cluster.clusterId),
    recordsSent: measurements.recordsSent,
    recordsDelivered: measurements.recordsDelivered,
    recordsFailed: measurements.recordsFailed,
    recordsRetried: measurements.recordsRetried,
    recordBytesSent: measurements.recordBytesSent,
    recordBytesDelivered: measurements.recordBytesDelivered,
    batches: measurements.batches,
    retries: readings.retriedBatches,
    splits: readings.splitBatches,
    batchBytes: measurements.batchBytes.read(now),
    compressionRate: batchPlainBytes === 0 ? 1 : batchWireBytes / batchPlainBytes,
    recordQueueTimeMs: measurements.recordQueueTimeMs.read(now),
    deliveryTimeMs: measurements.deliveryTimeMs.read(now),
    retryTimeMs: measurements.retryTimeMs.read(now),
    requests: measurements.requests,
    requestBytes: measurements.requestBytes,
    requestsInFlight: readings.requestsInFlight,
    recordsPerRequest: measurements.recordsPerRequest.read(now),
    requestLatencyMs: measurements.requestLatencyMs.read(now),
    throttleTimeMs: measurements.throttleTimeMs.read(now),
    bufferTotalBytes: settings.bufferMemoryBytes,
    bufferWindowBytes: readings.windowBytes,
    bufferUsedBytes: usedBytes,
    waitingBytes,
    bufferAvailableBytes: Math.max(0, settings.bufferMemoryBytes - usedBytes - waitingBytes),
    waitingSends: readings.waitingSends,
    unsettledBatches: readings.unsettledBatches,
    connections: counters.connections,
    connectionsOpened: counters.connectionsOpened,
    connectionFailures: counters.connectionFailures,
    metadataAgeMs: counters.metadataAtMs === null ? -1 : Math.max(0, now - counters.metadataAtMs),
    metadataRequests: counters.metadataRequests,
    metadataFailures: counters.metadataFailures,
    producerIdRequests: counters.producerIdRequests,
    transactions: { ...measurements.transactions },
    brokers: readBrokers(readings, cluster, now),
    topics: topics.slice(0, topicsMax).map((topic) => readTopic(topic, withPartitions)),
    topicsLeftOut: Math.max(0, topics.length - topicsMax),
    ...(spool === null ? {} : { spool }),
    ...(deadLetters === null ? {} : { deadLetters }),
  }
}

const readBrokers = (readings: EngineReadings, cluster: Cluster, now: number): BrokerMetrics[] =>
  cluster.nodes().map(({ nodeId, host, port, ready, lastError }) => {
    const { requests, requestBytes, requestLatencyMs, throttleTimeMs } = readings.broker(nodeId)
    return {
      nodeId,
      host: printableText(host),
      port,
      ready,
      requestsInFlight: readings.requestsInFlightOf(nodeId),
      requests,
      requestBytes,
      requestLatencyMs: requestLatencyMs.read(now),
      throttleTimeMs: throttleTimeMs.read(now),
      lastError: lastError?.code ?? null,
      lastFailure: readFailure(lastError),
    }
  })

/** An error as plain data; null without one. */
export const readFailure = (error: KafkaError | null | undefined): FailureMetrics | null => {
  if (error === null || error === undefined) return null
  const { code, brokerError = null, message, remedy } = error
  return { code, brokerError, message, remedy }
}

/** Throws INVALID_ARGUMENT if an option is invalid. */
const listsPartitions = (options: MetricsOptions | undefined): boolean => {
  if (options === undefined) return false
  const { partitions = false } = checkFields('options', options, ['partitions'])
  if (typeof partitions === 'boolean') return partitions
  const message = `partitions must be true or false, got ${describeValue(partitions)}`
  throw new KafkaError('INVALID_ARGUMENT', message)
}

const readTopic = (topic: TopicReading, withPartitions: boolean): TopicMetrics => {
  const { name, partitionCount, measurements } = topic
  const metrics = { topic: name, ...measurements, partitionCount }
  if (!withPartitions) return metrics
  return { ...metrics, partitions: topic.partitionsOfInterest().map(readPartition) }
}

const readPartition = ({ lastError, ...reading }: PartitionReading): PartitionMetrics => ({
  ...reading,
  lastError: lastError?.code ?? null,
  lastFailure: readFailure(lastError),
})
