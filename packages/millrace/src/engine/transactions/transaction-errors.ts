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
