// The options of a producer as the caller passes them. scripts/docs.mjs copies the docstrings to
// docs/options.md; option-table.ts has each option's check and default.

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

/** A codec with a level of its own (KIP-390). */
export interface CompressionOption {
  /** The codec. */
  readonly type: CompressionType
  /**
   * gzip -1 or 1 to 9, zstd -131072 to 22; snappy and lz4 take none. The codec's default without
   * it.
   */
  readonly level?: number | undefined
}

/** One codec, or several by preference. */
export type CompressionChoice =
  | CompressionType
  | CompressionOption
  | readonly (CompressionType | CompressionOption)[]

/** Options of one topic; those that are left out are the producer's. */
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

/** Flushing by counts and time instead of natural batching; 0 or left out = not by this. */
export interface FlushOption {
  /** Records over all topics; sarama's `Flush.Messages`. */
  readonly records?: number | undefined
  /** Bytes of records over all topics; sarama's `Flush.Bytes`. */
  readonly bytes?: number | undefined
  /** Milliseconds after the first record of an empty buffer; sarama's `Flush.Frequency`. */
  readonly intervalMs?: number | undefined
  /** Records in one batch at most; sarama's `Flush.MaxMessages`. */
  readonly maxRecords?: number | undefined
}

/** Options of a producer. All but `brokers` may be left out; `undefined` counts as left out. */
export interface ProducerOptions {
  /** Bootstrap servers: `host:port`, several separated by commas or as an array. */
  readonly brokers: string | readonly string[]
  /** Name of this client in the logs, metrics and quotas of the brokers. Default: 'millrace'. */
  readonly clientId?: string | undefined
  /**
   * When a record counts as delivered: `'all'` = all in-sync replicas have it, 1 = the leader, 0 =
   * it was handed to the operating system. Default: 'all'.
   */
  readonly acks?: Acks | undefined
  /**
   * Records are stored exactly once and in order, whatever is retried. On by default with acks
   * 'all'.
   */
  readonly idempotent?: boolean | undefined
  /** Produce requests in flight per broker; at most 5 when idempotent. Default: 5. */
  readonly maxInFlightRequests?: number | undefined
  /**
   * Makes the producer transactional. Stable over restarts, and of one producer at a time: a new
   * one fences the old one, and ends what it left open.
   */
  readonly transactionalId?: string | undefined
  /**
   * How long a transaction may be open before its coordinator aborts it; brokers allow up to their
   * transaction.max.timeout.ms, 15 minutes by default. Default: 60,000.
   */
  readonly transactionTimeoutMs?: number | undefined
  /**
   * How long a batch waits for more records. 0 is fast and batches well: see natural batching.
   * Default: 0.
   */
  readonly lingerMs?: number | undefined
  /** Size of a full batch, before compression. Default: 512 KiB. */
  readonly batchBytes?: number | undefined
  /** Size of a Produce request; a record that does not fit is rejected. Default: 8 MiB. */
  readonly maxRequestBytes?: number | undefined
  /**
   * Memory for records that are not settled: 3/8 of it for batches, the rest for those that wait.
   * Default: 32 MiB.
   */
  readonly bufferMemoryBytes?: number | undefined
  /** Memory for sends that wait for space: half of the heap limit if omitted. */
  readonly waitingMemoryBytes?: number | undefined
  /** How long a send waits for buffer space or for metadata of its topic. Default: 60,000. */
  readonly maxBlockMs?: number | undefined
  /**
   * How long a record may take from its batch to its acknowledgement, retries included. Default:
   * 120,000.
   */
  readonly deliveryTimeoutMs?: number | undefined
  /** How long a broker may take to respond to a request. Default: 30,000. */
  readonly requestTimeoutMs?: number | undefined
  /**
   * How long a topic may be unknown to the brokers before its records fail with UNKNOWN_TOPIC.
   * Default: 10,000.
   */
  readonly unknownTopicTimeoutMs?: number | undefined
  /** How often a batch is sent again; deliveryTimeoutMs is the better limit. Default: unlimited. */
  readonly retries?: number | undefined
  /** Pause before the first retry; doubles each time, ±20 %. Default: 100. */
  readonly retryBackoffMs?: number | undefined
  /** Longest pause between retries. Default: 1,000. */
  readonly retryBackoffMaxMs?: number | undefined
  /**
   * Codec of the batches, off the main thread. A batch that would grow goes out plain. A list names
   * codecs by preference: the next one is used if a broker does not know one. Default: 'none'.
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
   * A broker without a response for this long gets no records that may go to any partition, while
   * others respond; sooner where its share of the buffer is full. 0 = it gets them (KIP-794).
   * Default: 1,000.
   */
  readonly partitionerAvailabilityTimeoutMs?: number | undefined
  /**
   * Where this client is, as `broker.rack` of the brokers. Records that may go to any partition go
   * to those led in this rack, while one of them responds (KIP-1123).
   */
  readonly rack?: string | undefined
  /** Flushing as sarama does it, counted over the whole producer; replaces natural batching. */
  readonly flush?: FlushOption | undefined
  /** Lets brokers create topics on first use, if they do that. Default: true. */
  readonly allowAutoTopicCreation?: boolean | undefined
  /** Age at which metadata is refreshed. Default: 300,000. */
  readonly metadataMaxAgeMs?: number | undefined
  /**
   * A topic that no record has used for this long is forgotten, with its metadata and metrics.
   * Default: 300,000.
   */
  readonly metadataMaxIdleMs?: number | undefined
  /**
   * Without metadata for this long, start again from the bootstrap servers (KIP-1102). Default:
   * 300,000.
   */
  readonly metadataRecoveryRebootstrapTriggerMs?: number | undefined
  /** How long one connection attempt may take. Default: 10,000. */
  readonly connectTimeoutMs?: number | undefined
  /** Pause before connecting again; doubles, ±20 %. Default: 50. */
  readonly reconnectBackoffMs?: number | undefined
  /** Longest pause between connection attempts. Default: 800. */
  readonly reconnectBackoffMaxMs?: number | undefined
  /**
   * A connection without a request for this long is closed; 0 = never. Load balancers drop idle
   * connections silently after 4 minutes and brokers after 10, so ours goes first. Default:
   * 180,000.
   */
  readonly connectionsMaxIdleMs?: number | undefined
  /** Size of the largest response accepted. Default: 16 MiB. */
  readonly maxResponseBytes?: number | undefined
  /**
   * Connects with TLS: `true` trusts the public authorities; see docs/security.md for your own, for
   * client certificates, and for a function that gives the current ones.
   */
  readonly tls?: boolean | TlsOptions | TlsProvider | undefined
  /**
   * How to authenticate: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or your own mechanism;
   * see docs/security.md.
   */
  readonly sasl?: SaslOption | undefined
  /**
   * Opens the sockets instead of TCP: `({ host, port })` gives a Duplex, or a promise of one. For
   * proxies and tunnels; TLS runs on top.
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
   * Where records go that were taken and failed for good: `{ topic }`, `{ file }` or a function;
   * see docs/dead-letters.md.
   */
  readonly deadLetter?: DeadLetterOption | undefined
  /**
   * Pushes metrics to brokers that ask for them (KIP-714); see docs/telemetry.md. Default: true.
   */
  readonly enableMetricsPush?: boolean | undefined
  /** Receives log messages; by default warnings and errors go to the console. */
  readonly logger?: Logger | undefined
  /** Called for each failed send, also if its promise is not awaited. */
  readonly onError?: ((error: KafkaError) => void) | undefined
}
