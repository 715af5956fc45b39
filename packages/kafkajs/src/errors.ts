// The error classes that the package exports. If kafkajs is installed, they are kafkajs's own, so
// that errors of consumers, admin clients, and producers are instances of the same classes;
// otherwise they are those of own-errors.ts, with the same shape. Callers: every file that throws
// or checks errors. A message of another file may have text of the program in it only through
// `refused`, which escapes and cuts it.

import { printableText } from 'millrace'
import { originalErrors } from './original.ts'
import * as own from './own-errors.ts'

const classes: typeof own = { ...own, ...originalErrors() }

/** Several errors as one. */
export type KafkaJSAggregateError = own.KafkaJSAggregateError
/** An error of kafkajs's admin client. */
export type KafkaJSAlterPartitionReassignmentsError = own.KafkaJSAlterPartitionReassignmentsError
/** No broker with this node id is known. */
export type KafkaJSBrokerNotFound = own.KafkaJSBrokerNotFound
/** A connection was closed while it was in use. */
export type KafkaJSConnectionClosedError = own.KafkaJSConnectionClosedError
/** A broker can't be reached. */
export type KafkaJSConnectionError = own.KafkaJSConnectionError
/** An error of kafkajs's admin client. */
export type KafkaJSCreateTopicError = own.KafkaJSCreateTopicError
/** An error of kafkajs's admin client. */
export type KafkaJSDeleteGroupsError = own.KafkaJSDeleteGroupsError
/** An error of kafkajs's admin client. */
export type KafkaJSDeleteTopicRecordsError = own.KafkaJSDeleteTopicRecordsError
/** The base class of every other error of this package. */
export type KafkaJSError = own.KafkaJSError
/** An error of kafkajs's consumers. */
export type KafkaJSFetcherRebalanceError = own.KafkaJSFetcherRebalanceError
/** No coordinator is available now. */
export type KafkaJSGroupCoordinatorNotFound = own.KafkaJSGroupCoordinatorNotFound
/** A number is not a 64-bit integer. */
export type KafkaJSInvalidLongError = own.KafkaJSInvalidLongError
/** Bytes of a response are not an integer. */
export type KafkaJSInvalidVarIntError = own.KafkaJSInvalidVarIntError
/** A defect: please report it. */
export type KafkaJSInvariantViolation = own.KafkaJSInvariantViolation
/** An error of kafkajs's own locks; this package never creates one. */
export type KafkaJSLockTimeout = own.KafkaJSLockTimeout
/** An error of kafkajs's consumers. */
export type KafkaJSMemberIdRequired = own.KafkaJSMemberIdRequired
/** No metadata has been received yet. */
export type KafkaJSMetadataNotLoaded = own.KafkaJSMetadataNotLoaded
/** No broker can be reached. */
export type KafkaJSNoBrokerAvailableError = own.KafkaJSNoBrokerAvailableError
/** A repeated call would fail again: mostly a wrong configuration or argument. */
export type KafkaJSNonRetriableError = own.KafkaJSNonRetriableError
/** A part of kafkajs that this package does not have. */
export type KafkaJSNotImplemented = own.KafkaJSNotImplemented
/** The retries are exhausted; `cause` is the last error. */
export type KafkaJSNumberOfRetriesExceeded = own.KafkaJSNumberOfRetriesExceeded
/** An error of kafkajs's consumers. */
export type KafkaJSOffsetOutOfRange = own.KafkaJSOffsetOutOfRange
/** An error of kafkajs's consumers. */
export type KafkaJSPartialMessageError = own.KafkaJSPartialMessageError
/** A broker returned an error; `type` and `code` are Kafka's. */
export type KafkaJSProtocolError = own.KafkaJSProtocolError
/** A broker did not respond in time. */
export type KafkaJSRequestTimeoutError = own.KafkaJSRequestTimeoutError
/** The credentials are wrong, or the broker does not offer the mechanism. */
export type KafkaJSSASLAuthenticationError = own.KafkaJSSASLAuthenticationError
/** The broker is too old for the request. */
export type KafkaJSServerDoesNotSupportApiKey = own.KafkaJSServerDoesNotSupportApiKey
/** An error of kafkajs's consumers. */
export type KafkaJSStaleTopicMetadataAssignment = own.KafkaJSStaleTopicMetadataAssignment
/** A time limit was exceeded. */
export type KafkaJSTimeout = own.KafkaJSTimeout
/** No metadata of the topic has been received yet. */
export type KafkaJSTopicMetadataNotLoaded = own.KafkaJSTopicMetadataNotLoaded
/** An error of kafkajs's consumers. */
export type KafkaJSUnsupportedMagicByteInMessageSet = own.KafkaJSUnsupportedMagicByteInMessageSet

export const {
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
} = classes

/** The error for a call or a configuration that would fail again. */
export const refused = (message: string, cause?: unknown): own.KafkaJSNonRetriableError =>
  new KafkaJSNonRetriableError(printableText(message), cause === undefined ? {} : { cause })
