// Why was our epoch refused? Either the coordinator aborted our transaction, after
// transactionTimeoutMs, and took one epoch for it; or another producer took over, which takes two,
// if there was a transaction to abort. The manager of transactions asks, and decides what follows.
//
// To abort the transaction again, under our epoch (version 2 takes that for a repeated call) or
// under the one behind it, succeeds in the first case only, and changes nothing in the second. To
// ask for a producer id (KIP-360) would not do: coordinators abort the other producer's open
// transaction before they look at the epoch.

import { errorNumber } from '../protocol/errors.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import type { ProducerIdentity, TransactionPort, TransactionScope } from './ports.ts'
import { refusesEpoch } from './transaction-errors.ts'

export interface RefusedEpoch {
  readonly scope: TransactionScope
  /** The coordinator did know of the transaction. */
  readonly isKnown: boolean
  /** It was the end of the transaction that was refused. */
  readonly wasEnding: boolean
}

/** The identity to go on with (our own: under a new epoch only), or why there is none. */
export type EpochProbed = (error: KafkaError | null, identity: ProducerIdentity | null) => void

/** Null = fenced, without asking: what could be asked says nothing here. */
export type EpochProbe = ((done: EpochProbed) => void) | null

export const epochProbe = (port: TransactionPort, refused: RefusedEpoch): EpochProbe => {
  const { scope, isKnown, wasEnding } = refused
  const epochs: number[] = []
  if (scope.version2 && !wasEnding) epochs.push(scope.epoch)
  if (isKnown) epochs.push(scope.epoch + 1)
  if (epochs.length > 0) return (done) => abortAgain(port, scope, epochs, done)
  return scope.version2 ? (done) => askWithoutRise(port, scope, done) : null
}

/**
 * Until the transaction before has its markers, coordinators refuse the end of the next one as if
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
    else if (refusesEpoch(error) && others.length > 0) abortAgain(port, scope, others, done)
    else done(error, null)
  })
}

const identityOf = ({ producerId, epoch }: ProducerIdentity): ProducerIdentity => ({
  producerId,
  epoch,
})
