// What is wrong with a record, said as a send says it, without sending anything: for stand-ins that
// take records in a producer's place.

import { recordTooLarge } from '../engine/batch-errors.ts'
import type { ProducerRecord } from '../engine/record.ts'
import { RecordDraft, recordOverheadMax, requestOverheadMax } from '../engine/record-draft.ts'

const batchHeaderBytes = 61

/** Sizes of a record that is right. */
export interface RecordSizes {
  /** -1 = no key. */
  readonly keyBytes: number
  /** -1 = null. */
  readonly valueBytes: number
  /** Key, value and headers as they are encoded. */
  readonly contentBytes: number
}

export class RecordCheck {
  readonly #draft = new RecordDraft()
  readonly #maxRequestBytes: number
  readonly #bytesMax: number

  constructor(maxRequestBytes: number) {
    this.#maxRequestBytes = maxRequestBytes
    this.#bytesMax = maxRequestBytes - requestOverheadMax - recordOverheadMax - batchHeaderBytes
  }

  /** Throws INVALID_ARGUMENT or RECORD_TOO_LARGE. */
  check(record: ProducerRecord): RecordSizes {
    const draft = this.#draft
    draft.load(record)
    if (draft.contentBytes > this.#bytesMax) {
      throw recordTooLarge(draft, this.#bytesMax, { maxRequestBytes: this.#maxRequestBytes })
    }
    return {
      keyBytes: draft.keyStart < 0 ? -1 : draft.keyEnd - draft.keyStart,
      valueBytes: draft.valueLength,
      contentBytes: draft.contentBytes,
    }
  }
}
