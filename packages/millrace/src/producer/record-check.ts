// What is wrong with a record, said as a send says it, without sending anything: for stand-ins that
// take records in a producer's place.

import { RecordEncoder } from '../engine/batch/record-encoder.ts'
import type { ProducerRecord } from '../engine/record.ts'

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
  readonly #draft: RecordEncoder

  constructor(maxRequestBytes: number) {
    this.#draft = new RecordEncoder(maxRequestBytes)
  }

  /** Throws INVALID_ARGUMENT or RECORD_TOO_LARGE. */
  check(record: ProducerRecord): RecordSizes {
    const draft = this.#draft
    draft.load(record)
    draft.unload()
    return {
      keyBytes: draft.keyStart < 0 ? -1 : draft.keyEnd - draft.keyStart,
      valueBytes: draft.valueLength,
      contentBytes: draft.contentBytes,
    }
  }
}
