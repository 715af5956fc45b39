// When may a batch fail? This function decides, and nothing else does. The rules:
//  1. An error that may pass is tried again under the same number, until the batch's deadline or
//     its retries are used up. The head of the partition goes first; nothing overtakes it.
//  2. DUPLICATE_SEQUENCE_NUMBER is success: the batch is in the log, at an offset nobody remembers.
//  3. OUT_OF_ORDER_SEQUENCE_NUMBER behind an unsettled batch is that batch's fault: try again. On
//     the first one it means a gap: the partition restarts its numbers under a new epoch, and
//     tries again.
//  4. UNKNOWN_PRODUCER_ID: the broker forgot us: restart. INVALID_PRODUCER_EPOCH: it knows a newer
//     epoch of our id: restart under a new id.
//  5. MESSAGE_TOO_LARGE splits a batch of several records; a single one fails.
//  6. INVALID_RECORD and INVALID_TIMESTAMP that name records (KIP-467) fail those; the others are
//     sent again.
//  7. In a transaction nothing restarts: a gap fails the batch, and so the transaction. A refused
//     epoch may mean that we are fenced: the batch waits until that is known.
//  8. Everything else fails the batch; its number is a gap, so the partition restarts.

import { errorNumber, isRetriable } from '../protocol/errors.ts'

export type Verdict =
  | 'delivered'
  | 'duplicate'
  /** Again, after a backoff. */
  | 'retry'
  /** Again at once, to the leader that the answer named or that is known by now. */
  | 'redirect'
  | 'restart'
  | 'renew'
  /** Our epoch is refused: by a newer producer, or since the coordinator timed out. */
  | 'epochRefused'
  | 'split'
  | 'dropNamed'
  | 'fail'

export interface BatchFacts {
  readonly idempotent: boolean
  readonly transactional: boolean
  /** No batch of the partition before it is unsettled. */
  readonly isFirst: boolean
  readonly recordCount: number
  /** How many records the answer names. */
  readonly namedCount: number
  /** The partition has another leader, as known now, than the one that answered. */
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
      return facts.transactional ? 'fail' : 'restart'
    case errorNumber.UNKNOWN_PRODUCER_ID:
      return facts.idempotent && !facts.transactional ? 'restart' : 'fail'
    case errorNumber.INVALID_PRODUCER_EPOCH:
      if (facts.transactional) return 'epochRefused'
      return facts.idempotent ? 'renew' : 'fail'
    case errorNumber.PRODUCER_FENCED:
      return facts.transactional ? 'epochRefused' : 'fail'
    case errorNumber.MESSAGE_TOO_LARGE:
      return facts.recordCount > 1 ? 'split' : 'fail'
    case errorNumber.INVALID_RECORD:
    case errorNumber.INVALID_TIMESTAMP:
      // The transaction can't be committed without them: the others need not be sent.
      if (facts.transactional) return 'fail'
      return facts.namedCount > 0 && facts.namedCount < facts.recordCount ? 'dropNamed' : 'fail'
    default:
      if (!isRetriable(error)) return 'fail'
      return facts.leaderMoved ? 'redirect' : 'retry'
  }
}

/** Errors that a broker answers before it appends anything, whatever else is going on. */
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
  errorNumber.UNKNOWN_PRODUCER_ID,
  errorNumber.POLICY_VIOLATION,
  errorNumber.UNSUPPORTED_COMPRESSION_TYPE,
  errorNumber.INVALID_RECORD,
  errorNumber.UNKNOWN_TOPIC_ID,
])

/** Whether this answer proves that this attempt wrote nothing; others may come after the append. */
export const provesNotWritten = (error: number): boolean => notWritten.has(error)

/** Errors after which what is known of the topic may be wrong. */
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
