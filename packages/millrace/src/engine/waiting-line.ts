// Records that can't be put into a batch yet, first come first served: the accumulator has one for
// room in the buffer, each topic one for its metadata. Each entry owns its bytes, and counts in the
// buffer memory.

import type { KafkaError } from '../protocol/kafka-error.ts'
import { assert } from '../runtime/assert.ts'
import type { Batch } from './batch.ts'
import type { Settle } from './record.ts'
import type { RecordDraft } from './record-draft.ts'

/**
 * What an entry takes beside the bytes of its record: its objects, its caller's promise among them,
 * in bytes (measured).
 */
export const waitingCost = 820

/** One record in line. */
export class WaitingRecord {
  readonly draft: RecordDraft
  readonly settle: Settle | null
  readonly tag: number
  readonly since: number
  flushGeneration: number
  readonly cost: number
  /** Where it went when its turn came. */
  batch: Batch | null = null
  /** Settled while it waited (aborted, expired): skipped when its turn comes. */
  gone = false
  /** True while it is in the line for room: until its turn comes it counts as not taken. */
  inLine = false
  /** Called once when its turn came; it may still have to wait for its topic. */
  onTurn: (() => void) | null = null

  constructor(
    draft: RecordDraft,
    settle: Settle | null,
    tag: number,
    since: number,
    flushGeneration: number,
  ) {
    this.draft = draft
    this.tag = tag
    this.settle = settle
    this.since = since
    this.flushGeneration = flushGeneration
    this.cost = draft.contentBytes + waitingCost
  }

  leaveLine(): void {
    this.inLine = false
    if (!this.gone) this.onTurn?.()
  }
}

/** A caller with many records (sendBatch) that holds one place in the line for all of them. */
export interface WaitingCaller {
  /** Since when it waits, or since it last could append something. */
  readonly since: number
  readonly flushGeneration: number
  /** Appends what there is room for; true when nothing is left. */
  advance(): boolean
  /** Fails what is left. */
  fail(makeError: () => KafkaError): void
}

export class WaitingLine<Entry = WaitingRecord> {
  #entries: Entry[] = []
  #head = 0

  get length(): number {
    return this.#entries.length - this.#head
  }

  get first(): Entry | undefined {
    return this.#entries[this.#head]
  }

  push(entry: Entry): void {
    this.#entries.push(entry)
  }

  shift(): Entry {
    const entry = this.#entries[this.#head]
    assert(entry !== undefined, 'shift needs an entry')
    this.#head++
    if (this.#head === this.#entries.length) this.#reset()
    else if (this.#head >= 1024 && this.#head * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head)
      this.#head = 0
    }
    return entry
  }

  /** The entry behind so many others. */
  at(place: number): Entry | undefined {
    return this.#entries[this.#head + place]
  }

  /** Takes entries out from `place` on, in order, for as long as `isWanted` holds. */
  takeWhile(place: number, isWanted: (entry: Entry) => boolean): Entry[] {
    const start = this.#head + place
    let end = start
    while (end < this.#entries.length && isWanted(this.#entries[end]!)) end++
    const taken = this.#entries.splice(start, end - start)
    if (this.length === 0) this.#reset()
    return taken
  }

  /** Takes all entries out, in order. */
  takeAll(): Entry[] {
    const all = this.#entries.slice(this.#head)
    this.#reset()
    return all
  }

  #reset(): void {
    this.#entries = []
    this.#head = 0
  }
}
