// Owns the decision about a batch after an error response. Caller: Delivery. Invariants, the rules:
//  1. A retriable error is retried with the same number, until the deadline or the retries are used
//     up. The first batch of the partition is retried first; no batch overtakes it.
//  2. DUPLICATE_SEQUENCE_NUMBER is success: the batch is in the log, at an unknown offset.
//  3. OUT_OF_ORDER_SEQUENCE_NUMBER after an unsettled batch is caused by that batch: retry. For the
//     first batch it means a gap: the partition restarts with a new epoch, and retries.
//  4. UNKNOWN_PRODUCER_ID: the broker lost the producer state: restart. INVALID_PRODUCER_EPOCH (the
//     broker knows a newer epoch) and INVALID_PRODUCER_ID_MAPPING: restart with a new producer id.
//  5. UNSUPPORTED_COMPRESSION_TYPE: compress with the topic's next codec, if there is one.
//     MESSAGE_TOO_LARGE: split a batch of several records; a single record fails.
//  6. INVALID_RECORD and INVALID_TIMESTAMP that name records (KIP-467) fail only those records. A
//     batch that may be in the log fails, and so does a part of it that the broker cannot append.
//  7. In a transaction nothing restarts: a gap fails the batch and the transaction. If the epoch is
//     rejected, the batch waits until it is known whether the producer is fenced.
//  8. Any other error fails the batch; its number is a gap, so the partition restarts.

import { errorNumber, isRetriable } from '../../protocol/errors.ts'

export type BatchAction =
  | 'duplicate'
  /** Retry after a backoff. */
  | 'retry'
  /** Retry at once, with the leader that the response named, or the current one. */
  | 'redirect'
  | 'restart'
  | 'renew'
  /** The epoch is rejected: because of a newer producer, or because the coordinator timed out. */
  | 'epochRejected'
  | 'split'
  | 'dropNamed'
  /** Retry with another codec. */
  | 'recompress'
  | 'fail'

export interface BatchFacts {
  readonly idempotent: boolean
  readonly transactional: boolean
  /** No earlier batch of the partition is unsettled. */
  readonly isFirst: boolean
  /** It has the first sequence number of its epoch. */
  readonly startsEpoch: boolean
  /**
   * It or another unsettled batch of the partition may be in the log: an attempt had no certain
   * result at least once, or the other batch is in flight.
   */
  readonly maybeInLog: boolean
  /**
   * Records that may be in the log may fail. With a spool they are delivered, even if that means
   * twice.
   */
  readonly canFailIfMaybeWritten: boolean
  /** An attempt had no certain result: the batch may be in the log with its number. */
  readonly maybeWritten: boolean
  /** It is a part of a batch that was split when the whole batch may have been in the log. */
  readonly isPieceOfMaybeWritten: boolean
  readonly recordCount: number
  /** The topic has another codec than that of the batch. */
  readonly hasOtherCodec: boolean
  /** The number of records that the response names. */
  readonly namedCount: number
  /** The known leader of the partition is not the broker that responded. */
  readonly leaderMoved: boolean
}

export const actionFor = (error: number, facts: BatchFacts): BatchAction => {
  switch (error) {
    case errorNumber.DUPLICATE_SEQUENCE_NUMBER:
      return 'duplicate'
    case errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER:
      if (!facts.idempotent) return 'fail'
      if (!facts.isFirst) return 'retry'
      // The whole batch is in the log, or there is a gap: which of them is unknown.
      if (facts.isPieceOfMaybeWritten && facts.canFailIfMaybeWritten) return 'fail'
      return facts.transactional ? 'fail' : restartAction(facts)
    case errorNumber.UNKNOWN_PRODUCER_ID:
      return facts.idempotent && !facts.transactional ? restartAction(facts) : 'fail'
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
      // The transaction cannot be committed without these records, so the others are not sent.
      if (facts.transactional) return 'fail'
      if (facts.idempotent && facts.maybeWritten && facts.canFailIfMaybeWritten) return 'fail'
      return facts.namedCount > 0 && facts.namedCount < facts.recordCount ? 'dropNamed' : 'fail'
    default:
      if (!isRetriable(error)) return 'fail'
      return facts.leaderMoved ? 'redirect' : 'retry'
  }
}

/**
 * A broker accepts number 0 of a new epoch in any state, unless it does not accept the producer id.
 * If a batch of the partition may be in the log, the id is kept nevertheless: its next epoch makes
 * the broker reject a request that arrives late, and another id does not.
 */
const restartAction = ({ startsEpoch, maybeInLog }: BatchFacts): BatchAction =>
  startsEpoch && !maybeInLog ? 'renew' : 'restart'

/**
 * Without transactions these errors do not mean fenced or lost: the producer continues with a new
 * id, so the error of the attempt is retriable.
 */
export const renewsIdentity = (error: number): boolean =>
  error === errorNumber.INVALID_PRODUCER_EPOCH || error === errorNumber.INVALID_PRODUCER_ID_MAPPING

/** Errors that a broker returns before it appends anything, in every case. */
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

/**
 * Whether the error proves that this attempt wrote nothing; other errors may occur after the
 * append.
 */
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
