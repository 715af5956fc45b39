// The public types of a spool's content: what status(), inspectSpool() and readSpool() return.
// Types only; producer-spool.ts, spool-inspection.ts and read-spool.ts fill them in.

import type { LockHolder } from '../spool/directory-lock.ts'
import type { SpoolDamage } from '../spool/spool-scan.ts'
import type { HeaderPairs } from './decoded-record.ts'

/** How a spool stands now. */
export interface SpoolStatus {
  /** Size of the files in the directory. */
  readonly bytes: number
  /** The field maxBytes of the option: past this size records wait or are rejected. */
  readonly maxBytes: number
  /** Records that are not settled. */
  readonly records: number
  /** Milliseconds since the oldest of them was taken; null = there is none. */
  readonly oldestMs: number | null
  /** The disk is full: records wait or are rejected. */
  readonly isDiskFull: boolean
}

/** What is in a spool. */
export interface SpoolInspection {
  /** The directory. */
  readonly directory: string
  /** The process that has it; null = none. */
  readonly holder: LockHolder | null
  /** Files that hold records. */
  readonly files: number
  /** Bytes of these files. */
  readonly bytes: number
  /** Records that are not settled. */
  readonly records: number
  /** Records that are settled, in files that are still there. */
  readonly settledRecords: number
  /** Batches that were about to be sent, and have no result: Kafka may have them. */
  readonly batchesInDoubt: number
  /** When the oldest of `records` was taken, in milliseconds since the epoch; null = none. */
  readonly oldestAt: number | null
  /** Of each topic its unsettled records, and bytes of their keys, values and headers. */
  readonly topics: readonly {
    readonly topic: string
    readonly records: number
    readonly bytes: number
  }[]
  /** Bytes at the end that are not a complete block: a write was cut short, or is in progress. */
  readonly tornBytes: number
  /** Where files are not as they were written, the first 1,000 places. */
  readonly damage: readonly SpoolDamage[]
}

/** Options of `readSpool`. */
export interface ReadSpoolOptions {
  /** With records that are settled, as far as their files are still there. */
  readonly all?: boolean | undefined
  /** Called for each place that can't be read, before the first record. */
  readonly onDamage?: ((damage: SpoolDamage) => void) | undefined
}

/** A record in a spool. */
export interface SpooledRecordView {
  /** The topic that it is for. */
  readonly topic: string
  /** Null = the partitioner chooses when it is sent. */
  readonly partition: number | null
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  /** Null = no key. */
  readonly key: Uint8Array | null
  /** Null = a tombstone. */
  readonly value: Uint8Array | null
  /** In order; a name may repeat. */
  readonly headers: HeaderPairs
  /** It was delivered, or failed for good. */
  readonly isSettled: boolean
}
