// What a producer gives to its spool: settings, surroundings, and the calls of the engine that the
// spool makes. Callers: Producer, Spooling and its parts.

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

/** A record of an earlier process has its result. */
export type OnRecovered = (result: RecordMetadata | KafkaError, record: ProducerRecord) => void

export interface SpoolingOptions {
  readonly settings: SpoolSettings
  readonly environment: SpoolEnvironment
  readonly bufferMemoryBytes: number
  /** How long a broker remembers a producer that does not write. */
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

/** The engine as the spool calls it. */
export interface SpoolEngine {
  readonly maxRequestBytes: number
  readonly intake: SpoolIntake
  wake(): void
  flush(done: () => void): void
  offer(queue: PartitionQueue): void
  /** Asks for metadata; `onTopic` or `onTopicFailed` follows. */
  requestTopic(topic: string): void
  /** Makes a batch with its old numbers; null = the topic has no such partition. */
  restore(batch: RecoveredBatch, settleOf: (recordId: number) => Settle | null): QueuedBatch | null
  /** Partitions of the topic that are known; 0 = the topic is not known. */
  partitionCount(topic: string): number
}

/** What the parts of a spooling share. */
export interface SpoolingParts {
  readonly spool: Spool
  readonly engine: SpoolEngine
  readonly options: SpoolingOptions
  readonly results: SpooledResults
  /** Records that failed, and stay in the spool until their dead letters are stored. */
  readonly held: Set<number>
}
