// The library's first door: every public name, listed by hand.

export type { PartitionerName } from './engine/partitioner.ts'
export type { CustomPartitioner, CustomPartitionerInput } from './engine/partitioner-custom.ts'
export type { PartitionView } from './engine/ports.ts'
export type {
  Data,
  Headers,
  HeaderValue,
  ProducerRecord,
  RecordMetadata,
  SettleCallback,
} from './engine/record.ts'
export type { BatchResult } from './producer/batch-send.ts'
export type { ProducerMetrics } from './producer/metrics.ts'
export type {
  Acks,
  CompressionOption,
  FlushOption,
  ProducerOptions,
} from './producer/option-table.ts'
export { type CloseReport, Producer } from './producer/producer.ts'
export type { WaitOptions } from './producer/wait.ts'
export type { CompressionType } from './protocol/compression/codec.ts'
export {
  type ErrorCode,
  type ErrorContext,
  type ErrorKind,
  KafkaError,
  type Persisted,
} from './protocol/kafka-error.ts'
export type { Logger } from './runtime/logger.ts'
