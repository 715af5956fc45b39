// Owns the types of what a producer passes to its spool: settings, environment, and the calls of
// the engine. Callers: ProducerSpool, Spooling and its parts. Invariant: types only.

import type {
  DeadLetterPort,
  PartitionQueue,
  QueuedBatch,
  SpoolIntake,
} from '../../engine/engine.ts'
import type { ProducerRecord, RecordMetadata, Settle } from '../../engine/record.ts'
import type { KafkaError } from '../../protocol/kafka-error.ts'
import type { RecoveredBatch, Spool, SpoolEnvironment, SpoolSettings } from '../../spool/spool.ts'
import type { SpooledResults } from './spooled-results.ts'

/** The result of a record of an earlier process. */
export type OnRecovered = (result: RecordMetadata | KafkaError, record: ProducerRecord) => void

export interface SpoolingOptions {
  readonly settings: SpoolSettings
  readonly environment: SpoolEnvironment
  readonly bufferMemoryBytes: number
  /** How long a broker keeps the state of a producer that does not write. */
  readonly producerIdExpirationMs: number
  readonly afterExpiration: 'resend' | 'report' | 'deadLetter'
  readonly onRecovered: OnRecovered | null
  readonly onCallbackError: (thrown: unknown) => void
  /** A record failed, and no caller waits for its result. */
  readonly onUnobservedFailure: (error: KafkaError) => void
  /** Null = failures are reported. */
  readonly deadLetters: DeadLetterPort | null
  /** The spool has failed: nothing can be sent any more. */
  readonly onFailed: (error: KafkaError) => void
}

/** The engine, as the spool calls it. */
export interface SpoolEngine {
  readonly maxRequestBytes: number
  readonly intake: SpoolIntake
  wake(): void
  flush(done: () => void): void
  offer(queue: PartitionQueue): void
  /** Requests metadata; `onTopic` or `onTopicFailed` follows. */
  requestTopic(topic: string): void
  /** Restores a batch with its old numbers; null = the topic has no such partition. */
  restore(batch: RecoveredBatch, settleOf: (recordId: number) => Settle | null): QueuedBatch | null
  /** The known number of partitions of the topic; 0 = the topic is not known. */
  partitionCount(topic: string): number
}

/** The common parts of a spooling. */
export interface SpoolingParts {
  readonly spool: Spool
  readonly engine: SpoolEngine
  readonly options: SpoolingOptions
  readonly results: SpooledResults
  /** Failed records that stay in the spool until their dead letters are stored. */
  readonly held: Set<number>
}
