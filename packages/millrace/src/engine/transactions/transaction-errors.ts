// Owns the errors of transactions: what the error of a broker means for the transaction, and the
// error that the caller gets. Callers: the classes of this folder, Delivery. Invariant: an error
// keeps the topic, the broker, the API and the error code of its cause.

import { errorNumber } from '../../protocol/errors.ts'
import { KafkaError } from '../../protocol/kafka-error.ts'

/** A rejected epoch: by the coordinator, or by the leader of a partition. */
export const rejectsEpoch = ({ brokerCode }: KafkaError): boolean =>
  brokerCode === errorNumber.PRODUCER_FENCED || brokerCode === errorNumber.INVALID_PRODUCER_EPOCH

/**
 * These errors end a producer in Kafka's own client; here an abort with a new epoch is sufficient.
 */
const recoverable: ReadonlySet<number | undefined> = new Set([
  errorNumber.INVALID_PRODUCER_ID_MAPPING,
  errorNumber.INVALID_TXN_STATE,
])

export const isRecoverable = (brokerCode: number | undefined): boolean =>
  recoverable.has(brokerCode)

export const isFatal = (error: KafkaError): boolean =>
  error.kind === 'fatal' && !isRecoverable(error.brokerCode)

/**
 * Whether a commit may have been carried out although it failed. If the coordinator reports the
 * state of the transaction, an earlier attempt without a response no longer matters.
 */
export const isCommitOutcomeUnknown = ({ persisted, brokerCode }: KafkaError): boolean =>
  persisted === 'maybe' &&
  brokerCode !== errorNumber.INVALID_TXN_STATE &&
  brokerCode !== errorNumber.TRANSACTION_ABORTABLE

export const usage = (message: string): KafkaError => new KafkaError('INVALID_STATE', message)

export const abortable = (message: string, cause: KafkaError): KafkaError =>
  new KafkaError('TRANSACTION_ABORTED', `${message}: ${cause.message}`, { ...where(cause), cause })

/** The error of records that were not sent when the caller aborts. */
export const abortedByCaller = (): KafkaError =>
  new KafkaError('TRANSACTION_ABORTED', 'The transaction was aborted', { kind: 'aborted' })

export const fencedError = (cause: KafkaError): KafkaError =>
  new KafkaError('FENCED', `Another producer took over the transactional id: ${cause.message}`, {
    ...where(cause),
    persisted: cause.persisted,
    cause,
  })

/**
 * The coordinator may have ended the transaction. After a commit no abort may follow: it could not
 * show whether the commit was carried out. Records of an abort are not committed in any case.
 */
export const endOutcomeUnknown = (cause: KafkaError, commit: boolean): KafkaError =>
  new KafkaError(
    cause.code,
    `The outcome of the ${commit ? 'commit' : 'abort'} is unknown: ${cause.message}`,
    { ...where(cause), kind: 'fatal', persisted: commit ? 'maybe' : 'no', cause },
  )

/** The error of a commit that was sent, for a caller that does not get its response. */
export const sentCommit = ({ code, kind, message, cause }: KafkaError): KafkaError =>
  new KafkaError(code, `The outcome of the commit is unknown: ${message}`, {
    kind,
    persisted: 'maybe',
    cause,
  })

/** The epoch was rejected, and the coordinator does not say which producer uses it. */
export const ownerUnknown = (rejection: KafkaError, cause: KafkaError): KafkaError =>
  new KafkaError(
    cause.code,
    `Whether another producer took over the transactional id is unknown: ${cause.message}`,
    { ...where(cause), kind: 'fatal', persisted: rejection.persisted, cause },
  )

export const timedOutError = (cause: KafkaError): KafkaError =>
  new KafkaError(
    'TRANSACTION_ABORTED',
    `The coordinator aborted the transaction, which was open for longer than ` +
      `transactionTimeoutMs: ${cause.message}`,
    { ...where(cause), cause },
  )

const where = ({ topic, partition, broker, api, brokerCode, brokerError }: KafkaError) => ({
  topic,
  partition,
  broker,
  api,
  brokerCode,
  brokerError,
})
