// Owns the types and docstrings of the producer's options. Callers: users; scripts/docs.mjs copies
// the docstrings to docs/options.md. Invariant: option-table.ts has the check and the default of
// each option.

import type { CustomPartitioner } from '../engine/partitioner/custom-partitioner.ts'
import type { PartitionerName } from '../engine/partitioner/partitioner.ts'
import type { CompressionType } from '../protocol/compression/codec.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import type { SocketFactory } from '../runtime/dial-transport.ts'
import type { Logger } from '../runtime/logger.ts'
import type { TlsOptions } from '../runtime/tls-settings.ts'
import type { TlsProvider } from '../runtime/tls-source.ts'
import type { DeadLetterOption } from './dead-letter-option.ts'
import type { InterceptorOption } from './interceptor.ts'
import type { SaslOption } from './sasl-option.ts'
import type { SpoolOption } from './spool-option.ts'

/** How many brokers must have a record before it counts as delivered. */
export type Acks = 'all' | -1 | 0 | 1

/** A codec with its own level (KIP-390). */
export interface CompressionOption {
  /** The codec. */
  readonly type: CompressionType
  /**
   * gzip -1 or 1 to 9, zstd -131072 to 22; snappy and lz4 have none. By default that of the codec.
   */
  readonly level?: number | undefined
}

/** One codec, or several in the order of preference. */
export type CompressionChoice =
  | CompressionType
  | CompressionOption
  | readonly (CompressionType | CompressionOption)[]

/** Options of one topic; missing ones are those of the producer. */
export interface PerTopicOptions {
  /** Codec of the topic's batches. */
  readonly compression?: CompressionChoice | undefined
  /** Size of a full batch of the topic, before compression. */
  readonly batchBytes?: number | undefined
  /** How long a batch of the topic waits for more records. */
  readonly lingerMs?: number | undefined
  /** Chooses the partition of the topic's records that name none. */
  readonly partitioner?: PartitionerName | CustomPartitioner | undefined
}

/** Flushing by counts and time in place of natural batching; 0 or missing = no limit. */
export interface FlushOption {
  /** Records over all topics; sarama's `Flush.Messages`. */
  readonly records?: number | undefined
  /** Bytes of records over all topics; sarama's `Flush.Bytes`. */
  readonly bytes?: number | undefined
  /** Milliseconds after the first record of an empty buffer; sarama's `Flush.Frequency`. */
  readonly intervalMs?: number | undefined
  /** Limit of the records in one batch; sarama's `Flush.MaxMessages`. */
  readonly maxRecords?: number | undefined
}

/** Options of a producer. All except `brokers` are optional; `undefined` counts as missing. */
export interface ProducerOptions {
  /** Bootstrap servers: `host:port`, several separated by commas or as an array. */
  readonly brokers: string | readonly string[]
  /** Name of this client in the logs, metrics and quotas of the brokers. Default: 'millrace'. */
  readonly clientId?: string | undefined
  /**
   * When a record counts as delivered: `'all'` = all in-sync replicas have it, 1 = the leader has
   * it, 0 = the operating system has accepted it. Default: 'all'.
   */
  readonly acks?: Acks | undefined
  /**
   * Records are stored exactly once and in order, for any retries. On by default with acks 'all'.
   */
  readonly idempotent?: boolean | undefined
  /** Produce requests in flight per broker; at most 5 when idempotent. Default: 5. */
  readonly maxInFlightRequests?: number | undefined
  /**
   * Makes the producer transactional. The id is the same after a restart, and one producer at a
   * time uses it: a new producer fences the old one, and aborts its open transaction.
   */
  readonly transactionalId?: string | undefined
  /**
   * How long a transaction may stay open before its coordinator aborts it; brokers allow up to
   * their transaction.max.timeout.ms, 15 minutes by default. Default: 60,000.
   */
  readonly transactionTimeoutMs?: number | undefined
  /**
   * How long a batch waits for more records. 0 is fast and still builds large batches under load:
   * see natural batching. Default: 0.
   */
  readonly lingerMs?: number | undefined
  /** Size of a full batch, before compression. Default: 512 KiB. */
  readonly batchBytes?: number | undefined
  /** Size of a Produce request; a record that does not fit is rejected. Default: 8 MiB. */
  readonly maxRequestBytes?: number | undefined
  /**
   * Memory for unsettled records: 3/8 of it for batches, the rest for waiting records. Default: 32
   * MiB.
   */
  readonly bufferMemoryBytes?: number | undefined
  /** Memory for sends that wait for space: half of the heap limit by default. */
  readonly waitingMemoryBytes?: number | undefined
  /** How long a send waits for buffer space or for metadata of its topic. Default: 60,000. */
  readonly maxBlockMs?: number | undefined
  /**
   * How long a record may take from its batch to its acknowledgement, including retries. Default:
   * 120,000.
   */
  readonly deliveryTimeoutMs?: number | undefined
  /**
   * How long a broker may take to respond to a request, and for a whole SASL exchange. Default:
   * 30,000.
   */
  readonly requestTimeoutMs?: number | undefined
  /**
   * How long a topic may be unknown to the brokers before its records fail with UNKNOWN_TOPIC.
   * Default: 10,000.
   */
  readonly unknownTopicTimeoutMs?: number | undefined
  /** Limit of the retries of a batch; deliveryTimeoutMs is the better limit. Default: unlimited. */
  readonly retries?: number | undefined
  /** Pause before the first retry; doubles each time, ±20 %. Default: 100. */
  readonly retryBackoffMs?: number | undefined
  /** Longest pause between retries. Default: 1,000. */
  readonly retryBackoffMaxMs?: number | undefined
  /**
   * Codec of the batches; compression does not run on the main thread. A batch that would grow is
   * sent uncompressed. A list names codecs in the order of preference: the next one is used if a
   * broker does not support one. Default: 'none'.
   */
  readonly compression?: CompressionChoice | undefined
  /** Chooses the partition of records that name none. Default: 'java'. */
  readonly partitioner?: PartitionerName | CustomPartitioner | undefined
  /**
   * Options of single topics, by the topic's name: compression, batchBytes, lingerMs and
   * partitioner.
   */
  readonly topics?: Readonly<Record<string, PerTopicOptions>> | undefined
  /**
   * A broker that has not responded for this time gets no records without a fixed partition while
   * others respond; it gets none earlier if its share of the buffer is full. 0 = it gets them
   * (KIP-794). Default: 1,000.
   */
  readonly partitionerAvailabilityTimeoutMs?: number | undefined
  /**
   * The location of this client, as in `broker.rack` of the brokers. Records without a fixed
   * partition are sent to partitions with a leader in this rack, while one of these leaders
   * responds (KIP-1123).
   */
  readonly rack?: string | undefined
  /** Flushing as in sarama, counted over the whole producer; replaces natural batching. */
  readonly flush?: FlushOption | undefined
  /** Allows brokers to create topics at first use, if they are configured for it. Default: true. */
  readonly allowAutoTopicCreation?: boolean | undefined
  /** Age at which metadata is refreshed. Default: 300,000. */
  readonly metadataMaxAgeMs?: number | undefined
  /**
   * A topic without records for this time is forgotten, with its metadata and metrics. Default:
   * 300,000.
   */
  readonly metadataMaxIdleMs?: number | undefined
  /**
   * After this time without metadata, the client starts again from the bootstrap servers
   * (KIP-1102). Default: 300,000.
   */
  readonly metadataRecoveryRebootstrapTriggerMs?: number | undefined
  /** How long one connection attempt may take. Default: 10,000. */
  readonly connectTimeoutMs?: number | undefined
  /** Pause before the next connection attempt; doubles, ±20 %. Default: 50. */
  readonly reconnectBackoffMs?: number | undefined
  /** Longest pause between connection attempts. Default: 800. */
  readonly reconnectBackoffMaxMs?: number | undefined
  /**
   * A connection without a request for this time is closed; 0 = never. Load balancers drop idle
   * connections silently after 4 minutes and brokers close them after 10, so this limit is lower.
   * Default: 180,000.
   */
  readonly connectionsMaxIdleMs?: number | undefined
  /** Size of the largest response accepted. Default: 16 MiB. */
  readonly maxResponseBytes?: number | undefined
  /**
   * Connects with TLS: `true` trusts the public authorities; see docs/security.md for private
   * authorities, client certificates, and a function that returns the current ones.
   */
  readonly tls?: boolean | TlsOptions | TlsProvider | undefined
  /**
   * How to authenticate: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or a custom mechanism;
   * see docs/security.md.
   */
  readonly sasl?: SaslOption | undefined
  /**
   * Opens the sockets in place of TCP: `({ host, port })` returns a Duplex, or a promise of one.
   * For proxies and tunnels; TLS is added on top.
   */
  readonly socketFactory?: SocketFactory | undefined
  /** Whether open connections and timers keep the process alive. Default: true. */
  readonly keepProcessAlive?: boolean | undefined
  /** Called around every record: `onSend` may replace it, `onSettled` gets its result. */
  readonly interceptors?: readonly InterceptorOption[] | undefined
  /**
   * Keeps records on disk until Kafka has acknowledged them: they survive a crash of the process,
   * and hours without brokers; see docs/spool.md.
   */
  readonly spool?: SpoolOption | undefined
  /**
   * Where records are stored that were accepted and failed: `{ topic }`, `{ file }` or a function;
   * see docs/dead-letters.md.
   */
  readonly deadLetter?: DeadLetterOption | undefined
  /**
   * Pushes metrics to brokers that request them (KIP-714); see docs/telemetry.md. Default: true.
   */
  readonly enableMetricsPush?: boolean | undefined
  /** Receives log messages; by default the console gets warnings and errors. */
  readonly logger?: Logger | undefined
  /** Called for each failed send, also if its promise is not awaited. */
  readonly onError?: ((error: KafkaError) => void) | undefined
}
