// The one door of the package: the names that kafkajs exports.

export { CompressionCodecs, CompressionTypes } from './compression.ts'
export type { KafkaConfig, MillraceOptions, ProducerConfig, RetryOptions } from './config.ts'
export {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  AssignerProtocol,
  ConfigResourceTypes,
  ConfigSource,
  PartitionAssigners,
  ResourcePatternTypes,
} from './constants.ts'
export {
  KafkaJSAggregateError,
  KafkaJSAlterPartitionReassignmentsError,
  KafkaJSBrokerNotFound,
  KafkaJSConnectionClosedError,
  KafkaJSConnectionError,
  KafkaJSCreateTopicError,
  KafkaJSDeleteGroupsError,
  KafkaJSDeleteTopicRecordsError,
  KafkaJSError,
  KafkaJSFetcherRebalanceError,
  KafkaJSGroupCoordinatorNotFound,
  KafkaJSInvalidLongError,
  KafkaJSInvalidVarIntError,
  KafkaJSInvariantViolation,
  KafkaJSLockTimeout,
  KafkaJSMemberIdRequired,
  KafkaJSMetadataNotLoaded,
  KafkaJSNoBrokerAvailableError,
  KafkaJSNonRetriableError,
  KafkaJSNotImplemented,
  KafkaJSNumberOfRetriesExceeded,
  KafkaJSOffsetOutOfRange,
  KafkaJSPartialMessageError,
  KafkaJSProtocolError,
  KafkaJSRequestTimeoutError,
  KafkaJSSASLAuthenticationError,
  KafkaJSServerDoesNotSupportApiKey,
  KafkaJSStaleTopicMetadataAssignment,
  KafkaJSTimeout,
  KafkaJSTopicMetadataNotLoaded,
  KafkaJSUnsupportedMagicByteInMessageSet,
} from './errors.ts'
export type {
  ConnectEvent,
  DisconnectEvent,
  InstrumentationEvent,
  ProducerEvents,
  RemoveInstrumentationEventListener,
  RequestEvent,
  RequestQueueSizeEvent,
  RequestTimeoutEvent,
} from './events.ts'
export { Kafka } from './kafka.ts'
export {
  type LogEntry,
  type Logger,
  type LoggerEntryContent,
  type logCreator,
  logLevel,
} from './logger.ts'
export type {
  FailedMessage,
  IHeaders,
  Message,
  RecordMetadata,
  TopicMessages,
} from './message.ts'
export {
  type DefaultPartitioner,
  type ICustomPartitioner,
  type LegacyPartitioner,
  type PartitionerArgs,
  Partitioners,
  type PartitionMetadata,
} from './partitioners.ts'
export type {
  Offsets,
  PartitionOffset,
  Producer,
  ProducerBatch,
  ProducerRecord,
  TopicOffsets,
  Transaction,
} from './producer-types.ts'
export type {
  ISocketFactory,
  ISocketFactoryArgs,
  OauthbearerProviderResponse,
  SASLOptions,
} from './security.ts'
