// The error for a part of the input that can't be made into a record. No producer receives such a
// part. Callers: json-format.ts, record-format.ts, sending.ts, record-counts.ts, and report.ts.

/** The code that takes the place of a KafkaError's code. */
export const invalidRecordCode = 'INVALID_RECORD'

export const invalidRecordRemedy =
  'Correct the input, or choose the --format, --delimiter and fields that it has.'

export class LineError extends Error {
  override readonly name = 'LineError'
  readonly code = invalidRecordCode
}
