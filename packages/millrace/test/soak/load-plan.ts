// The load program's plan and its report: shared by the two processes. Every record's value begins
// with its number, so that a reader of the topic knows which record it is.

import type { ProducerOptions } from '../../src/index.ts'

export interface LoadPlan {
  readonly brokers: readonly string[]
  readonly topic: string
  readonly recordsPerSecond: number
  readonly valueBytes: number
  /** It stops by itself after so many. */
  readonly recordsMax: number
  /**
   * `paced`: waits for space if the buffer is full, and makes up for it afterwards. `always`:
   * sends at the rate whatever happens, and is rejected past the bound.
   */
  readonly offer: 'paced' | 'always'
  /** Collects garbage and measures every so often; 0 = never. Needs --expose-gc. */
  readonly measureEveryMs: number
  /** Where the fate of each record is written at the end. */
  readonly fatesPath: string
  readonly options: Omit<ProducerOptions, 'brokers' | 'logger' | 'onError'>
}

/** What the program says of itself while it runs. */
export interface LoadProgress {
  readonly sent: number
  readonly delivered: number
  readonly failed: number
}

/** A time without any acknowledgement, and the wall time of the one that ended it. */
export interface Silence {
  readonly lastedMs: number
  readonly endedAt: number
}

export interface LoadReport extends LoadProgress {
  /** Promises that were never settled. */
  readonly unsettled: number
  readonly codes: Readonly<Record<string, number>>
  /** From half a second on. */
  readonly silences: readonly Silence[]
  readonly longestDelayMs: number
  readonly ranMs: number
  readonly metadataRequests: number
  readonly connectionsOpened: number
  readonly retries: number
  /** Heap and buffers after garbage collection: the most that was measured, above the least. */
  readonly grownBytes: number
  /** What reached the process: rejections, exceptions and warnings. */
  readonly surprises: readonly string[]
  /** What kept the process alive after close(). */
  readonly resources: readonly string[]
}

export type LoadMessage =
  | { readonly kind: 'progress'; readonly progress: LoadProgress }
  | { readonly kind: 'report'; readonly report: LoadReport }

/** A record's number takes the first characters of its value. */
export const numberDigits = 16

export const numberOf = (value: Buffer): number => Number(value.toString('latin1', 0, numberDigits))

const fateBytes = 11

/** How each record ended: a table as large as the records there may be. */
export class Fates {
  readonly partitions: Int16Array
  readonly offsets: Float64Array
  readonly states: Uint8Array

  constructor(count: number, bytes = new ArrayBuffer(count * fateBytes)) {
    this.offsets = new Float64Array(bytes, 0, count)
    this.partitions = new Int16Array(bytes, count * 8, count)
    this.states = new Uint8Array(bytes, count * 10, count)
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.offsets.buffer)
  }

  static read(bytes: Uint8Array): Fates {
    const copy = new Uint8Array(bytes).buffer
    return new Fates(copy.byteLength / fateBytes, copy)
  }
}

/** States of a record. */
export const fate = { unsettled: 0, delivered: 1, notWritten: 2, maybeWritten: 3 } as const
