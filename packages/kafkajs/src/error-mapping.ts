// Converts errors of millrace to those of kafkajs; every rejection of the adapter must pass here. A
// retriable error whose retries are exhausted becomes KafkaJSNumberOfRetriesExceeded with the
// reason as `cause`; other errors become kafkajs's class for them. The last `cause` is millrace's
// KafkaError. Callers: producer.ts, sender.ts, and transaction.ts.

import { types } from 'node:util'
import { KafkaError, printableText } from 'millrace'
import {
  KafkaJSConnectionClosedError,
  KafkaJSConnectionError,
  KafkaJSError,
  KafkaJSInvariantViolation,
  KafkaJSNonRetriableError,
  KafkaJSNumberOfRetriesExceeded,
  KafkaJSProtocolError,
  KafkaJSRequestTimeoutError,
  KafkaJSSASLAuthenticationError,
  KafkaJSServerDoesNotSupportApiKey,
  KafkaJSTopicMetadataNotLoaded,
  refused,
} from './errors.ts'
import { describeProtocolError } from './original.ts'
import type { ProtocolErrorFields } from './own-errors.ts'

/** Facts about the producer that the error comes from. */
export interface ErrorFacts {
  /** The number of retries of the producer. */
  readonly retries: number
  /** kafkajs's name for the SASL mechanism in use. */
  readonly mechanism?: string | undefined
}

/** Errors that have another name in kafkajs, by their numbers. */
const kafkajsNames: Readonly<Record<number, string>> = {
  [-1]: 'UNKNOWN',
  6: 'NOT_LEADER_FOR_PARTITION',
  14: 'GROUP_LOAD_IN_PROGRESS',
  15: 'GROUP_COORDINATOR_NOT_AVAILABLE',
  16: 'NOT_COORDINATOR_FOR_GROUP',
  47: 'INVALID_PRODUCER_EPOCH',
}

/**
 * Error numbers that kafkajs never receives: brokers return the older number to the request
 * versions that kafkajs sends. A program that detects a fenced producer by number or type knows
 * only the older one.
 */
const olderCodes: Readonly<Record<number, number>> = { 90: 47 }

/**
 * The beginnings of Kafka's own messages, for programs that compare messages; used without kafkajs.
 */
const knownMessages: Readonly<Record<number, string>> = {
  3: 'This server does not host this topic-partition',
  17: 'The request attempted to perform an operation on an invalid topic',
  47: 'Producer attempted an operation with an old epoch',
}

type Cause = { cause?: unknown }

const withCause = <Of extends Error>(error: Of, cause: unknown): Of => {
  const target: Cause = error
  target.cause = cause
  return error
}

const descriptionOf = (error: KafkaError, code: number, name: string): ProtocolErrorFields => {
  const description = describeProtocolError(code)
  // kafkajs describes a code that it does not know as UNKNOWN.
  if (description !== undefined && description.code === code) return description
  const known = knownMessages[code]
  return {
    message: known === undefined ? error.message : `${known}: ${error.message}`,
    type: kafkajsNames[code] ?? name,
    code,
    retriable: error.retriable,
  }
}

const protocolError = (error: KafkaError, code: number, name: string): KafkaJSProtocolError => {
  const description = descriptionOf(error, olderCodes[code] ?? code, name)
  return withCause(new KafkaJSProtocolError(description, { retriable: error.retriable }), error)
}

/** kafkajs wraps a non-retriable error of a topic's metadata in this class. */
const nonRetriable = (reason: KafkaJSProtocolError): KafkaJSNonRetriableError =>
  new KafkaJSNonRetriableError(reason, { cause: reason })

/** The error for a topic name that Kafka does not permit: the error that brokers return. */
export const invalidTopicError = (topic: string): KafkaJSNonRetriableError => {
  const message = `topic must have 1 to 249 of the characters a-z A-Z 0-9 . _ -, got "${topic}"`
  const error = new KafkaError('BROKER_REJECTED', message, { topic, brokerCode: 17 })
  return nonRetriable(protocolError(error, 17, 'INVALID_TOPIC_EXCEPTION'))
}

/** The chain of causes: millrace's errors, and the system's error at its end if there is one. */
const chainOf = (error: KafkaError): { errors: KafkaError[]; system: Error | undefined } => {
  const errors = [error]
  let { cause } = error
  while (cause instanceof KafkaError && errors.length < 20) {
    errors.push(cause)
    cause = cause.cause
  }
  return {
    errors,
    system: types.isNativeError(cause) && !(cause instanceof KafkaError) ? cause : undefined,
  }
}

/** `host:port` of the broker if one of the errors contains it. */
const brokerOf = (errors: readonly KafkaError[]): string | undefined =>
  errors.find(({ broker }) => broker !== undefined)?.broker?.replace(/ \(.*\)$/, '')

const connectionError = (error: KafkaError): KafkaJSError => {
  const { errors, system } = chainOf(error)
  const broker = brokerOf(errors)
  const code = (system as NodeJS.ErrnoException | undefined)?.code
  const known = typeof code === 'string' ? { code } : {}
  // A system's message may have text of a certificate in it.
  const reason = printableText(system?.message ?? errors.at(-1)?.message ?? '')
  const message = `Connection error: ${reason}`
  const metadata = broker === undefined ? known : { broker, ...known }
  return withCause(new KafkaJSConnectionError(message, metadata), error)
}

const closedError = (error: KafkaError): KafkaJSError => {
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(brokerOf(chainOf(error).errors) ?? '') ?? []
  const message = `Closed connection: ${error.message}`
  return withCause(new KafkaJSConnectionClosedError(message, { host, port: Number(port) }), error)
}

const timeoutError = (error: KafkaError): KafkaJSError => {
  const { errors } = chainOf(error)
  const { elapsedMs } = error
  const api = errors.find((one) => one.api !== undefined)?.api ?? 'Produce'
  const message = `Request ${api} timed out: ${error.message}`
  const broker = brokerOf(errors)
  return withCause(
    new KafkaJSRequestTimeoutError(message, {
      ...(broker === undefined ? {} : { broker }),
      ...(elapsedMs === undefined ? {} : { pendingDuration: elapsedMs }),
    }),
    error,
  )
}

const authenticationError = (error: KafkaError, mechanism = 'SASL'): KafkaJSError => {
  // kafkajs writes SHA256 where the mechanism is called SHA-256.
  const name = mechanism.toUpperCase().replace(/^SCRAM-SHA-/, 'SCRAM SHA')
  const { errors } = chainOf(error)
  const brokerMessage = errors.find(
    ({ brokerMessage }) => brokerMessage !== undefined,
  )?.brokerMessage
  const isRejected = errors.at(-1)?.brokerError === 'UNSUPPORTED_SASL_MECHANISM'
  const message = isRejected
    ? `SASL ${name} mechanism is not supported by the server: ${errors.at(-1)?.message}`
    : `SASL ${name} authentication failed: ${brokerMessage ?? errors.at(-1)?.message}`
  return withCause(new KafkaJSSASLAuthenticationError(message), error)
}

/** The reason before it is wrapped. */
const reasonOf = (error: KafkaError, facts: ErrorFacts): KafkaJSError => {
  const { code, brokerCode, brokerError, message } = error
  // The cause of a timeout is more specific than the timeout.
  if (/(^|_)TIMEOUT$/.test(code) && brokerCode === undefined && error.cause instanceof KafkaError) {
    return reasonOf(error.cause, facts)
  }
  switch (code) {
    case 'AUTHENTICATION_FAILED':
      return authenticationError(error, facts.mechanism)
    case 'UNSUPPORTED_VERSION': {
      const known = error.api === undefined ? {} : { apiName: error.api }
      return withCause(new KafkaJSServerDoesNotSupportApiKey(message, known), error)
    }
    case 'INTERNAL':
      return withCause(new KafkaJSInvariantViolation(error), error)
  }
  if (brokerCode !== undefined) return protocolError(error, brokerCode, brokerError ?? code)
  switch (code) {
    case 'UNKNOWN_TOPIC':
    case 'UNKNOWN_PARTITION':
      return protocolError(error, 3, 'UNKNOWN_TOPIC_OR_PARTITION')
    case 'RECORD_TOO_LARGE':
      return protocolError(error, 10, 'MESSAGE_TOO_LARGE')
    case 'FENCED':
      return protocolError(error, 90, 'PRODUCER_FENCED')
    case 'CONNECTION_FAILED':
    case 'TLS_FAILED':
      return connectionError(error)
    case 'CONNECTION_LOST':
      return closedError(error)
    case 'REQUEST_TIMEOUT':
    case 'TIMEOUT':
    case 'DELIVERY_TIMEOUT':
      return timeoutError(error)
    case 'METADATA_TIMEOUT': {
      const known = error.topic === undefined ? {} : { topic: error.topic }
      const text = `Topic metadata not loaded: ${message}`
      return withCause(new KafkaJSTopicMetadataNotLoaded(text, known), error)
    }
  }
  return error.retriable
    ? new KafkaJSError(message, { cause: error })
    : new KafkaJSNonRetriableError(message, { cause: error })
}

/** The error with which kafkajs rejects after its last attempt. */
export const retriesExceeded = (
  reason: Error,
  retryCount: number,
  retryTime: number,
): KafkaJSNumberOfRetriesExceeded =>
  new KafkaJSNumberOfRetriesExceeded(reason, { retryCount, retryTime })

/** Converts what millrace or a user's function threw to the error of the kafkajs call. */
export const toKafkaJSError = (thrown: unknown, facts: ErrorFacts): Error => {
  if (!(thrown instanceof KafkaError)) {
    if (thrown instanceof KafkaJSError) return thrown
    const error = types.isNativeError(thrown) ? thrown : new Error(String(thrown))
    return refused(error.message, error)
  }
  const reason = reasonOf(thrown, facts)
  const isExhausted = thrown.retriable || thrown.code === 'TLS_FAILED'
  // A full buffer is not retried: the call itself has too many records.
  const wasRetried = isExhausted && !thrown.code.startsWith('BUFFER_') && reason.retriable
  if (!wasRetried) {
    const isOfMetadata = thrown.api === 'Metadata' && reason instanceof KafkaJSProtocolError
    return isOfMetadata ? nonRetriable(reason) : reason
  }
  const { attempts, elapsedMs = 0 } = thrown
  return retriesExceeded(reason, attempts === undefined ? facts.retries : attempts - 1, elapsedMs)
}
