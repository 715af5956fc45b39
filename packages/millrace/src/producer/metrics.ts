// One snapshot of what a producer did and holds: plain numbers, safe for JSON, with units in their
// names. Counts only grow, so a rate is the difference of two snapshots by that of their `at`. The
// meanings are those of Java's producer-metrics; docs/telemetry.md names them.

import type { Cluster } from '../cluster/cluster.ts'
import type { Engine } from '../engine/engine.ts'
import type { Distribution } from '../engine/histogram.ts'
import type { PartitionQueue } from '../engine/partition-queue.ts'
import type { TopicState } from '../engine/topic-state.ts'
import type { ErrorCode, KafkaError } from '../protocol/kafka-error.ts'

/** Topics in one snapshot at most: those that were used first. */
export const topicsMax = 100

/** An error as plain data. */
export interface FailureMetrics {
  /** The error's code. */
  readonly code: ErrorCode
  /** Kafka's name of the error; null = no broker answered one. */
  readonly brokerError: string | null
  /** What happened, for people. It holds no secret. */
  readonly message: string
  /** What to do about it, in one sentence. */
  readonly remedy: string
}

/** One partition as it stands now. */
export interface PartitionMetrics {
  /** Its number. */
  readonly partition: number
  /** Node id of the leader; -1 = none. */
  readonly leaderId: number
  /** Batches that are sealed and not in flight, and a batch that is still open. */
  readonly batchesWaiting: number
  /** Batches that were sent and have no answer yet. */
  readonly batchesInFlight: number
  /** Records of all of these. */
  readonly recordsHeld: number
  /** Code of the error that the oldest of these batches met last; null = none. */
  readonly lastError: string | null
  /** That error in full. */
  readonly lastFailure: FailureMetrics | null
}

/** What became of the records of one topic. */
export interface TopicMetrics {
  /** The topic's name. */
  readonly topic: string
  /** In batches that were sent, each counted once. */
  readonly recordsSent: number
  /** Bytes of those records, uncompressed. */
  readonly recordBytesSent: number
  /** Records that were acknowledged as `acks` says. */
  readonly recordsDelivered: number
  /** Bytes of those records, uncompressed. */
  readonly recordBytesDelivered: number
  /** Those that the producer refused at once are counted in no topic. */
  readonly recordsFailed: number
  /** Records in batches that were sent again, once for each time. */
  readonly recordsRetried: number
  /** How many partitions the topic has. */
  readonly partitionCount: number
  /**
   * Only where the snapshot was asked for partitions: those that hold records or have no leader.
   */
  readonly partitions?: readonly PartitionMetrics[]
}

/** One broker of the cluster. */
export interface BrokerMetrics {
  /** The broker's node id. */
  readonly nodeId: number
  /** Where it listens for clients. */
  readonly host: string
  /** The port there. */
  readonly port: number
  /** Requests may be sent to it now. */
  readonly ready: boolean
  /** Produce requests without an answer. */
  readonly requestsInFlight: number
  /** Produce requests written, retries included. */
  readonly requests: number
  /** Bytes of those requests. */
  readonly requestBytes: number
  /** From the writing of a Produce request until its answer. */
  readonly requestLatencyMs: Distribution
  /** How long the broker wanted to be left alone, of each answer (KIP-219). */
  readonly throttleTimeMs: Distribution
  /** Code of the last failure since it was ready; null = none. */
  readonly lastError: string | null
  /** That failure in full. */
  readonly lastFailure: FailureMetrics | null
}

/** What became of a producer's transactions. */
export interface TransactionMetrics {
  /** Transactions in which a record could be sent. */
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
  /** The option clientId. */
  readonly clientId: string

  /** Records put into batches. */
  readonly recordsSent: number
  /** Records that were acknowledged as `acks` says. */
  readonly recordsDelivered: number
  /** Records that were not delivered, refused ones included. */
  readonly recordsFailed: number
  /** Records in batches that were sent again, once for each time. */
  readonly recordsRetried: number
  /** Bytes of records (with their few bytes of their own, uncompressed) in batches sent once. */
  readonly recordBytesSent: number
  /** Bytes of those records, uncompressed. */
  readonly recordBytesDelivered: number

  /** Batches sealed. */
  readonly batches: number
  /** Batches sent again. */
  readonly retries: number
  /** Batches cut in two because the broker found them too large. */
  readonly splits: number
  /** Size of a batch as it goes to the socket. */
  readonly batchBytes: Distribution
  /** Bytes to the socket for one byte of a batch, since the start; 1 = not compressed. */
  readonly compressionRate: number
  /** From a batch's first record until it is sent the first time. */
  readonly recordQueueTimeMs: Distribution
  /** From a batch's first record until its records were told that they are delivered. */
  readonly deliveryTimeMs: Distribution
  /** The same from the first sending, for batches that were sent more than once. */
  readonly retryTimeMs: Distribution

  /** Produce requests written, retries included. */
  readonly requests: number
  /** Bytes of those requests. */
  readonly requestBytes: number
  /** Produce requests without an answer now. */
  readonly requestsInFlight: number
  /** Records in a Produce request. */
  readonly recordsPerRequest: Distribution
  /** From the writing of a Produce request until its answer. */
  readonly requestLatencyMs: Distribution
  /** How long brokers wanted to be left alone, of each answer; 0 = no quota was exceeded. */
  readonly throttleTimeMs: Distribution

  /** The option bufferMemoryBytes. */
  readonly bufferTotalBytes: number
  /** What batches may take of it: the rest is for records that wait. */
  readonly bufferWindowBytes: number
  /** Buffer memory that batches take now. */
  readonly bufferUsedBytes: number
  /** Memory of records that wait for room or metadata now. */
  readonly waitingBytes: number
  /** What is left of the total; 0 where a large sendBatch is let in. */
  readonly bufferAvailableBytes: number
  /** Calls that wait for room now: a record each, or a whole sendBatch. */
  readonly waitingSends: number
  /** Batches that are not settled. */
  readonly unsettledBatches: number

  /** Connections that are open now. */
  readonly connections: number
  /** Connections that came up since the start. */
  readonly connectionsOpened: number
  /** Connections that were lost, and attempts that failed. */
  readonly connectionFailures: number
  /** Since the last answer about metadata; -1 = there was none. */
  readonly metadataAgeMs: number
  /** Metadata requests since the start. */
  readonly metadataRequests: number
  /** Rounds through all brokers in which none answered. */
  readonly metadataFailures: number
  /** Requests for a producer id (InitProducerId) since the start. */
  readonly producerIdRequests: number
  /** Zeros without transactions. */
  readonly transactions: TransactionMetrics

  /** One entry for each broker of the cluster that is known. */
  readonly brokers: readonly BrokerMetrics[]
  /** The first hundred topics in use. */
  readonly topics: readonly TopicMetrics[]
  /** Topics that are not listed. */
  readonly topicsLeftOut: number
}

/** Options of `Producer.metrics`. */
export interface MetricsOptions {
  /** Lists the partitions of each topic that hold records or have no leader. */
  readonly partitions?: boolean | undefined
}

export const readMetrics = (
  engine: Engine,
  cluster: Cluster,
  clientId: string,
  options?: MetricsOptions,
): ProducerMetrics => {
  const { measurements, accumulator, delivery, host, settings } = engine
  const now = host.now()
  const counters = cluster.counters
  const { windowBytes, usedBytes, waitingBytes } = accumulator
  const { batchPlainBytes, batchWireBytes } = measurements
  const topics = [...accumulator.topics]
  return {
    at: host.wallTime(),
    clientId,
    recordsSent: measurements.recordsSent,
    recordsDelivered: measurements.recordsDelivered,
    recordsFailed: measurements.recordsFailed,
    recordsRetried: measurements.recordsRetried,
    recordBytesSent: measurements.recordBytesSent,
    recordBytesDelivered: measurements.recordBytesDelivered,
    batches: measurements.batches,
    retries: delivery.retriedBatches,
    splits: delivery.splitBatches,
    batchBytes: measurements.batchBytes.read(now),
    compressionRate: batchPlainBytes === 0 ? 1 : batchWireBytes / batchPlainBytes,
    recordQueueTimeMs: measurements.recordQueueTimeMs.read(now),
    deliveryTimeMs: measurements.deliveryTimeMs.read(now),
    retryTimeMs: measurements.retryTimeMs.read(now),
    requests: measurements.requests,
    requestBytes: measurements.requestBytes,
    requestsInFlight: engine.requestsInFlight,
    recordsPerRequest: measurements.recordsPerRequest.read(now),
    requestLatencyMs: measurements.requestLatencyMs.read(now),
    throttleTimeMs: measurements.throttleTimeMs.read(now),
    bufferTotalBytes: settings.bufferMemoryBytes,
    bufferWindowBytes: windowBytes,
    bufferUsedBytes: usedBytes,
    waitingBytes,
    bufferAvailableBytes: Math.max(0, settings.bufferMemoryBytes - usedBytes - waitingBytes),
    waitingSends: accumulator.waitingCount,
    unsettledBatches: engine.unsettledBatches,
    connections: counters.connections,
    connectionsOpened: counters.connectionsOpened,
    connectionFailures: counters.connectionFailures,
    metadataAgeMs: counters.metadataAtMs === null ? -1 : Math.max(0, now - counters.metadataAtMs),
    metadataRequests: counters.metadataRequests,
    metadataFailures: counters.metadataFailures,
    producerIdRequests: counters.producerIdRequests,
    transactions: { ...measurements.transactions },
    brokers: readBrokers(engine, cluster, now),
    topics: topics.slice(0, topicsMax).map((topic) => readTopic(topic, options)),
    topicsLeftOut: Math.max(0, topics.length - topicsMax),
  }
}

const readBrokers = (engine: Engine, cluster: Cluster, now: number): BrokerMetrics[] => {
  const inFlight = new Map<number, number>()
  for (const { nodeId, requestsInFlight } of engine.pumps) inFlight.set(nodeId, requestsInFlight)
  return cluster.nodes().map(({ nodeId, host, port, ready, lastError }) => {
    const { requests, requestBytes, requestLatencyMs, throttleTimeMs } =
      engine.measurements.broker(nodeId)
    return {
      nodeId,
      host,
      port,
      ready,
      requestsInFlight: inFlight.get(nodeId) ?? 0,
      requests,
      requestBytes,
      requestLatencyMs: requestLatencyMs.read(now),
      throttleTimeMs: throttleTimeMs.read(now),
      lastError: lastError?.code ?? null,
      lastFailure: readFailure(lastError),
    }
  })
}

const readFailure = (error: KafkaError | null | undefined): FailureMetrics | null => {
  if (error === null || error === undefined) return null
  const { code, brokerError = null, message, remedy } = error
  return { code, brokerError, message, remedy }
}

const readTopic = (topic: TopicState, options: MetricsOptions | undefined): TopicMetrics => {
  const partitionCount = topic.partitioning.partitionCount
  const metrics = { topic: topic.name, ...topic.measurements, partitionCount }
  if (options?.partitions !== true) return metrics
  const ofInterest = topic.queues.filter((queue) => !queue.isEmpty || queue.leaderId < 0)
  return { ...metrics, partitions: ofInterest.map(readPartition) }
}

const readPartition = (queue: PartitionQueue): PartitionMetrics => {
  const batches = queue.batches()
  const failed = batches.find(({ lastError }) => lastError !== null)
  return {
    partition: queue.partition,
    leaderId: queue.leaderId,
    batchesWaiting: batches.length - queue.inFlight.length,
    batchesInFlight: queue.inFlight.length,
    recordsHeld: batches.reduce((count, { recordCount }) => count + recordCount, 0),
    lastError: failed?.lastError?.code ?? null,
    lastFailure: readFailure(failed?.lastError),
  }
}
