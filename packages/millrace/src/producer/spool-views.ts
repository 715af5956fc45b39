// Owns the public types of a spool's content: the results of status(), inspectSpool() and
// readSpool(). Callers: producer-spool.ts, spool-inspection.ts and read-spool.ts, which create
// them. Invariant: types only, so that nothing is loaded.

import type { LockHolder } from '../spool/directory-lock.ts'
import type { SpoolDamage } from '../spool/spool-scan.ts'
import type { HeaderPairs } from './decoded-record.ts'

/** The current state of a spool. */
export interface SpoolStatus {
  /** The size of the log files in bytes. */
  readonly bytes: number
  /** The field maxBytes of the option: above this size records wait or are rejected. */
  readonly maxBytes: number
  /** Records that have neither been delivered nor failed. */
  readonly records: number
  /** The age of the oldest unsettled record in milliseconds; null = there is none. */
  readonly oldestMs: number | null
  /** Whether the disk is full: records wait or are rejected. */
  readonly isDiskFull: boolean
}

/** The content of a spool. */
export interface SpoolInspection {
  /** The directory that was inspected. */
  readonly directory: string
  /** The process that uses it; null = none. */
  readonly holder: LockHolder | null
  /** The number of log files. */
  readonly files: number
  /** The size of the log files in bytes. */
  readonly bytes: number
  /** Records that have neither been delivered nor failed. */
  readonly records: number
  /** Settled records in files that still exist. */
  readonly settledRecords: number
  /** Batches with sequence numbers and without a result: Kafka may have stored them. */
  readonly batchesInDoubt: number
  /** When the oldest of `records` was accepted, in milliseconds since the epoch; null = none. */
  readonly oldestAt: number | null
  /** The unsettled records of each topic, and the bytes of their keys, values and headers. */
  readonly topics: readonly {
    readonly topic: string
    readonly records: number
    readonly bytes: number
  }[]
  /** Bytes at the end that are not a complete block: an incomplete write, or one in progress. */
  readonly tornBytes: number
  /** Positions where files differ from what was written; the first 1,000. */
  readonly damage: readonly SpoolDamage[]
}

/** Options of `readSpool`. */
export interface ReadSpoolOptions {
  /** Includes settled records, as far as their files still exist. */
  readonly all?: boolean | undefined
  /** Called for each position that cannot be read, before the first record. */
  readonly onDamage?: ((damage: SpoolDamage) => void) | undefined
}

/** A record in a spool. */
export interface SpooledRecordView {
  /** The topic of the record. */
  readonly topic: string
  /** The partition; null = the partitioner chooses it when the record is sent. */
  readonly partition: number | null
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  /** The key; null = no key. */
  readonly key: Uint8Array | null
  /** The value; null = a tombstone. */
  readonly value: Uint8Array | null
  /** In order; a name may occur several times. */
  readonly headers: HeaderPairs
  /** Whether the record was delivered or has failed. */
  readonly isSettled: boolean
}
