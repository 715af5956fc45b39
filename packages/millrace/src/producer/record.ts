// Owns the list of record types that the code above the producer uses. Callers: layers/, testing/.
// Invariant: the types are those of the engine.

export type {
  DeliveredRecord,
  ProducerRecord,
  RecordData,
  RecordHeaders,
  RecordMetadata,
  Settle,
  SettleCallback,
  Settler,
} from '../engine/record.ts'
