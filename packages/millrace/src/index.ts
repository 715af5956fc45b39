// The library's first door: every public name, listed by hand.

export { Admin } from './admin/admin.ts'
export type {
  CreatedTopic,
  NewTopic,
  PartitionDescription,
  TopicDescription,
  TopicSetting,
  TopicSummary,
} from './admin/topics.ts'
export { type DiagnoseOptions, diagnose } from './diagnose/diagnose.ts'
export type { Diagnosis, DiagnosisStep, DiagnosisStepName } from './diagnose/report.ts'
export type { Distribution } from './engine/histogram.ts'
export type { PartitionerName } from './engine/partitioner.ts'
export type { CustomPartitioner, CustomPartitionerInput } from './engine/partitioner-custom.ts'
export type { PartitionView } from './engine/ports.ts'
export type {
  Data,
  Headers,
  HeaderValue,
  ProducerRecord,
  RecordMetadata,
  SettleCallback,
} from './engine/record.ts'
export type { ClientCredentials } from './net/client-credentials.ts'
export type { TokenContext, TokenProvider } from './net/token-source.ts'
export type { BatchResult } from './producer/batch-send.ts'
export type { DiagnosticEvents } from './producer/diagnostics.ts'
export type { InterceptorOption, ProducerInterceptor } from './producer/interceptors.ts'
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
export type {
  Acks,
  CompressionOption,
  FlushOption,
  ProducerOptions,
} from './producer/option-table.ts'
export { type KeyPartitionerName, partitionForKey } from './producer/partition-for-key.ts'
export { type CloseReport, Producer } from './producer/producer.ts'
export type { ProducerLike, RecordSender, TransactionLike } from './producer/producer-like.ts'
export type { RecordCounts, RecordStreamOptions } from './producer/record-sink.ts'
export type { SendAllOptions, WritableOptions } from './producer/record-stream.ts'
export type {
  ClientCredentialsSasl,
  PasswordSasl,
  SaslOption,
  TokenSasl,
} from './producer/sasl-option.ts'
export {
  bytesSerializer,
  jsonSerializer,
  type Serializer,
  type SerializerContext,
  textSerializer,
} from './producer/serializers.ts'
export type { StandardSchema } from './producer/standard-schema.ts'
export type {
  ConsumerGroupMetadata,
  OffsetToCommit,
  Transaction,
} from './producer/transaction.ts'
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
export type { SaslContext, SaslMechanism, SaslSession } from './protocol/sasl/mechanism.ts'
export type { OAuthToken } from './protocol/sasl/oauth-bearer.ts'
export type { SocketFactory } from './runtime/dial-transport.ts'
export type { Logger } from './runtime/logger.ts'
export type { TlsOptions, TlsVersion } from './runtime/tls-settings.ts'

// The source system's two layers, thin over Producer.

export { AsyncProducer } from './senders/async-producer.ts'
export {
  type AsyncResultHandler,
  defaultAsyncResultHandler,
} from './senders/async-result-handler.ts'
export { BatchAsyncProducer, type BatchSettings } from './senders/batch-async-producer.ts'
export { BatchError, type BatchFailure } from './senders/batch-error.ts'
export { type BufferedProducer, KafkaProducer } from './senders/kafka-producer.ts'
export type { KeyOrTopic, Message } from './senders/message.ts'
export { type MessageProducer, ProducerType } from './senders/message-producer.ts'
export {
  defaultProducerConfig,
  type ProducerConfig,
  type ProducerConfigInput,
  validateProducerConfig,
} from './senders/producer-config.ts'
export { SaramaProducerWrapper } from './senders/sarama-producer-wrapper.ts'
export { SyncProducer } from './senders/sync-producer.ts'
export type { Target } from './senders/target.ts'
