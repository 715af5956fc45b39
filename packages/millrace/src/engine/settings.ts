// What the engine is told about how to work; the producer's option table fills it in.

import type { KafkaError } from '../protocol/kafka-error.ts'

/**
 * When open batches are released, in place of natural batching (sarama's Flush.*). 0 = not by this.
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
  readonly compress: (
    bytes: Uint8Array,
    done: (error: Error | null, compressed: Uint8Array | null) => void,
  ) => void
}

export interface EngineSettings {
  readonly acks: -1 | 0 | 1
  readonly idempotent: boolean
  readonly maxInFlightRequests: number
  readonly batchBytes: number
  readonly maxRequestBytes: number
  /** Total of batches and records that wait. */
  readonly bufferMemoryBytes: number
  readonly lingerMs: number
  readonly flush: FlushSettings | null
  readonly deliveryTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly maxBlockMs: number
  readonly unknownTopicTimeoutMs: number
  readonly retries: number
  readonly retryBackoffMs: number
  readonly retryBackoffMaxMs: number
  /** null = no transactions. */
  readonly transactionalId: string | null
  /** null = none. */
  readonly compression: CompressionSettings | null
}

/** What the engine asks of whoever steps it. */
export interface EngineHost {
  /** Milliseconds, monotonic. */
  now(): number
  /** Milliseconds since the epoch. */
  wallTime(): number
  /** A number in [0, 1), for jitter. */
  random(): number
  /**
   * Asks for one call of `step` in this event-loop turn, after its I/O. Asked again only after it.
   */
  wake(): void
  /** A record failed and nobody asked for its result. */
  onUnclaimedFailure(error: KafkaError): void
  /** A result callback of the user's threw. */
  onCallbackError(error: unknown): void
  /** There is room again after `append` said no. */
  onRoom(): void
}
