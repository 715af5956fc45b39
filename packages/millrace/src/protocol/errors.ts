// Owns the table of errors that brokers return: Kafka's number and name, whether Kafka's clients
// retry, and the KafkaError that they become. Callers: net/, cluster-client/, engine/ and the
// in-process cluster. The caller may override `kind`: the engine handles some errors of Produce
// itself (sequence errors, splitting), and the rows apply to errors that reach the user. Invariant:
// numbers, names and retries are those of the kafka-clients jar, which a test compares.

import { assert } from '../runtime/assert.ts'
import { printableText } from '../runtime/printable-text.ts'
import type { ErrorCode, ErrorContext, ErrorKind, Persisted } from './kafka-error.ts'
import { KafkaError } from './kafka-error.ts'

interface ErrorClass {
  /** Kafka's own clients retry. */
  readonly retriable: boolean
  readonly kind: ErrorKind
  readonly code: ErrorCode
}

/** The KafkaError that each row becomes. */
const errorClasses = {
  none: { retriable: false, kind: 'fatal', code: 'INTERNAL' },
  retriable: { retriable: true, kind: 'retriable', code: 'BROKER_UNAVAILABLE' },
  /** Kafka's clients do not retry, but the cause is temporary. */
  transient: { retriable: false, kind: 'retriable', code: 'BROKER_UNAVAILABLE' },
  topic: { retriable: true, kind: 'retriable', code: 'UNKNOWN_TOPIC' },
  timeout: { retriable: true, kind: 'retriable', code: 'REQUEST_TIMEOUT' },
  connectionLost: { retriable: true, kind: 'retriable', code: 'CONNECTION_LOST' },
  rejected: { retriable: false, kind: 'rejected', code: 'BROKER_REJECTED' },
  tooLarge: { retriable: false, kind: 'rejected', code: 'RECORD_TOO_LARGE' },
  forbidden: { retriable: false, kind: 'rejected', code: 'AUTHORIZATION_FAILED' },
  /** The group is not authorized: the transaction can be aborted. */
  forbiddenGroup: { retriable: false, kind: 'abortable', code: 'AUTHORIZATION_FAILED' },
  /** The producer is not authorized at all. */
  forbiddenAll: { retriable: false, kind: 'fatal', code: 'AUTHORIZATION_FAILED' },
  unauthenticated: { retriable: false, kind: 'refused', code: 'AUTHENTICATION_FAILED' },
  version: { retriable: false, kind: 'refused', code: 'UNSUPPORTED_VERSION' },
  abort: { retriable: false, kind: 'abortable', code: 'BROKER_REJECTED' },
  aborted: { retriable: false, kind: 'abortable', code: 'TRANSACTION_ABORTED' },
  fenced: { retriable: false, kind: 'fatal', code: 'FENCED' },
  fatal: { retriable: false, kind: 'fatal', code: 'BROKER_REJECTED' },
  option: { retriable: false, kind: 'usage', code: 'INVALID_OPTION' },
} as const satisfies Record<string, ErrorClass>

type Row = readonly [
  number: number,
  name: string,
  errorClass: keyof typeof errorClasses,
  text: string,
]

const rows = [
  [-1, 'UNKNOWN_SERVER_ERROR', 'rejected', 'the broker failed in a way that it did not expect'],
  [0, 'NONE', 'none', 'no error'],
  [1, 'OFFSET_OUT_OF_RANGE', 'rejected', 'the partition does not hold this offset'],
  [2, 'CORRUPT_MESSAGE', 'retriable', 'the records arrived damaged'],
  [3, 'UNKNOWN_TOPIC_OR_PARTITION', 'topic', 'the broker does not have this topic or partition'],
  [4, 'INVALID_FETCH_SIZE', 'rejected', 'the size to fetch is not valid'],
  [5, 'LEADER_NOT_AVAILABLE', 'retriable', 'the partition has no leader at the moment'],
  [6, 'NOT_LEADER_OR_FOLLOWER', 'retriable', 'another broker leads the partition'],
  [7, 'REQUEST_TIMED_OUT', 'timeout', 'the broker ran out of time'],
  [8, 'BROKER_NOT_AVAILABLE', 'transient', 'the broker is not available'],
  [9, 'REPLICA_NOT_AVAILABLE', 'retriable', 'the replica is not available'],
  [10, 'MESSAGE_TOO_LARGE', 'tooLarge', "the batch is larger than the topic's max.message.bytes"],
  [11, 'STALE_CONTROLLER_EPOCH', 'rejected', 'the controller has moved'],
  [12, 'OFFSET_METADATA_TOO_LARGE', 'rejected', 'the metadata of the offset is too large'],
  [13, 'NETWORK_EXCEPTION', 'connectionLost', 'the connection broke before the response'],
  [14, 'COORDINATOR_LOAD_IN_PROGRESS', 'retriable', 'the coordinator is still loading its state'],
  [15, 'COORDINATOR_NOT_AVAILABLE', 'retriable', 'there is no coordinator at the moment'],
  [16, 'NOT_COORDINATOR', 'retriable', 'another broker is the coordinator'],
  [17, 'INVALID_TOPIC_EXCEPTION', 'rejected', 'the topic has a name that is not allowed'],
  [18, 'RECORD_LIST_TOO_LARGE', 'tooLarge', "the batch is larger than the topic's segment.bytes"],
  [19, 'NOT_ENOUGH_REPLICAS', 'retriable', 'fewer replicas are in sync than min.insync.replicas'],
  [20, 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'retriable', 'written, but to too few replicas in sync'],
  [21, 'INVALID_REQUIRED_ACKS', 'rejected', 'acks has a value that Kafka does not know'],
  [22, 'ILLEGAL_GENERATION', 'abort', 'the group is in another generation'],
  [23, 'INCONSISTENT_GROUP_PROTOCOL', 'rejected', 'the member shares no protocol with its group'],
  [24, 'INVALID_GROUP_ID', 'rejected', 'the group id is not valid'],
  [25, 'UNKNOWN_MEMBER_ID', 'abort', 'the group does not know this member'],
  [26, 'INVALID_SESSION_TIMEOUT', 'rejected', "the session timeout is outside the broker's bounds"],
  [27, 'REBALANCE_IN_PROGRESS', 'abort', 'the group is rebalancing'],
  [28, 'INVALID_COMMIT_OFFSET_SIZE', 'rejected', 'the offsets to commit are too large'],
  [29, 'TOPIC_AUTHORIZATION_FAILED', 'forbidden', 'no right to use this topic'],
  [30, 'GROUP_AUTHORIZATION_FAILED', 'forbiddenGroup', 'no right to use this group'],
  [31, 'CLUSTER_AUTHORIZATION_FAILED', 'forbiddenAll', 'no right to do this in the cluster'],
  [32, 'INVALID_TIMESTAMP', 'rejected', 'a timestamp is outside what the topic allows'],
  [
    33,
    'UNSUPPORTED_SASL_MECHANISM',
    'unauthenticated',
    'the broker does not offer this SASL mechanism',
  ],
  [34, 'ILLEGAL_SASL_STATE', 'unauthenticated', 'the request does not fit the state of SASL'],
  [35, 'UNSUPPORTED_VERSION', 'version', 'the broker does not serve this version of the request'],
  [36, 'TOPIC_ALREADY_EXISTS', 'rejected', 'the topic exists already'],
  [37, 'INVALID_PARTITIONS', 'rejected', 'the number of partitions is not valid'],
  [38, 'INVALID_REPLICATION_FACTOR', 'rejected', 'the replication factor is not possible here'],
  [39, 'INVALID_REPLICA_ASSIGNMENT', 'rejected', 'the assignment of replicas is not valid'],
  [40, 'INVALID_CONFIG', 'rejected', 'a setting is not valid'],
  [41, 'NOT_CONTROLLER', 'retriable', 'another node is the controller'],
  [42, 'INVALID_REQUEST', 'rejected', 'the broker finds the request wrong'],
  [43, 'UNSUPPORTED_FOR_MESSAGE_FORMAT', 'rejected', "the topic's record format can't do this"],
  [44, 'POLICY_VIOLATION', 'rejected', 'a policy of the broker forbids it'],
  [45, 'OUT_OF_ORDER_SEQUENCE_NUMBER', 'rejected', 'the broker misses batches before this one'],
  [46, 'DUPLICATE_SEQUENCE_NUMBER', 'rejected', 'the broker has had this batch before'],
  [47, 'INVALID_PRODUCER_EPOCH', 'fenced', "the producer's epoch is older than the broker knows"],
  [48, 'INVALID_TXN_STATE', 'fatal', 'the transaction is not in a state for this'],
  [
    49,
    'INVALID_PRODUCER_ID_MAPPING',
    'fatal',
    'the broker does not know this producer id, or not for this transactional id',
  ],
  [50, 'INVALID_TRANSACTION_TIMEOUT', 'option', 'above transaction.max.timeout.ms of the broker'],
  [51, 'CONCURRENT_TRANSACTIONS', 'retriable', 'the transaction before is still being ended'],
  [52, 'TRANSACTION_COORDINATOR_FENCED', 'fatal', 'the coordinator was replaced by another'],
  [53, 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'forbiddenAll', 'no right to the transactional id'],
  [54, 'SECURITY_DISABLED', 'rejected', 'the broker has no security switched on'],
  [55, 'OPERATION_NOT_ATTEMPTED', 'abort', 'not tried, because another part of the request failed'],
  [56, 'KAFKA_STORAGE_ERROR', 'retriable', "a disk of the broker's failed"],
  [57, 'LOG_DIR_NOT_FOUND', 'rejected', 'the broker has no such log directory'],
  [
    58,
    'SASL_AUTHENTICATION_FAILED',
    'unauthenticated',
    'the broker does not accept the credentials',
  ],
  [59, 'UNKNOWN_PRODUCER_ID', 'rejected', 'the broker has forgotten this producer'],
  [60, 'REASSIGNMENT_IN_PROGRESS', 'rejected', 'the partition is being moved'],
  [
    61,
    'DELEGATION_TOKEN_AUTH_DISABLED',
    'rejected',
    'the broker has delegation tokens switched off',
  ],
  [62, 'DELEGATION_TOKEN_NOT_FOUND', 'rejected', 'the broker does not have this token'],
  [63, 'DELEGATION_TOKEN_OWNER_MISMATCH', 'rejected', 'the token belongs to another'],
  [64, 'DELEGATION_TOKEN_REQUEST_NOT_ALLOWED', 'rejected', 'no tokens on this kind of connection'],
  [65, 'DELEGATION_TOKEN_AUTHORIZATION_FAILED', 'forbidden', 'no right to this token'],
  [66, 'DELEGATION_TOKEN_EXPIRED', 'rejected', 'the token has expired'],
  [67, 'INVALID_PRINCIPAL_TYPE', 'rejected', 'the kind of principal is not supported'],
  [68, 'NON_EMPTY_GROUP', 'rejected', 'the group has members'],
  [69, 'GROUP_ID_NOT_FOUND', 'rejected', 'there is no such group'],
  [70, 'FETCH_SESSION_ID_NOT_FOUND', 'retriable', 'the fetch session is gone'],
  [71, 'INVALID_FETCH_SESSION_EPOCH', 'retriable', 'the fetch session is in another epoch'],
  [72, 'LISTENER_NOT_FOUND', 'retriable', 'the leader does not have this listener'],
  [73, 'TOPIC_DELETION_DISABLED', 'rejected', 'the cluster does not let topics be deleted'],
  [74, 'FENCED_LEADER_EPOCH', 'retriable', 'the partition has a newer leader'],
  [75, 'UNKNOWN_LEADER_EPOCH', 'retriable', 'the broker does not know of this leader yet'],
  [76, 'UNSUPPORTED_COMPRESSION_TYPE', 'rejected', 'the broker does not take this compression'],
  [77, 'STALE_BROKER_EPOCH', 'rejected', 'the broker has restarted since'],
  [78, 'OFFSET_NOT_AVAILABLE', 'retriable', 'the new leader does not know its high watermark yet'],
  [79, 'MEMBER_ID_REQUIRED', 'rejected', 'the member must join with the id it was given'],
  [80, 'PREFERRED_LEADER_NOT_AVAILABLE', 'retriable', 'the preferred leader is not available'],
  [81, 'GROUP_MAX_SIZE_REACHED', 'rejected', 'the group is full'],
  [82, 'FENCED_INSTANCE_ID', 'abort', 'another member took over the group instance id'],
  [83, 'ELIGIBLE_LEADERS_NOT_AVAILABLE', 'retriable', 'no replica may lead the partition'],
  [84, 'ELECTION_NOT_NEEDED', 'retriable', 'the partition needs no election'],
  [85, 'NO_REASSIGNMENT_IN_PROGRESS', 'rejected', 'the partition is not being moved'],
  [86, 'GROUP_SUBSCRIBED_TO_TOPIC', 'rejected', 'the group still reads the topic'],
  [87, 'INVALID_RECORD', 'rejected', 'a record did not pass the checks of the broker'],
  [88, 'UNSTABLE_OFFSET_COMMIT', 'retriable', 'a transaction has offsets that are not settled yet'],
  [89, 'THROTTLING_QUOTA_EXCEEDED', 'retriable', 'a quota is used up for now'],
  [90, 'PRODUCER_FENCED', 'fenced', 'a newer producer has this transactional id'],
  [91, 'RESOURCE_NOT_FOUND', 'rejected', 'the request names something that does not exist'],
  [92, 'DUPLICATE_RESOURCE', 'rejected', 'the request names the same thing twice'],
  [93, 'UNACCEPTABLE_CREDENTIAL', 'rejected', 'the credential is not good enough'],
  [94, 'INCONSISTENT_VOTER_SET', 'rejected', 'sender or receiver is not one of the voters'],
  [95, 'INVALID_UPDATE_VERSION', 'rejected', 'the version of the update is not valid'],
  [96, 'FEATURE_UPDATE_FAILED', 'rejected', "the cluster's features could not be changed"],
  [
    97,
    'PRINCIPAL_DESERIALIZATION_FAILURE',
    'rejected',
    'the controller could not read the principal',
  ],
  [98, 'SNAPSHOT_NOT_FOUND', 'rejected', 'there is no such snapshot'],
  [99, 'POSITION_OUT_OF_RANGE', 'rejected', 'the snapshot does not have this position'],
  [100, 'UNKNOWN_TOPIC_ID', 'topic', 'the broker does not have a topic of this id'],
  [101, 'DUPLICATE_BROKER_REGISTRATION', 'rejected', 'another broker has this id'],
  [102, 'BROKER_ID_NOT_REGISTERED', 'rejected', 'no broker has registered with this id'],
  [103, 'INCONSISTENT_TOPIC_ID', 'topic', 'the topic has another id by now'],
  [104, 'INCONSISTENT_CLUSTER_ID', 'rejected', 'the request is for another cluster'],
  [
    105,
    'TRANSACTIONAL_ID_NOT_FOUND',
    'rejected',
    'the coordinator does not have this transactional id',
  ],
  [106, 'FETCH_SESSION_TOPIC_ID_ERROR', 'retriable', 'the fetch session mixes topic names and ids'],
  [107, 'INELIGIBLE_REPLICA', 'rejected', 'a replica that may not be in sync was named'],
  [108, 'NEW_LEADER_ELECTED', 'rejected', 'the change was made, and the leader is another now'],
  [109, 'OFFSET_MOVED_TO_TIERED_STORAGE', 'rejected', 'the offset is in tiered storage'],
  [110, 'FENCED_MEMBER_EPOCH', 'abort', 'the group has fenced this member'],
  [111, 'UNRELEASED_INSTANCE_ID', 'rejected', 'another member still has this instance id'],
  [112, 'UNSUPPORTED_ASSIGNOR', 'rejected', 'the group does not support this assignor'],
  [113, 'STALE_MEMBER_EPOCH', 'abort', "the member's epoch is older than the group's"],
  [114, 'MISMATCHED_ENDPOINT_TYPE', 'rejected', 'the request went to the wrong kind of endpoint'],
  [115, 'UNSUPPORTED_ENDPOINT_TYPE', 'rejected', 'the kind of endpoint is not supported'],
  [116, 'UNKNOWN_CONTROLLER_ID', 'rejected', 'no controller has this id'],
  [117, 'UNKNOWN_SUBSCRIPTION_ID', 'rejected', 'the telemetry subscription has changed'],
  [118, 'TELEMETRY_TOO_LARGE', 'rejected', 'the telemetry is larger than the broker takes'],
  [119, 'INVALID_REGISTRATION', 'rejected', 'the controller rejects the registration'],
  [120, 'TRANSACTION_ABORTABLE', 'aborted', 'the transaction failed and must be aborted'],
  [121, 'INVALID_RECORD_STATE', 'rejected', 'the record is not in a state for this'],
  [122, 'SHARE_SESSION_NOT_FOUND', 'retriable', 'the share session is gone'],
  [123, 'INVALID_SHARE_SESSION_EPOCH', 'retriable', 'the share session is in another epoch'],
  [124, 'FENCED_STATE_EPOCH', 'rejected', 'the state has another epoch'],
  [125, 'INVALID_VOTER_KEY', 'rejected', "the key is not the voter's"],
  [126, 'DUPLICATE_VOTER', 'rejected', 'the voter is one already'],
  [127, 'VOTER_NOT_FOUND', 'rejected', 'there is no such voter'],
  [128, 'INVALID_REGULAR_EXPRESSION', 'rejected', 'the regular expression is not valid'],
  [129, 'REBOOTSTRAP_REQUIRED', 'transient', 'what is known of the cluster is out of date'],
  [130, 'STREAMS_INVALID_TOPOLOGY', 'rejected', 'the topology is not valid'],
  [131, 'STREAMS_INVALID_TOPOLOGY_EPOCH', 'rejected', 'the epoch of the topology is not valid'],
  [132, 'STREAMS_TOPOLOGY_FENCED', 'rejected', 'the topology has a newer epoch'],
  [133, 'SHARE_SESSION_LIMIT_REACHED', 'retriable', 'the broker has no share session left'],
  [134, 'GROUP_DELETION_FAILED', 'rejected', 'the group could not be deleted'],
  [135, 'STREAMS_TOPOLOGY_DESCRIPTION_UPDATE_FAILED', 'rejected', 'the topology was not described'],
  [136, 'CONTROLLER_ID_NOT_REGISTERED', 'rejected', 'no controller has registered with this id'],
] as const satisfies readonly Row[]

type Rows = (typeof rows)[number]

/** Kafka's name of an error. */
export type BrokerErrorName = Rows[1]

/** Kafka's number of each error, by name: `errorNumber.NOT_LEADER_OR_FOLLOWER` is 6. */
export const errorNumber = Object.fromEntries(rows.map(([number, name]) => [name, number])) as {
  readonly [Entry in Rows as Entry[1]]: Entry[0]
}

/**
 * After these errors of Produce it is unknown whether the records are in the log: the broker timed
 * out waiting for replicas, failed during the write, or does not say.
 */
const openOutcomes: ReadonlySet<number> = new Set([
  errorNumber.UNKNOWN_SERVER_ERROR,
  errorNumber.REQUEST_TIMED_OUT,
  errorNumber.NETWORK_EXCEPTION,
  errorNumber.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  errorNumber.KAFKA_STORAGE_ERROR,
])

export interface BrokerErrorEntry {
  readonly number: number
  /** Kafka's name; `UNKNOWN(n)` for a number that this table does not contain. */
  readonly name: string
  /** Kafka's own clients retry. */
  readonly retriable: boolean
  /** What the caller can do, unless the context says otherwise. */
  readonly kind: ErrorKind
  readonly code: ErrorCode
  /** Whether records of the request may be in the log. */
  readonly persisted: Persisted
  /** The meaning, as a clause of the message. */
  readonly text: string
}

/** Every error of Kafka 4.4 by number, including 0. */
export const brokerErrors: ReadonlyMap<number, BrokerErrorEntry> = new Map(
  rows.map(([number, name, errorClass, text]) => [
    number,
    {
      number,
      name,
      ...errorClasses[errorClass],
      persisted: openOutcomes.has(number) ? 'maybe' : 'no',
      text,
    },
  ]),
)

/**
 * The entry of a number. An unknown number counts as rejected, and the record may be in the log.
 */
export const brokerErrorEntry = (number: number): BrokerErrorEntry =>
  brokerErrors.get(number) ?? {
    number,
    name: `UNKNOWN(${number})`,
    ...errorClasses.rejected,
    persisted: 'maybe',
    text: 'the broker returned an error that is not known here',
  }

/** True if Kafka's own clients retry. */
export const isRetriable = (number: number): boolean => brokerErrorEntry(number).retriable

const subjectOf = ({ api, topic, partition, broker }: ErrorContext): string => {
  const where =
    topic === undefined
      ? ''
      : ` ${printableText(topic)}${partition === undefined ? '' : `[${partition}]`}`
  const at = broker === undefined ? '' : ` at ${printableText(broker)}`
  return `${api ?? 'The request'}${where} failed${at}`
}

/**
 * The error for a broker's error number. `context` says where it happened, and overrides `kind` and
 * `persisted` of the table.
 */
export const brokerError = (number: number, context: ErrorContext = {}): KafkaError => {
  assert(
    number !== errorNumber.NONE,
    'brokerError must be called with an error number, got 0 (NONE)',
  )
  const { name, kind, code, persisted, text } = brokerErrorEntry(number)
  const brokerMessage = context.brokerMessage && printableText(context.brokerMessage)
  const quoted = brokerMessage ? `; the broker says: ${brokerMessage}` : ''
  return new KafkaError(code, `${subjectOf(context)}: ${text} (${name}, ${number})${quoted}`, {
    ...context,
    brokerMessage,
    kind: context.kind ?? kind,
    persisted: context.persisted ?? persisted,
    brokerCode: number,
    brokerError: name,
  })
}
