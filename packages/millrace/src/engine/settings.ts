// The engine's settings, filled in from the producer's options, and the host that steps it.

import type { KafkaError } from '../protocol/kafka-error.ts'

/**
 * When open batches are released, in place of natural batching (sarama's Flush.*). 0 = no limit.
 */
export interface FlushSettings {
  readonly records: number
  readonly bytes: number
  readonly intervalMs: number
  /** Records in one batch at most. */
  readonly maxRecords: number
}

export interface CompressionSettings {
  /** Codec id as in a batch's attributes; 0 = none. */
  readonly codecId: number
  /** Brokers take it from this version of Produce on; all do without it. */
  readonly produceVersionMin?: number | undefined
  readonly compress: (
    bytes: Uint8Array,
    done: (error: Error | null, compressed: Uint8Array | null) => void,
  ) => void
}

/** What a topic may have of its own. */
export interface TopicSettings {
  readonly batchBytes: number
  readonly lingerMs: number
  /** In the order of preference, at least one; null = no compression. */
  readonly codecs: readonly (CompressionSettings | null)[]
}

export interface EngineSettings extends TopicSettings {
  readonly acks: -1 | 0 | 1
  readonly idempotent: boolean
  readonly maxInFlightRequests: number
  readonly maxRequestBytes: number
  /** Total of batches and records that wait. */
  readonly bufferMemoryBytes: number
  /** What waiting records may take; their part of bufferMemoryBytes at least. */
  readonly waitingMemoryBytes: number
  readonly flush: FlushSettings | null
  readonly deliveryTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly maxBlockMs: number
  /** How long a record that was taken may wait for its topic's metadata, or for its partition. */
  readonly recordWaitMs: number
  readonly unknownTopicTimeoutMs: number
  /** A topic that was not used for this long is forgotten. */
  readonly metadataMaxIdleMs: number
  readonly retries: number
  readonly retryBackoffMs: number
  readonly retryBackoffMaxMs: number
  /** A broker without a response for this long is avoided; 0 = never. */
  readonly partitionerAvailabilityTimeoutMs: number
  /** Where the client is; null = anywhere. */
  readonly rack: string | null
  /** null = no transactions. */
  readonly transactionalId: string | null
  /** Topics with settings of their own. */
  readonly topics: ReadonlyMap<string, TopicSettings>
}

/** What the engine needs of its host, which steps it: the producer, or a test. */
export interface EngineHost {
  /** Milliseconds, monotonic. */
  now(): number
  /** Milliseconds since the epoch. */
  wallTime(): number
  /** A number in [0, 1), for jitter. */
  random(): number
  /**
   * Requests one call of `step` in this event-loop turn, after its I/O. The next request comes only
   * after that call.
   */
  wake(): void
  /** A record failed whose result no caller asked for. */
  onUnobservedFailure(error: KafkaError): void
  /** A result callback of the user's threw. */
  onCallbackError(error: unknown): void
  /** There is space again after `tryAppend` returned false. */
  onSpace(): void
}
