// The entry point `millrace/layers`: two APIs on top of `Producer` that have the interfaces of the
// source system. Every public name is listed here by hand.

export { AsyncProducer } from './layers/async-producer.ts'
export {
  type AsyncResultHandler,
  defaultAsyncResultHandler,
} from './layers/async-result-handler.ts'
export { BatchAsyncProducer, type BatchSettings } from './layers/batch-async-producer.ts'
export { BatchError, type BatchFailure } from './layers/batch-error.ts'
export { type BufferedProducer, KafkaProducer } from './layers/kafka-producer.ts'
export type { KeyOrTopic, Message } from './layers/message.ts'
export { type MessageProducer, ProducerType } from './layers/message-producer.ts'
export {
  defaultProducerConfig,
  type ProducerConfig,
  type ProducerConfigInput,
  validateProducerConfig,
} from './layers/producer-config.ts'
export { SaramaProducerWrapper } from './layers/sarama-producer-wrapper.ts'
export { SyncProducer } from './layers/sync-producer.ts'
export type { Target } from './layers/target.ts'
