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
  readonly #encoder: RecordEncoder

  constructor(maxRequestBytes: number) {
    this.#encoder = new RecordEncoder(maxRequestBytes)
  }

  /** Throws INVALID_ARGUMENT or RECORD_TOO_LARGE. */
  check(record: ProducerRecord): RecordSizes {
    const encoder = this.#encoder
    encoder.load(record)
    encoder.unload()
    return {
      keyBytes: encoder.keyStart < 0 ? -1 : encoder.keyEnd - encoder.keyStart,
      valueBytes: encoder.valueLength,
      contentBytes: encoder.contentBytes,
    }
  }
}
