// The entry point `millrace/testing`: the in-process cluster, the recording producer, and the topic
// reader, for tests and first steps. Every public name is listed here by hand.

import type { ClusterOptions } from './in-process-cluster/cluster-options.ts'
import { TestCluster } from './in-process-cluster/in-process-cluster.ts'
import { systemClock } from './runtime/clock.ts'
import { systemRandom } from './runtime/random.ts'
import { tcpTransport } from './runtime/tcp-transport.ts'
import { tlsListener } from './runtime/tls-listener.ts'

export type { PushedMetrics, TelemetryOptions } from './in-process-cluster/client-telemetry.ts'
export type {
  ClusterOptions,
  CompressionOptions,
  RetentionOptions,
  TopicOptions,
} from './in-process-cluster/cluster-options.ts'
export type { ClusterRecord } from './in-process-cluster/cluster-records.ts'
export type { CoordinatorKind } from './in-process-cluster/coordinators.ts'
export type { Fault, FaultRule, FaultTarget, RequestView } from './in-process-cluster/faults.ts'
export type { PartitionState, TestCluster } from './in-process-cluster/in-process-cluster.ts'
export type { ClusterNode } from './in-process-cluster/node.ts'
export type { CommittedOffset } from './in-process-cluster/pending-offsets.ts'
export type { ProduceQuotaOptions } from './in-process-cluster/produce-quota.ts'
export type { UnknownProducerRule } from './in-process-cluster/producer-state.ts'
export type { ClusterProfile } from './in-process-cluster/profiles.ts'
export type { SaslMechanismName } from './in-process-cluster/sasl-mechanism.ts'
export type { TokenIdentity, ValidateToken } from './in-process-cluster/sasl-oauth-bearer.ts'
export type { ClusterSaslOptions } from './in-process-cluster/sasl-service.ts'
export type { TransactionView } from './in-process-cluster/transaction-coordinator.ts'
export type {
  TopicPartition,
  TransactionLevel,
  TransactionState,
} from './in-process-cluster/transaction-entry.ts'
export type { TransactionOptions } from './in-process-cluster/transaction-options.ts'
export type { KafkaRelease, VersionTable } from './in-process-cluster/versions.ts'
export type { TopicBatch, TopicRecord } from './protocol/records/fetched-batches.ts'
export type { Pem, TlsListenerOptions } from './runtime/tls-listener.ts'
export type { Isolation } from './testing/reader-cluster.ts'
export type { ExpectedRecord, RecordedRecord } from './testing/recorded-record.ts'
export type { FailNextOptions } from './testing/recording-failures.ts'
export type { RecordingProducerOptions } from './testing/recording-log.ts'
export { RecordingProducer } from './testing/recording-producer.ts'
export type { FailedRecord } from './testing/recording-sender.ts'
export type { RecordingTransaction } from './testing/recording-transaction.ts'
export { type ReadTopicOptions, readTopic, readTopicBatches } from './testing/topic-reader.ts'

/**
 * Starts a cluster on free ports of 127.0.0.1. It runs until `close()` is called, or until the end
 * of the block with `await using`.
 *
 * @example
 * const cluster = await startCluster({ nodes: 3, topics: { orders: 6 } })
 * const producer = new Producer({ brokers: cluster.brokers })
 * await producer.send({ topic: 'orders', key: 'a', value: 'hello' })
 * console.log(cluster.records('orders')[0]?.value?.toString())
 * await producer.close()
 * await cluster.close()
 */
export const startCluster = (options: ClusterOptions = {}): Promise<TestCluster> =>
  TestCluster.start(options, {
    transport: tcpTransport,
    listenSecurely: tlsListener,
    clock: systemClock,
    random: systemRandom,
  })
