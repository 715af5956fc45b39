// The types of records and their results, for what is built on the producer.

export type {
  Data,
  Headers,
  ProducerRecord,
  RecordMetadata,
  Settle,
  SettleCallback,
  Settler,
} from '../engine/record.ts'
