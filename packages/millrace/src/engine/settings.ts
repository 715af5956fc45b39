// Owns the types of the engine's settings, which are created from the producer's options, and of
// the host that steps the engine. Callers: producer/options.ts creates the settings; the producer
// and tests implement the host. Invariant: settings do not change after the engine was created.

import type { KafkaError } from '../protocol/kafka-error.ts'

/**
 * When open batches are released, in place of natural batching (Flush.* in sarama). 0 = no limit.
 */
export interface FlushSettings {
  readonly records: number
  readonly bytes: number
  readonly intervalMs: number
  /** Limit of the records in one batch. */
  readonly maxRecords: number
}

export interface CompressionSettings {
  /** Codec id of the batch's attributes; 0 = none. */
  readonly codecId: number
  /** Brokers accept it from this Produce version on; all brokers accept uncompressed batches. */
  readonly produceVersionMin?: number | undefined
  readonly compress: (
    bytes: Uint8Array,
    done: (error: Error | null, compressed: Uint8Array | null) => void,
  ) => void
}

/** Settings that a topic may override. */
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
  /** Total of batches and waiting records. */
  readonly bufferMemoryBytes: number
  /** Limit of the waiting records; at least their part of bufferMemoryBytes. */
  readonly waitingMemoryBytes: number
  readonly flush: FlushSettings | null
  readonly deliveryTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly maxBlockMs: number
  /** How long an accepted record may wait for metadata of its topic or partition. */
  readonly recordWaitMs: number
  readonly unknownTopicTimeoutMs: number
  /** A topic without records for this time is forgotten. */
  readonly metadataMaxIdleMs: number
  readonly retries: number
  readonly retryBackoffMs: number
  readonly retryBackoffMaxMs: number
  /** A broker without a response for this time is avoided; 0 = never. */
  readonly partitionerAvailabilityTimeoutMs: number
  /** The rack of the client; null = none. */
  readonly rack: string | null
  /** null = no transactions. */
  readonly transactionalId: string | null
  /** Topics with their own settings. */
  readonly topics: ReadonlyMap<string, TopicSettings>
}

/** The host steps the engine: the producer, or a test. */
export interface EngineHost {
  /** Monotonic milliseconds. */
  now(): number
  /** Milliseconds since the epoch. */
  wallTime(): number
  /** A number in [0, 1), for jitter. */
  random(): number
  /**
   * Requests one call of `step` in this event-loop turn, after its I/O. The next request follows
   * only after that call.
   */
  wake(): void
  /** A record failed, and no caller requested its result. */
  onUnobservedFailure(error: KafkaError): void
  /** A result callback of the user threw. */
  onCallbackError(error: unknown): void
  /** There is space again after `tryAppend` returned false. */
  onSpace(): void
}
