// Errors of millrace as kafkajs would tell them. Called for every call that fails. What may pass
// was tried for as long as it may be: it arrives as KafkaJSNumberOfRetriesExceeded, with the reason
// as its `cause`; the rest arrives as itself. At the end of the chain is the KafkaError.

import { KafkaError } from 'millrace'
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
} from './errors.ts'

/** Errors that have another name in kafkajs, by their numbers. */
const kafkajsNames: Readonly<Record<number, string>> = {
  [-1]: 'UNKNOWN',
  6: 'NOT_LEADER_FOR_PARTITION',
  14: 'GROUP_LOAD_IN_PROGRESS',
  15: 'GROUP_COORDINATOR_NOT_AVAILABLE',
  16: 'NOT_COORDINATOR_FOR_GROUP',
}

const protocolError = (error: KafkaError, code: number, name: string): KafkaJSProtocolError =>
  new KafkaJSProtocolError(
    {
      message: error.message,
      type: kafkajsNames[code] ?? name,
      code,
      retriable: error.retriable,
    },
    { cause: error },
  )

/** `'ECONNREFUSED'`, where the system said something. */
const systemCode = (cause: unknown): string | undefined => {
  const code = (cause as { code?: unknown } | null | undefined)?.code
  return typeof code === 'string' && !(cause instanceof KafkaError) ? code : undefined
}

/** The reason itself, not yet wrapped. */
const reasonOf = (error: KafkaError): KafkaJSError => {
  const { code, brokerCode, brokerError, broker, message } = error
  const metadata = { cause: error, broker }
  // A wait that ended says little; what it waited for says more.
  if (/_TIMEOUT$/.test(code) && brokerCode === undefined && error.cause instanceof KafkaError) {
    return reasonOf(error.cause)
  }
  switch (code) {
    case 'AUTHENTICATION_FAILED':
      return new KafkaJSSASLAuthenticationError(message, metadata)
    case 'UNSUPPORTED_VERSION':
      return new KafkaJSServerDoesNotSupportApiKey(message, { ...metadata, apiName: error.api })
    case 'INTERNAL':
      return new KafkaJSInvariantViolation(message, metadata)
  }
  if (brokerCode !== undefined) return protocolError(error, brokerCode, brokerError ?? code)
  switch (code) {
    case 'UNKNOWN_TOPIC':
      return protocolError(error, 3, 'UNKNOWN_TOPIC_OR_PARTITION')
    case 'RECORD_TOO_LARGE':
      return protocolError(error, 10, 'MESSAGE_TOO_LARGE')
    case 'FENCED':
      return protocolError(error, 90, 'PRODUCER_FENCED')
    case 'CONNECTION_FAILED':
      return new KafkaJSConnectionError(message, { ...metadata, code: systemCode(error.cause) })
    case 'CONNECTION_LOST':
      return new KafkaJSConnectionClosedError(message, metadata)
    case 'REQUEST_TIMEOUT':
    case 'DELIVERY_TIMEOUT': {
      const { elapsedMs } = error
      const wait = elapsedMs === undefined ? {} : { pendingDuration: elapsedMs }
      return new KafkaJSRequestTimeoutError(message, { ...metadata, ...wait })
    }
    case 'METADATA_TIMEOUT':
      return new KafkaJSTopicMetadataNotLoaded(message, { ...metadata, topic: error.topic })
  }
  return error.retriable
    ? new KafkaJSError(message, metadata)
    : new KafkaJSNonRetriableError(message, metadata)
}

/** What a call of kafkajs rejects with where millrace rejects with this. */
export const toKafkaJSError = (thrown: unknown): Error => {
  if (!(thrown instanceof KafkaError)) {
    return thrown instanceof Error ? thrown : new KafkaJSNonRetriableError(String(thrown))
  }
  const reason = reasonOf(thrown)
  // A full buffer is not tried again: the call was too much.
  const wasRetried = thrown.retriable && !thrown.code.startsWith('BUFFER_') && reason.retriable
  if (!wasRetried) return reason
  return new KafkaJSNumberOfRetriesExceeded(reason, {
    retryCount: Math.max(0, (thrown.attempts ?? 1) - 1),
    retryTime: thrown.elapsedMs ?? 0,
  })
}
