// Decides whether a producer may end its transaction (EndTxn), by Kafka's two sets of rules.
// Without a rise of the epoch, only the state distinguishes a repeated request from a new one. With
// it (KIP-890), the epoch does, and an empty transaction may be aborted. It keeps no state. Caller:
// transaction-coordinator.ts.

import { errorNumber } from '../protocol/errors.ts'
import {
  bumpsEpoch,
  isExhausted,
  type ProducerIdentity,
  type Transaction,
  type TransactionLevel,
} from './transaction-entry.ts'

export type EndTxnResult =
  /** The markers must be written. */
  | { readonly kind: 'end' }
  /** The transaction already ended in this way: the response is the same as the first one. */
  | { readonly kind: 'done' }
  | { readonly kind: 'error'; readonly code: number }

const end: EndTxnResult = { kind: 'end' }
const done: EndTxnResult = { kind: 'done' }
const reject = (code: number): EndTxnResult => ({ kind: 'error', code })

const wrongState = reject(errorNumber.INVALID_TXN_STATE)
const concurrent = reject(errorNumber.CONCURRENT_TRANSACTIONS)
const fenced = reject(errorNumber.PRODUCER_FENCED)
const otherProducer = reject(errorNumber.INVALID_PRODUCER_ID_MAPPING)

const withoutBump = (
  transaction: Transaction,
  by: ProducerIdentity,
  isCommit: boolean,
): EndTxnResult => {
  if (by.producerId !== transaction.producerId) return otherProducer
  if (by.epoch !== transaction.epoch) return fenced
  switch (transaction.state) {
    case 'Ongoing':
      return end
    case 'CompleteCommit':
      return isCommit ? done : wrongState
    case 'CompleteAbort':
      return isCommit ? wrongState : done
    case 'PrepareCommit':
      return isCommit ? concurrent : wrongState
    case 'PrepareAbort':
      return isCommit ? wrongState : concurrent
    case 'Empty':
      return wrongState
    default:
      return transaction.state satisfies never
  }
}

const withBump = (
  transaction: Transaction,
  by: ProducerIdentity,
  isCommit: boolean,
): EndTxnResult => {
  const { state, producerId, previousProducerId, epoch } = transaction
  const isOverflowRetry =
    by.producerId === previousProducerId && isExhausted(by.epoch) && epoch === 0
  const isBumpRetry = epoch === by.epoch + 1
  const isRetry = isOverflowRetry || isBumpRetry
  if (by.producerId !== producerId && !isOverflowRetry) return otherProducer
  switch (state) {
    case 'Ongoing':
      return by.epoch === epoch ? end : fenced
    case 'Empty':
      if (by.epoch !== epoch) return fenced
      return isCommit ? wrongState : end
    case 'PrepareCommit':
      if (!isBumpRetry) return fenced
      return isCommit ? concurrent : wrongState
    case 'PrepareAbort':
      if (!isBumpRetry) return fenced
      return isCommit ? wrongState : concurrent
    case 'CompleteCommit':
      if (!isRetry && by.epoch !== epoch) return fenced
      if (isCommit) return isRetry ? done : wrongState
      return isRetry ? wrongState : end
    case 'CompleteAbort':
      if (!isRetry && by.epoch !== epoch) return fenced
      if (isCommit) return wrongState
      return isRetry ? done : end
    default:
      return state satisfies never
  }
}

/** `level` is the client's: version 5 of EndTxn means 2. */
export const checkEndTxn = (
  transaction: Transaction,
  by: ProducerIdentity,
  isCommit: boolean,
  level: TransactionLevel,
): EndTxnResult =>
  bumpsEpoch(level) ? withBump(transaction, by, isCommit) : withoutBump(transaction, by, isCommit)
