// What a user may choose of a cluster's transactions, with defaults and bounds, and what follows
// from the Kafka release that is played.

import type { TransactionLevel } from './transaction.ts'
import type { KafkaRelease, VersionTable } from './versions.ts'

/** How the cluster treats transactions. */
export interface TransactionOptions {
  /**
   * The finalized level of Kafka's feature `transaction.version`: from 2 on each end of a
   * transaction raises the producer's epoch (KIP-890). 2 from Kafka 4.0 on by default, and 0
   * before.
   */
  readonly version?: TransactionLevel | undefined
  /** The longest `transaction.timeout.ms` that a producer may ask for; 15 minutes by default. */
  readonly maxTimeoutMs?: number | undefined
  /**
   * How long after its end was decided a transaction's markers are written; 0 by default. Until
   * then the id answers CONCURRENT_TRANSACTIONS.
   */
  readonly markerDelayMs?: number | undefined
  /**
   * For how long a coordinator that has moved (of transactions and groups) answers
   * COORDINATOR_LOAD_IN_PROGRESS; 0 by default.
   */
  readonly coordinatorLoadMs?: number | undefined
}

export interface TransactionSettings {
  readonly level: TransactionLevel
  /** The release knows the feature, and says so. */
  readonly hasFeature: boolean
  /** The release asks the coordinator before it takes a transaction's first batch (KIP-890). */
  readonly verifies: boolean
  readonly timeoutMsMax: number
  readonly markerDelayMs: number
  readonly coordinatorLoadMs: number
}

const timeoutMsMaxDefault = 900_000
const delayMsMax = 2 ** 31 - 1

const withoutFeature: readonly unknown[] = ['2.1', '2.4', '2.8', '3.9']
const withoutVerification: readonly unknown[] = ['2.1', '2.4', '2.8']

const names = [
  'version',
  'maxTimeoutMs',
  'markerDelayMs',
  'coordinatorLoadMs',
] as const satisfies readonly (keyof TransactionOptions)[]

const isDelay = (value: number): boolean => value >= 0 && value <= delayMsMax

/** Tells `problem` what is wrong. */
export const checkTransactionOptions = (
  options: TransactionOptions,
  versions: KafkaRelease | VersionTable,
  problem: (text: string) => void,
): TransactionSettings => {
  for (const name of Object.keys(options)) {
    if ((names as readonly string[]).includes(name)) continue
    problem(`transactions.${name} is no option: there are ${names.join(', ')}`)
  }
  const hasFeature = !withoutFeature.includes(versions)
  const { version: level = hasFeature ? 2 : 0, maxTimeoutMs = timeoutMsMaxDefault } = options
  const { markerDelayMs = 0, coordinatorLoadMs = 0 } = options
  if (![0, 1, 2].includes(level)) problem(`transactions.version must be 0, 1 or 2, not ${level}`)
  else if (level > 0 && !hasFeature) {
    problem(`transactions.version must be 0 before Kafka 4.0, not ${level}`)
  }
  const delays = { maxTimeoutMs, markerDelayMs, coordinatorLoadMs }
  for (const [name, value] of Object.entries(delays)) {
    if (isDelay(value)) continue
    problem(`transactions.${name} must be 0 to ${delayMsMax} milliseconds, not ${value}`)
  }
  return {
    level,
    hasFeature,
    verifies: !withoutVerification.includes(versions),
    timeoutMsMax: maxTimeoutMs,
    markerDelayMs,
    coordinatorLoadMs,
  }
}
