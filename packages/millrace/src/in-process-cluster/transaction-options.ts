// The public options of a cluster's transactions, with defaults and bounds, and the settings that
// follow from the served API versions. Callers: cluster-options.ts and testing.ts.

import type { TransactionLevel } from './transaction-entry.ts'
import type { VersionTable } from './versions.ts'

/** How the cluster handles transactions. */
export interface TransactionOptions {
  /**
   * The finalized level of Kafka's feature `transaction.version`: from 2 on, each end of a
   * transaction raises the producer's epoch (KIP-890). 2 by default from Kafka 4.0 on, and 0
   * before.
   */
  readonly version?: TransactionLevel | undefined
  /** The maximum `transaction.timeout.ms` of a producer; 15 minutes by default. */
  readonly maxTimeoutMs?: number | undefined
  /**
   * The time between the decision about a transaction and the writing of its markers; 0 by default.
   * Meanwhile requests for the id get CONCURRENT_TRANSACTIONS.
   */
  readonly markerDelayMs?: number | undefined
  /**
   * How long a moved coordinator (of transactions and groups) responds with
   * COORDINATOR_LOAD_IN_PROGRESS; 0 by default.
   */
  readonly coordinatorLoadMs?: number | undefined
}

export interface TransactionSettings {
  readonly level: TransactionLevel
  /** Whether the release knows the feature and advertises it. */
  readonly hasFeature: boolean
  /**
   * Whether the release sends a request to the coordinator before it accepts a transaction's first
   * batch (KIP-890).
   */
  readonly verifies: boolean
  readonly timeoutMsMax: number
  readonly markerDelayMs: number
  readonly coordinatorLoadMs: number
}

const timeoutMsMaxDefault = 900_000
const delayMsMax = 2 ** 31 - 1

/** Brokers with the feature `transaction.version` serve EndTxn from this version on. */
const featureEndTxn = 5
/**
 * Brokers that verify transactions before a write serve AddPartitionsToTxn from this version on.
 */
const verifyingAddPartitions = 4

const serves = (table: VersionTable, api: string, version: number): boolean =>
  (table[api]?.[1] ?? -1) >= version

const names = [
  'version',
  'maxTimeoutMs',
  'markerDelayMs',
  'coordinatorLoadMs',
] as const satisfies readonly (keyof TransactionOptions)[]

const isDelay = (value: number): boolean => value >= 0 && value <= delayMsMax

/** Calls `problem` with each problem. */
export const checkTransactionOptions = (
  options: TransactionOptions,
  versions: VersionTable,
  problem: (text: string) => void,
): TransactionSettings => {
  for (const name of Object.keys(options)) {
    if ((names as readonly string[]).includes(name)) continue
    problem(`Unknown option transactions.${name}; there are ${names.join(', ')}`)
  }
  const hasFeature = serves(versions, 'EndTxn', featureEndTxn)
  const { version: level = hasFeature ? 2 : 0, maxTimeoutMs = timeoutMsMaxDefault } = options
  const { markerDelayMs = 0, coordinatorLoadMs = 0 } = options
  if (![0, 1, 2].includes(level)) problem(`transactions.version must be 0, 1 or 2, got ${level}`)
  else if (level > 0 && !hasFeature) {
    problem(`transactions.version must be 0 before Kafka 4.0, got ${level}`)
  }
  const delays = { maxTimeoutMs, markerDelayMs, coordinatorLoadMs }
  for (const [name, value] of Object.entries(delays)) {
    if (isDelay(value)) continue
    problem(`transactions.${name} must be 0 to ${delayMsMax} milliseconds, got ${value}`)
  }
  return {
    level,
    hasFeature,
    verifies: serves(versions, 'AddPartitionsToTxn', verifyingAddPartitions),
    timeoutMsMax: maxTimeoutMs,
    markerDelayMs,
    coordinatorLoadMs,
  }
}
