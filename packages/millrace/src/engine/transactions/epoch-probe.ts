// Finds out why our epoch was rejected. Either the coordinator aborted our transaction after
// transactionTimeoutMs, which takes one epoch; or another producer took over the transactional id,
// which takes two if there was a transaction to abort. Caller: TransactionManager, which decides
// what follows.
//
// Aborting the transaction again, under our epoch (version 2 treats that as a repeated call) or
// under the next one, succeeds in the first case only, and changes nothing in the second. A request
// for a producer id (KIP-360) would change something: coordinators abort the other producer's open
// transaction before they check the epoch.

import { errorNumber } from '../../protocol/errors.ts'
import type { KafkaError } from '../../protocol/kafka-error.ts'
import type { ProducerIdentity, TransactionPort, TransactionScope } from '../ports.ts'
import { rejectsEpoch } from './transaction-errors.ts'

export interface RejectedEpoch {
  readonly scope: TransactionScope
  /** The coordinator did know of the transaction. */
  readonly isKnown: boolean
  /** It was the end of the transaction that was rejected. */
  readonly wasEnding: boolean
}

/** The identity to go on with (our own: under a new epoch only), or why there is none. */
export type EpochProbed = (error: KafkaError | null, identity: ProducerIdentity | null) => void

/** Null = fenced: no request could show anything else. */
export type EpochProbe = ((done: EpochProbed) => void) | null

export const epochProbe = (port: TransactionPort, rejected: RejectedEpoch): EpochProbe => {
  const { scope, isKnown, wasEnding } = rejected
  const epochs: number[] = []
  if (scope.version2 && !wasEnding) epochs.push(scope.epoch)
  if (isKnown) epochs.push(scope.epoch + 1)
  if (epochs.length > 0) return (done) => abortAgain(port, scope, epochs, done)
  return scope.version2 ? (done) => askWithoutRise(port, scope, done) : null
}

/**
 * Until the transaction before has its markers, coordinators reject the end of the next one as if
 * we were fenced, though our epoch is the newest. By the rules of version 1 they say what it is.
 */
const askWithoutRise = (port: TransactionPort, scope: TransactionScope, done: EpochProbed): void =>
  port.end({ ...scope, version2: false }, false, (error) => {
    const isOurs = error === null || error.brokerCode === errorNumber.INVALID_TXN_STATE
    if (isOurs) done(null, identityOf(scope))
    else done(error, null)
  })

const abortAgain = (
  port: TransactionPort,
  scope: TransactionScope,
  epochs: readonly number[],
  done: EpochProbed,
): void => {
  const [epoch = -1, ...others] = epochs
  port.end({ ...scope, epoch }, false, (error, next) => {
    if (error === null) done(null, next ?? identityOf({ ...scope, epoch }))
    else if (rejectsEpoch(error) && others.length > 0) abortAgain(port, scope, others, done)
    else done(error, null)
  })
}

const identityOf = ({ producerId, epoch }: ProducerIdentity): ProducerIdentity => ({
  producerId,
  epoch,
})
