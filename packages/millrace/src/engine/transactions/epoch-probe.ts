// Owns the check why an epoch was rejected. Either the coordinator aborted the transaction after
// transactionTimeoutMs, which uses one epoch; or another producer took over the transactional id,
// which uses two if there was a transaction to abort. Caller: EpochRecovery, through
// TransactionIdentity.
//
// The check aborts the transaction again, with the current epoch (version 2 treats that as a
// repeated call) or the next one: it succeeds in the first case only, and changes nothing in the
// second. Invariant: it never requests a producer id (KIP-360), because coordinators abort the
// other producer's open transaction before they check the epoch.

import { errorNumber } from '../../protocol/errors.ts'
import type { KafkaError } from '../../protocol/kafka-error.ts'
import type { ProducerIdentity, TransactionPort, TransactionScope } from '../ports.ts'
import { rejectsEpoch } from './transaction-errors.ts'

export interface RejectedEpoch {
  readonly scope: TransactionScope
  /** The coordinator had the transaction. */
  readonly isKnown: boolean
  /** The end of the transaction was rejected. */
  readonly wasEnding: boolean
}

/** The identity to continue with (the old one: with a new epoch only), or the error. */
export type EpochProbed = (error: KafkaError | null, identity: ProducerIdentity | null) => void

/** Null = fenced: no request could show anything else. */
export type EpochProbe = ((done: EpochProbed) => void) | null

export const epochProbe = (port: TransactionPort, rejected: RejectedEpoch): EpochProbe => {
  const { scope, isKnown, wasEnding } = rejected
  const epochs: number[] = []
  if (scope.version2 && !wasEnding) epochs.push(scope.epoch)
  if (isKnown) epochs.push(scope.epoch + 1)
  if (epochs.length > 0) return (done) => abortAgain(port, scope, epochs, done)
  return scope.version2 ? (done) => probeWithoutBump(port, scope, done) : null
}

/**
 * Until the markers of the previous transaction are written, coordinators reject the end of the
 * next one with the error of a fenced producer, although the epoch is the newest. With the rules of
 * version 1 they return the real reason.
 */
const probeWithoutBump = (
  port: TransactionPort,
  scope: TransactionScope,
  done: EpochProbed,
): void =>
  port.end({ ...scope, version2: false }, false, (error) => {
    const isOwnEpoch = error === null || error.brokerCode === errorNumber.INVALID_TXN_STATE
    if (isOwnEpoch) done(null, identityOf(scope))
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
