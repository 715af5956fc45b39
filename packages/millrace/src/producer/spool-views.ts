// Owns the public types of a spool's content: the results of status(), inspectSpool() and
// readSpool(). Callers: producer-spool.ts, spool-inspection.ts and read-spool.ts, which create
// them. Invariant: types only, so that nothing is loaded.

import type { LockHolder } from '../spool/directory-lock.ts'
import type { SpoolDamage } from '../spool/spool-scan.ts'
import type { HeaderPairs } from './decoded-record.ts'

/** The current state of a spool. */
export interface SpoolStatus {
  /** Size of the files in the directory. */
  readonly bytes: number
  /** The field maxBytes of the option: above this size records wait or are rejected. */
  readonly maxBytes: number
  /** Records that are not settled. */
  readonly records: number
  /** Milliseconds since the oldest of them was accepted; null = there is none. */
  readonly oldestMs: number | null
  /** The disk is full: records wait or are rejected. */
  readonly isDiskFull: boolean
}

/** The content of a spool. */
export interface SpoolInspection {
  /** The directory that was inspected. */
  readonly directory: string
  /** The process that uses it; null = none. */
  readonly holder: LockHolder | null
  /** Files with records. */
  readonly files: number
  /** Bytes of these files. */
  readonly bytes: number
  /** Records that are not settled. */
  readonly records: number
  /** Settled records in files that still exist. */
  readonly settledRecords: number
  /** Batches that were numbered and have no result: Kafka may have them. */
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
  /** Null = the partitioner chooses when the record is sent. */
  readonly partition: number | null
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  /** Null = no key. */
  readonly key: Uint8Array | null
  /** Null = a tombstone. */
  readonly value: Uint8Array | null
  /** In order; a name may occur several times. */
  readonly headers: HeaderPairs
  /** It was delivered, or has failed. */
  readonly isSettled: boolean
}
