// The entry point `millrace`: the producer, the admin client, and their types. Every public name is
// listed here by hand; a name that is removed or renamed here is a breaking change.

export { Admin, type AdminOptions } from './admin/admin.ts'
export type {
  BrokerDescription,
  ClusterDescription,
  ConsumerGroupOffset,
  ConsumerGroupSummary,
  OffsetIsolation,
  OffsetSpec,
} from './admin/cluster-description.ts'
export type {
  ReadFrom,
  ReadRecordsOptions,
  ReadUntil,
  SkippedRecords,
} from './admin/record-reader.ts'
export type { ConfigChange, ConfigResource } from './admin/topic-changes.ts'
export type {
  CreatedTopic,
  NewTopic,
  PartitionDescription,
  TopicDescription,
  TopicSetting,
  TopicSummary,
} from './admin/topics.ts'
export type {
  HangingTransaction,
  HangingTransactionOptions,
  OpenTransaction,
  PartitionProducer,
  TransactionDescription,
  TransactionSummary,
} from './admin/transactions.ts'
export { diagnose } from './diagnose/diagnose.ts'
export type { DiagnoseOptions } from './diagnose/diagnose-options.ts'
export type { Diagnosis, DiagnosisStep, DiagnosisStepName } from './diagnose/report.ts'
export type { PurgeScope } from './engine/buffer/purge.ts'
export type { Distribution } from './engine/metrics/histogram.ts'
export type {
  CustomPartitioner,
  CustomPartitionerInput,
} from './engine/partitioner/custom-partitioner.ts'
export type { PartitionerName } from './engine/partitioner/partitioner.ts'
export type { PartitionView } from './engine/ports.ts'
export type {
  HeaderValue,
  ProducerRecord,
  RecordData,
  RecordHeaders,
  RecordMetadata,
  SettleCallback,
} from './engine/record.ts'
export type { ClientAssertion, SignedAssertion } from './net/client-assertion.ts'
export type { ClientCredentials, ProvableClient } from './net/client-credentials.ts'
export type { TokenContext, TokenProvider } from './net/token-source.ts'
export { type BatchResult, batchResultOf } from './producer/batch-result.ts'
export type { ConsumerGroupMetadata, OffsetToCommit } from './producer/consumed-offsets.ts'
export type { DeadLetterOption } from './producer/dead-letter-option.ts'
export type { DeadLetterMetrics } from './producer/dead-letters/dead-letter.ts'
export type { DiagnosticEvents, DiagnosticTraces } from './producer/diagnostics.ts'
export type {
  InterceptedProducer,
  InterceptorOption,
  ProducerInterceptor,
} from './producer/interceptor.ts'
export { toJsonText } from './producer/json-text.ts'
export {
  brokerMetricTable,
  type MetricKind,
  type MetricRow,
  metricTable,
  topicMetricTable,
  transactionMetricTable,
} from './producer/metric-table.ts'
export type {
  BrokerMetrics,
  FailureMetrics,
  MetricsOptions,
  PartitionMetrics,
  ProducerMetrics,
  TopicMetrics,
  TransactionMetrics,
} from './producer/metrics.ts'
export type { EffectiveOptions } from './producer/options.ts'
export { type KeyPartitionerName, partitionForKey } from './producer/partition-for-key.ts'
export { Producer } from './producer/producer.ts'
export type { CloseReport } from './producer/producer-lifecycle.ts'
export type { ProducerLike, RecordSender, TransactionLike } from './producer/producer-like.ts'
export type {
  Acks,
  CompressionChoice,
  CompressionOption,
  FlushOption,
  PerTopicOptions,
  ProducerOptions,
} from './producer/producer-options.ts'
export { type AccessHints, accessOptions } from './producer/properties/access-options.ts'
export {
  optionsFromProperties,
  type PropertiesOptions,
} from './producer/properties/options-from-properties.ts'
export {
  type ConnectionAccess,
  type PropertySettings,
  propertyMechanisms,
} from './producer/properties/property-settings.ts'
export { isSecretProperty } from './producer/properties/property-table.ts'
export {
  type Properties,
  propertySettings,
  readPropertiesFile,
} from './producer/properties/read-properties.ts'
export { inspectSpool, readSpool } from './producer/read-spool.ts'
export type { RecordCounts, RecordStreamOptions } from './producer/record-sink.ts'
export type { SendAllOptions, WritableOptions } from './producer/record-stream.ts'
export {
  type ClientCredentialsSasl,
  createSaslMechanism,
  type PasswordSasl,
  type SaslOption,
  type TokenFileSasl,
  type TokenSasl,
} from './producer/sasl-option.ts'
export {
  bytesSerializer,
  jsonSerializer,
  type Serializer,
  type SerializerContext,
  textSerializer,
} from './producer/serializers.ts'
export type {
  ReadSpoolOptions,
  SpooledRecordView,
  SpoolInspection,
  SpoolStatus,
} from './producer/spool-views.ts'
export type { StandardSchema } from './producer/standard-schema.ts'
export type { ProducerState, ProducerStatus } from './producer/status.ts'
export type { Transaction } from './producer/transaction.ts'
export {
  type TopicDefinition,
  type TopicDefinitions,
  type TypedRecord,
  TypedTopics,
  typedTopics,
} from './producer/typed-topics.ts'
export type { WaitOptions } from './producer/wait.ts'
export type { CompressionType } from './protocol/compression/codec.ts'
export {
  type ConnectStep,
  type ErrorCode,
  type ErrorContext,
  type ErrorKind,
  KafkaError,
  type Persisted,
} from './protocol/kafka-error.ts'
export type { TopicRecord } from './protocol/records/fetched-batches.ts'
export type { SaslContext, SaslMechanism, SaslSession } from './protocol/sasl/mechanism.ts'
export type { OAuthToken } from './protocol/sasl/oauth-bearer.ts'
export type { SecretSource } from './protocol/sasl/secret.ts'
export type { SocketFactory } from './runtime/dial-transport.ts'
export type { Logger } from './runtime/logger.ts'
export { printableText } from './runtime/printable-text.ts'
export { redactSecrets, withoutCredentials } from './runtime/redact-secrets.ts'
export type { TlsOptions, TlsVersion } from './runtime/tls-settings.ts'
export type { TlsProvider } from './runtime/tls-source.ts'
export type { LockHolder } from './spool/directory-lock.ts'
export type { SpoolDamage } from './spool/spool-scan.ts'
