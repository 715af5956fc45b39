// A record of the input that no producer ever saw: it can't be made into a record at all.

/** Its code, in the place of a KafkaError's. */
export const invalidRecordCode = 'INVALID_RECORD'

export const invalidRecordRemedy =
  'Correct the input, or choose the --format, --delimiter and fields that it has.'

export class LineError extends Error {
  override readonly name = 'LineError'
  readonly code = invalidRecordCode
}
