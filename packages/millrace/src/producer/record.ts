// The types of records and their results, for what is built on the producer.

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
