// The error classes that the package exports: those of kafkajs where it is installed, so that an
// error of a consumer, an admin client and a producer is an instance of the same class; otherwise
// those of own-errors.ts, which look the same.

import { originalErrors } from './original.ts'
import * as own from './own-errors.ts'

const classes: typeof own = { ...own, ...originalErrors() }

/** Several errors as one. */
export type KafkaJSAggregateError = own.KafkaJSAggregateError
/** Of kafkajs's admin client. */
export type KafkaJSAlterPartitionReassignmentsError = own.KafkaJSAlterPartitionReassignmentsError
/** No broker of that id is known. */
export type KafkaJSBrokerNotFound = own.KafkaJSBrokerNotFound
/** A connection was closed while it was used. */
export type KafkaJSConnectionClosedError = own.KafkaJSConnectionClosedError
/** A broker can't be reached. */
export type KafkaJSConnectionError = own.KafkaJSConnectionError
/** Of kafkajs's admin client. */
export type KafkaJSCreateTopicError = own.KafkaJSCreateTopicError
/** Of kafkajs's admin client. */
export type KafkaJSDeleteGroupsError = own.KafkaJSDeleteGroupsError
/** Of kafkajs's admin client. */
export type KafkaJSDeleteTopicRecordsError = own.KafkaJSDeleteTopicRecordsError
/** What every other error of this package is. */
export type KafkaJSError = own.KafkaJSError
/** Of kafkajs's consumers. */
export type KafkaJSFetcherRebalanceError = own.KafkaJSFetcherRebalanceError
/** There is no coordinator now. */
export type KafkaJSGroupCoordinatorNotFound = own.KafkaJSGroupCoordinatorNotFound
/** A number is no 64-bit integer. */
export type KafkaJSInvalidLongError = own.KafkaJSInvalidLongError
/** Bytes of a response are not an integer. */
export type KafkaJSInvalidVarIntError = own.KafkaJSInvalidVarIntError
/** A defect: please report it. */
export type KafkaJSInvariantViolation = own.KafkaJSInvariantViolation
/** Of kafkajs's own locks; never made here. */
export type KafkaJSLockTimeout = own.KafkaJSLockTimeout
/** Of kafkajs's consumers. */
export type KafkaJSMemberIdRequired = own.KafkaJSMemberIdRequired
/** There is no metadata yet. */
export type KafkaJSMetadataNotLoaded = own.KafkaJSMetadataNotLoaded
/** No broker can be reached. */
export type KafkaJSNoBrokerAvailableError = own.KafkaJSNoBrokerAvailableError
/** What the same call will meet again; a wrong configuration or argument, mostly. */
export type KafkaJSNonRetriableError = own.KafkaJSNonRetriableError
/** A part of kafkajs that is not here. */
export type KafkaJSNotImplemented = own.KafkaJSNotImplemented
/** It was tried again for as long as it may be; `cause` is what went wrong the last time. */
export type KafkaJSNumberOfRetriesExceeded = own.KafkaJSNumberOfRetriesExceeded
/** Of kafkajs's consumers. */
export type KafkaJSOffsetOutOfRange = own.KafkaJSOffsetOutOfRange
/** Of kafkajs's consumers. */
export type KafkaJSPartialMessageError = own.KafkaJSPartialMessageError
/** A broker returned an error; `type` and `code` are Kafka's. */
export type KafkaJSProtocolError = own.KafkaJSProtocolError
/** A broker did not respond in time. */
export type KafkaJSRequestTimeoutError = own.KafkaJSRequestTimeoutError
/** The credentials are wrong, or the mechanism is not offered. */
export type KafkaJSSASLAuthenticationError = own.KafkaJSSASLAuthenticationError
/** The broker is too old for a request. */
export type KafkaJSServerDoesNotSupportApiKey = own.KafkaJSServerDoesNotSupportApiKey
/** Of kafkajs's consumers. */
export type KafkaJSStaleTopicMetadataAssignment = own.KafkaJSStaleTopicMetadataAssignment
/** Something took longer than allowed. */
export type KafkaJSTimeout = own.KafkaJSTimeout
/** There is no metadata of the topic yet. */
export type KafkaJSTopicMetadataNotLoaded = own.KafkaJSTopicMetadataNotLoaded
/** Of kafkajs's consumers. */
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
