// Decides what becomes of a batch after its response. Caller: Delivery. The rules:
//  1. A retriable error is retried under the same number, until the batch's deadline or its retries
//     are used up. The head of the partition goes first; nothing overtakes it.
//  2. DUPLICATE_SEQUENCE_NUMBER is success: the batch is in the log, at an unknown offset.
//  3. OUT_OF_ORDER_SEQUENCE_NUMBER behind an unsettled batch is caused by that batch: retry. On the
//     first one it means a gap: the partition restarts under a new epoch, and retries.
//  4. UNKNOWN_PRODUCER_ID: the broker lost the producer state: restart. INVALID_PRODUCER_EPOCH (a
//     newer epoch of the id is known) and INVALID_PRODUCER_ID_MAPPING: restart under a new id.
//  5. UNSUPPORTED_COMPRESSION_TYPE compresses with the topic's next codec, where there is one.
//     MESSAGE_TOO_LARGE splits a batch of several records; a single record fails.
//  6. INVALID_RECORD and INVALID_TIMESTAMP that name records (KIP-467) fail only those. A batch
//     that may be in the log fails, and so does a piece of it that the broker can't append.
//  7. In a transaction nothing restarts: a gap fails the batch, and so the transaction. A rejected
//     epoch may mean that the producer is fenced: the batch waits until that is known.
//  8. Everything else fails the batch; its number is a gap, so the partition restarts.

import { errorNumber, isRetriable } from '../../protocol/errors.ts'

export type Verdict =
  | 'delivered'
  | 'duplicate'
  /** Again, after a backoff. */
  | 'retry'
  /** Again at once, to the leader that the response named, or the current one. */
  | 'redirect'
  | 'restart'
  | 'renew'
  /** Our epoch is rejected: by a newer producer, or since the coordinator timed out. */
  | 'epochRejected'
  | 'split'
  | 'dropNamed'
  /** With another codec. */
  | 'recompress'
  | 'fail'

export interface BatchFacts {
  readonly idempotent: boolean
  readonly transactional: boolean
  /** No batch of the partition before it is unsettled. */
  readonly isFirst: boolean
  /**
   * Records that may be in the log may fail. Not with a spool: its records are delivered, if need
   * be twice.
   */
  readonly canFailInDoubt: boolean
  /** An attempt had no certain response: the batch may be in the log under its number. */
  readonly maybeWritten: boolean
  /** It is a piece of a batch that was split when it may have been in the log. */
  readonly isPieceInDoubt: boolean
  readonly recordCount: number
  /** The topic has another codec than the batch's. */
  readonly hasOtherCodec: boolean
  /** How many records the response names. */
  readonly namedCount: number
  /** The partition has another leader, as known now, than the one that responded. */
  readonly leaderMoved: boolean
}

export const judge = (error: number, facts: BatchFacts): Verdict => {
  switch (error) {
    case errorNumber.NONE:
      return 'delivered'
    case errorNumber.DUPLICATE_SEQUENCE_NUMBER:
      return 'duplicate'
    case errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER:
      if (!facts.idempotent) return 'fail'
      if (!facts.isFirst) return 'retry'
      // The whole is in the log, or there is a gap: which of them can't be known.
      if (facts.isPieceInDoubt && facts.canFailInDoubt) return 'fail'
      return facts.transactional ? 'fail' : 'restart'
    case errorNumber.UNKNOWN_PRODUCER_ID:
      return facts.idempotent && !facts.transactional ? 'restart' : 'fail'
    case errorNumber.INVALID_PRODUCER_EPOCH:
    case errorNumber.INVALID_PRODUCER_ID_MAPPING:
      if (facts.transactional) {
        return error === errorNumber.INVALID_PRODUCER_EPOCH ? 'epochRejected' : 'fail'
      }
      return facts.idempotent ? 'renew' : 'fail'
    case errorNumber.PRODUCER_FENCED:
      return facts.transactional ? 'epochRejected' : 'fail'
    case errorNumber.UNSUPPORTED_COMPRESSION_TYPE:
      return facts.hasOtherCodec ? 'recompress' : 'fail'
    case errorNumber.MESSAGE_TOO_LARGE:
      return facts.recordCount > 1 ? 'split' : 'fail'
    case errorNumber.INVALID_RECORD:
    case errorNumber.INVALID_TIMESTAMP:
      // The transaction can't be committed without them: the others need not be sent.
      if (facts.transactional) return 'fail'
      if (facts.idempotent && facts.maybeWritten && facts.canFailInDoubt) return 'fail'
      return facts.namedCount > 0 && facts.namedCount < facts.recordCount ? 'dropNamed' : 'fail'
    default:
      if (!isRetriable(error)) return 'fail'
      return facts.leaderMoved ? 'redirect' : 'retry'
  }
}

/**
 * Without transactions these do not mean fenced or lost: the producer goes on under a new id, so
 * the error of the attempt is retriable.
 */
export const renewsIdentity = (error: number): boolean =>
  error === errorNumber.INVALID_PRODUCER_EPOCH || error === errorNumber.INVALID_PRODUCER_ID_MAPPING

/** Errors that a broker returns before it appends anything, whatever else is going on. */
const notWritten: ReadonlySet<number> = new Set([
  errorNumber.CORRUPT_MESSAGE,
  errorNumber.MESSAGE_TOO_LARGE,
  errorNumber.INVALID_TOPIC_EXCEPTION,
  errorNumber.RECORD_LIST_TOO_LARGE,
  errorNumber.NOT_ENOUGH_REPLICAS,
  errorNumber.INVALID_REQUIRED_ACKS,
  errorNumber.TOPIC_AUTHORIZATION_FAILED,
  errorNumber.CLUSTER_AUTHORIZATION_FAILED,
  errorNumber.INVALID_TIMESTAMP,
  errorNumber.UNSUPPORTED_FOR_MESSAGE_FORMAT,
  errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER,
  errorNumber.INVALID_PRODUCER_EPOCH,
  errorNumber.INVALID_PRODUCER_ID_MAPPING,
  errorNumber.UNKNOWN_PRODUCER_ID,
  errorNumber.POLICY_VIOLATION,
  errorNumber.UNSUPPORTED_COMPRESSION_TYPE,
  errorNumber.INVALID_RECORD,
  errorNumber.UNKNOWN_TOPIC_ID,
])

/** Whether the error proves that this attempt wrote nothing; others may come after the append. */
export const provesNotWritten = (error: number): boolean => notWritten.has(error)

/** Errors after which the known metadata of the topic may be wrong. */
const stale: ReadonlySet<number> = new Set([
  errorNumber.UNKNOWN_TOPIC_OR_PARTITION,
  errorNumber.LEADER_NOT_AVAILABLE,
  errorNumber.NOT_LEADER_OR_FOLLOWER,
  errorNumber.REPLICA_NOT_AVAILABLE,
  errorNumber.KAFKA_STORAGE_ERROR,
  errorNumber.LISTENER_NOT_FOUND,
  errorNumber.FENCED_LEADER_EPOCH,
  errorNumber.UNKNOWN_LEADER_EPOCH,
  errorNumber.UNKNOWN_TOPIC_ID,
  errorNumber.INCONSISTENT_TOPIC_ID,
])

export const makesMetadataStale = (error: number): boolean => stale.has(error)
