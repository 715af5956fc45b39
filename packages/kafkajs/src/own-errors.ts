// kafkajs's error classes, implemented here for programs without kafkajs; errors.ts chooses between
// these and kafkajs's own. Names, constructors, and fields must equal kafkajs's. error-mapping.ts
// creates the errors.

interface Metadata {
  readonly retriable?: boolean | undefined
  readonly cause?: unknown
}

/** The base class of every other error of this package. */
export class KafkaJSError extends Error {
  override readonly name: string = 'KafkaJSError'
  /** True if the same call may succeed later. */
  readonly retriable: boolean
  readonly helpUrl: string | undefined

  constructor(error: Error | string, { retriable = true, cause }: Metadata = {}) {
    super(typeof error === 'string' ? error : error.message, cause === undefined ? {} : { cause })
    this.retriable = retriable
    this.helpUrl = typeof error === 'string' ? undefined : (error as KafkaJSError).helpUrl
  }
}

/** A repeated call would fail again: mostly a wrong configuration or argument. */
export class KafkaJSNonRetriableError extends KafkaJSError {
  override readonly name: string = 'KafkaJSNonRetriableError'

  constructor(error: Error | string, { cause }: Metadata = {}) {
    super(error, { retriable: false, cause })
  }
}

/** The error that a broker returned: its number and kafkajs's name for it. */
export interface ProtocolErrorFields {
  readonly message: string
  readonly type: string
  readonly code: number
  readonly retriable: boolean
}

/** A broker returned an error; `type` and `code` are Kafka's. */
export class KafkaJSProtocolError extends KafkaJSError {
  override readonly name: string = 'KafkaJSProtocolError'
  /** `'MESSAGE_TOO_LARGE'` */
  readonly type: string
  /** Kafka's error number. */
  readonly code: number

  constructor(error: ProtocolErrorFields | Error | string, { retriable, cause }: Metadata = {}) {
    const fields = (typeof error === 'string' ? { message: error } : error) as ProtocolErrorFields
    super(fields.message, { retriable: retriable ?? fields.retriable, cause })
    this.type = fields.type
    this.code = fields.code
  }
}

/** An error of kafkajs's consumers. */
export class KafkaJSOffsetOutOfRange extends KafkaJSProtocolError {
  override readonly name: string = 'KafkaJSOffsetOutOfRange'
  readonly topic: string
  readonly partition: number

  constructor(
    error: ProtocolErrorFields | Error | string,
    place: { topic: string; partition: number },
  ) {
    super(error)
    this.topic = place.topic
    this.partition = place.partition
  }
}

/** An error of kafkajs's consumers. */
export class KafkaJSMemberIdRequired extends KafkaJSProtocolError {
  override readonly name: string = 'KafkaJSMemberIdRequired'
  readonly memberId: string

  constructor(error: ProtocolErrorFields | Error | string, { memberId }: { memberId: string }) {
    super(error)
    this.memberId = memberId
  }
}

/** An error of kafkajs's admin client. */
export class KafkaJSCreateTopicError extends KafkaJSProtocolError {
  override readonly name: string = 'KafkaJSCreateTopicError'
  readonly topic: string

  constructor(error: ProtocolErrorFields | Error | string, topic: string) {
    super(error)
    this.topic = topic
  }
}

/** An error of kafkajs's admin client. */
export class KafkaJSAlterPartitionReassignmentsError extends KafkaJSProtocolError {
  override readonly name: string = 'KafkaJSAlterPartitionReassignmentsError'
  readonly topic: string | undefined
  readonly partition: number | undefined

  constructor(error: ProtocolErrorFields | Error | string, topic?: string, partition?: number) {
    super(error)
    this.topic = topic
    this.partition = partition
  }
}

/** The retries are exhausted; `cause` is the last error. */
export class KafkaJSNumberOfRetriesExceeded extends KafkaJSNonRetriableError {
  override readonly name: string = 'KafkaJSNumberOfRetriesExceeded'
  readonly retryCount: number
  /** The time spent in milliseconds, if it is known. */
  readonly retryTime: number

  constructor(
    error: Error | string,
    { retryCount, retryTime }: { retryCount: number; retryTime: number },
  ) {
    super(error, { cause: error })
    this.retryCount = retryCount
    this.retryTime = retryTime
  }
}

interface ConnectionMetadata extends Metadata {
  readonly broker?: string | undefined
  /** The operating system's code: `'ECONNREFUSED'`. */
  readonly code?: string | undefined
}

/** A broker can't be reached. */
export class KafkaJSConnectionError extends KafkaJSError {
  override readonly name: string = 'KafkaJSConnectionError'
  readonly broker: string | undefined
  readonly code: string | undefined

  constructor(error: Error | string, { broker, code, cause }: ConnectionMetadata = {}) {
    super(error, { cause })
    this.broker = broker
    this.code = code
  }
}

/** A connection was closed while it was in use. */
export class KafkaJSConnectionClosedError extends KafkaJSConnectionError {
  override readonly name: string = 'KafkaJSConnectionClosedError'
  readonly host: string | undefined
  readonly port: number | undefined

  constructor(error: Error | string, { host, port }: { host?: string; port?: number } = {}) {
    super(error, { broker: `${host}:${port}` })
    this.host = host
    this.port = port
  }
}

interface RequestTimeoutMetadata extends Metadata {
  readonly broker?: string
  readonly clientId?: string
  readonly correlationId?: number
  readonly createdAt?: number
  readonly sentAt?: number
  readonly pendingDuration?: number
}

/** A broker did not respond in time. */
export class KafkaJSRequestTimeoutError extends KafkaJSError {
  override readonly name: string = 'KafkaJSRequestTimeoutError'
  readonly broker: string | undefined
  readonly clientId: string | undefined
  readonly correlationId: number | undefined
  readonly createdAt: number | undefined
  readonly sentAt: number | undefined
  /** How long the response was awaited, in milliseconds. */
  readonly pendingDuration: number | undefined

  constructor(error: Error | string, metadata: RequestTimeoutMetadata = {}) {
    super(error, { cause: metadata.cause })
    this.broker = metadata.broker
    this.clientId = metadata.clientId
    this.correlationId = metadata.correlationId
    this.createdAt = metadata.createdAt
    this.sentAt = metadata.sentAt
    this.pendingDuration = metadata.pendingDuration
  }
}

/** No metadata has been received yet. */
export class KafkaJSMetadataNotLoaded extends KafkaJSError {
  override readonly name: string = 'KafkaJSMetadataNotLoaded'
}

/** No metadata of the topic has been received yet. */
export class KafkaJSTopicMetadataNotLoaded extends KafkaJSMetadataNotLoaded {
  override readonly name: string = 'KafkaJSTopicMetadataNotLoaded'
  readonly topic: string | undefined

  constructor(
    error: Error | string,
    { topic, cause }: Metadata & { topic?: string | undefined } = {},
  ) {
    super(error, { cause })
    this.topic = topic
  }
}

/** An error of kafkajs's consumers. */
export class KafkaJSStaleTopicMetadataAssignment extends KafkaJSError {
  override readonly name: string = 'KafkaJSStaleTopicMetadataAssignment'
  readonly topic: string | undefined
  readonly unknownPartitions: readonly unknown[] | undefined

  constructor(
    error: Error | string,
    place: { topic?: string; unknownPartitions?: readonly unknown[] } = {},
  ) {
    super(error)
    this.topic = place.topic
    this.unknownPartitions = place.unknownPartitions
  }
}

/** An error of kafkajs's admin client. */
export class KafkaJSDeleteGroupsError extends KafkaJSError {
  override readonly name: string = 'KafkaJSDeleteGroupsError'
  readonly groups: readonly unknown[]

  constructor(error: Error | string, groups: readonly unknown[] = []) {
    super(error)
    this.groups = groups
  }
}

/** An error of kafkajs's admin client. */
export class KafkaJSDeleteTopicRecordsError extends KafkaJSError {
  override readonly name: string = 'KafkaJSDeleteTopicRecordsError'
  readonly partitions: readonly { readonly error?: KafkaJSError | null }[]

  constructor({ partitions }: { partitions: readonly { readonly error?: KafkaJSError | null }[] }) {
    const failed = partitions.filter(({ error }) => error !== undefined && error !== null)
    super('Records could not be deleted', {
      retriable: failed.every(({ error }) => error?.retriable === true),
    })
    this.partitions = partitions
  }
}

/** No broker with this node id is known. */
export class KafkaJSBrokerNotFound extends KafkaJSError {
  override readonly name: string = 'KafkaJSBrokerNotFound'
}

/** No broker can be reached. */
export class KafkaJSNoBrokerAvailableError extends KafkaJSError {
  override readonly name: string = 'KafkaJSNoBrokerAvailableError'

  constructor(error: Error | string = 'No broker is available', metadata: Metadata = {}) {
    super(error, metadata)
  }
}

/** The broker is too old for the request. */
export class KafkaJSServerDoesNotSupportApiKey extends KafkaJSNonRetriableError {
  override readonly name: string = 'KafkaJSServerDoesNotSupportApiKey'
  readonly apiKey: number | undefined
  readonly apiName: string | undefined

  constructor(
    error: Error | string,
    { apiKey, apiName, cause }: Metadata & { apiKey?: number; apiName?: string | undefined } = {},
  ) {
    super(error, { cause })
    this.apiKey = apiKey
    this.apiName = apiName
  }
}

/** An error of kafkajs's consumers. */
export class KafkaJSPartialMessageError extends KafkaJSNonRetriableError {
  override readonly name: string = 'KafkaJSPartialMessageError'
}

/** The credentials are wrong, or the broker does not offer the mechanism. */
export class KafkaJSSASLAuthenticationError extends KafkaJSNonRetriableError {
  override readonly name: string = 'KafkaJSSASLAuthenticationError'
}

/** No coordinator is available now. */
export class KafkaJSGroupCoordinatorNotFound extends KafkaJSNonRetriableError {
  override readonly name: string = 'KafkaJSGroupCoordinatorNotFound'
}

/** A part of kafkajs that this package does not have. */
export class KafkaJSNotImplemented extends KafkaJSNonRetriableError {
  override readonly name: string = 'KafkaJSNotImplemented'
}

/** A time limit was exceeded. */
export class KafkaJSTimeout extends KafkaJSNonRetriableError {
  override readonly name: string = 'KafkaJSTimeout'
}

/** An error of kafkajs's own locks; this package never creates one. */
export class KafkaJSLockTimeout extends KafkaJSTimeout {
  override readonly name: string = 'KafkaJSLockTimeout'
}

/** An error of kafkajs's consumers. */
export class KafkaJSUnsupportedMagicByteInMessageSet extends KafkaJSNonRetriableError {
  override readonly name: string = 'KafkaJSUnsupportedMagicByteInMessageSet'
}

/** A defect: please report it. */
export class KafkaJSInvariantViolation extends KafkaJSNonRetriableError {
  override readonly name: string = 'KafkaJSInvariantViolation'
}

/** Bytes of a response are not an integer. */
export class KafkaJSInvalidVarIntError extends KafkaJSNonRetriableError {}

/** A number is not a 64-bit integer. */
export class KafkaJSInvalidLongError extends KafkaJSNonRetriableError {}

/** An error of kafkajs's consumers. */
export class KafkaJSFetcherRebalanceError extends Error {}

/** Several errors as one. */
export class KafkaJSAggregateError extends Error {
  override readonly name: string = 'KafkaJSAggregateError'
  readonly errors: readonly (Error | string)[]

  constructor(message: string, errors: readonly (Error | string)[]) {
    super(message)
    this.errors = errors
  }
}
