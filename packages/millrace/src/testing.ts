// The second door, `millrace/testing`: a Kafka-compatible cluster inside the process, for tests and
// first steps. Every public name is listed here by hand.

import { TestCluster } from './broker/cluster.ts'
import type { ClusterOptions } from './broker/cluster-options.ts'
import { systemClock } from './runtime/clock.ts'
import { systemRandom } from './runtime/random.ts'
import { tcpTransport } from './runtime/tcp-transport.ts'
import { tlsListener } from './runtime/tls-listener.ts'

export type { PushedMetrics, TelemetryOptions } from './broker/client-telemetry.ts'
export type { PartitionState, TestCluster } from './broker/cluster.ts'
export type { ClusterOptions, RetentionOptions, TopicOptions } from './broker/cluster-options.ts'
export type { ClusterRecord } from './broker/cluster-records.ts'
export type { CoordinatorKind } from './broker/coordinators.ts'
export type { Fault, FaultRule, FaultTarget, RequestView } from './broker/faults.ts'
export type { CommittedOffset } from './broker/groups.ts'
export type { ClusterNode } from './broker/node.ts'
export type { UnknownProducerRule } from './broker/producer-state.ts'
export type { SaslMechanismName } from './broker/sasl-mechanism.ts'
export type { TokenIdentity, ValidateToken } from './broker/sasl-oauth-bearer.ts'
export type { ClusterSaslOptions } from './broker/sasl-service.ts'
export type { TopicPartition, TransactionLevel, TransactionState } from './broker/transaction.ts'
export type { TransactionView } from './broker/transaction-coordinator.ts'
export type { TransactionOptions } from './broker/transaction-options.ts'
export type { KafkaRelease, VersionTable } from './broker/versions.ts'
export type { Pem, TlsListenerOptions } from './runtime/tls-listener.ts'
export type { TopicBatch, TopicRecord } from './testing/fetched-batches.ts'
export type { Isolation } from './testing/reader-cluster.ts'
export type { ExpectedRecord, RecordedRecord } from './testing/recorded-record.ts'
export type { FailNextOptions } from './testing/recording-failures.ts'
export { RecordingProducer, type RecordingProducerOptions } from './testing/recording-producer.ts'
export type { FailedRecord } from './testing/recording-sender.ts'
export type { RecordingTransaction } from './testing/recording-transaction.ts'
export { type ReadTopicOptions, readTopic, readTopicBatches } from './testing/topic-reader.ts'

/**
 * Starts a cluster on free ports of 127.0.0.1. It lives until `close()`, or to the end of the block
 * that holds it with `await using`.
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
