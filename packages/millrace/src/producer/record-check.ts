// Owns the check of a record without sending it, with the errors of a send. Caller: the recording
// producer of testing/. Invariant: it uses the engine's own encoder.

import { RecordEncoder } from '../engine/batch/record-encoder.ts'
import type { ProducerRecord } from '../engine/record.ts'

/** The sizes of a valid record. */
export interface RecordSizes {
  /** -1 = no key. */
  readonly keyBytes: number
  /** -1 = null. */
  readonly valueBytes: number
  /** Bytes of the encoded key, value and headers. */
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
