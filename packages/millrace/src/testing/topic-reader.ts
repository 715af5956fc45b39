// Reads a topic from a start to the end that it had when reading began. It is not a consumer: it
// has no group and does not follow new records. Invariants: the records of a partition come in
// offset order, each once; every checksum is verified; transaction markers are skipped. Keys,
// values, and headers are views of bytes that do not change. Callers: tests and the CLI's first
// run.

import { KafkaError } from '../protocol/kafka-error.ts'
import {
  decodeFetched,
  type TopicBatch,
  type TopicRecord,
} from '../protocol/records/fetched-batches.ts'
import { type Isolation, listOffsetsTimestamp, ReaderCluster } from './reader-cluster.ts'
import { defaultSessionContext } from './session.ts'

/** What to read, and where to stop. */
export interface ReadTopicOptions {
  /** The bootstrap addresses: `['localhost:9092']`. */
  readonly brokers: readonly string[]
  /** The topic to read. */
  readonly topic: string
  /**
   * The first offset in each partition; partitions that are not in the map are skipped. By default
   * the whole topic.
   */
  readonly from?: 'earliest' | ReadonlyMap<number, number> | undefined
  /**
   * `read_committed`: up to the oldest open transaction, without the records of aborted ones.
   * `read_uncommitted` (the default, as for Kafka's consumers): all records.
   */
  readonly isolation?: Isolation | undefined
  /** Ends the reading with the reason of the signal. */
  readonly signal?: AbortSignal | undefined
  /** The time limit of the whole reading; 30 seconds by default. */
  readonly timeoutMs?: number | undefined
  /** Ends the reading after this many records. */
  readonly maxRecords?: number | undefined
}

const timeoutMsDefault = 30_000
const retryDelayMs = 100

/** The part of a partition that has not been read yet. */
interface Span {
  readonly partition: number
  /** The offset of the next record. */
  position: number
  /** The offset after the last record. */
  readonly end: number
}

/**
 * The records of a topic up to its current end.
 *
 * @example
 * for await (const { partition, offset, value } of readTopic({ brokers, topic: 'orders' })) {
 *   console.log(partition, offset, String(value))
 * }
 */
export async function* readTopic(
  options: ReadTopicOptions,
): AsyncGenerator<TopicRecord, void, undefined> {
  let left = options.maxRecords ?? Number.POSITIVE_INFINITY
  for await (const { records } of readTopicBatches(options)) {
    for (const record of records) {
      if (left-- <= 0) return
      yield record
      // The next step of the iteration throws the reason of the abort.
      if (options.signal?.aborted) break
    }
  }
}

/**
 * As readTopic, but returns batches; `maxRecords` ends it after the batch that reaches it.
 *
 * @example
 * for await (const batch of readTopicBatches({ brokers, topic: 'orders' })) {
 *   console.log(batch.partition, batch.producerId, batch.records.length)
 * }
 */
export async function* readTopicBatches(
  options: ReadTopicOptions,
): AsyncGenerator<TopicBatch, void, undefined> {
  const { topic, signal, from = 'earliest', timeoutMs = timeoutMsDefault } = options
  const { isolation = 'read_uncommitted' } = options
  const cluster = new ReaderCluster(options.brokers, topic, isolation, defaultSessionContext)
  const reading = new Reading(cluster, options.maxRecords)
  const abort = (): void => cluster.close(abortedError(topic, signal?.reason))
  const timer = defaultSessionContext.clock.setTimer(timeoutMs, () =>
    cluster.close(timeoutError(topic, timeoutMs, reading.lastError)),
  )
  signal?.addEventListener('abort', abort, { once: true })
  try {
    if (signal?.aborted) abort()
    await reading.findSpans(from)
    yield* reading.batches()
  } finally {
    timer.cancel()
    signal?.removeEventListener('abort', abort)
    cluster.close()
  }
}

/** The spans and their positions. Retriable failures are retried until the reading is closed. */
class Reading {
  readonly #cluster: ReaderCluster
  #recordsLeft: number
  #spans: readonly Span[] = []
  #isLayoutKnown = false
  /** The latest error that keeps the reading from continuing. */
  lastError: KafkaError | null = null

  constructor(cluster: ReaderCluster, maxRecords = Number.POSITIVE_INFINITY) {
    this.#cluster = cluster
    this.#recordsLeft = maxRecords
  }

  async findSpans(from: 'earliest' | ReadonlyMap<number, number>): Promise<void> {
    const { end, beginning } = listOffsetsTimestamp
    const starts =
      from === 'earliest' ? await this.#persist(() => this.#cluster.listOffsets(beginning)) : from
    const ends = await this.#persist(() => this.#cluster.listOffsets(end))
    this.#spans = [...starts].map(([partition, position]) =>
      makeSpan(partition, position, ends.get(partition), ends.size),
    )
  }

  async *batches(): AsyncGenerator<TopicBatch, void, undefined> {
    for (;;) {
      const open = this.#spans.filter(({ position, end }) => position < end)
      if (open.length === 0) return
      for (const nodeId of this.#cluster.leaders) {
        for await (const batch of this.#batchesOf(nodeId, open)) {
          if (this.#recordsLeft <= 0) return
          this.#recordsLeft -= batch.records.length
          yield batch
          this.#cluster.checkOpen()
        }
      }
      if (this.#recordsLeft <= 0) return
    }
  }

  async *#batchesOf(
    nodeId: number,
    open: readonly Span[],
  ): AsyncGenerator<TopicBatch, void, undefined> {
    const fetched = await this.#persist(() => this.#cluster.fetch(nodeId, open))
    for (const { partition, records, abortedTransactions } of fetched) {
      const span = open.find((candidate) => candidate.partition === partition)
      if (span === undefined || records === null) continue
      const { position, end } = span
      for (const batch of decodeFetched(partition, records, position, end, abortedTransactions)) {
        span.position = batch.nextOffset
        if (batch.records.length > 0) yield batch
      }
    }
  }

  /** Repeats `request` until it succeeds, fails with a final error, or the reading is closed. */
  async #persist<Result>(request: () => Promise<Result>): Promise<Result> {
    for (;;) {
      try {
        if (!this.#isLayoutKnown) await this.#cluster.loadLayout()
        this.#isLayoutKnown = true
        return await request()
      } catch (error) {
        this.#cluster.checkOpen()
        if (!(error instanceof KafkaError) || !this.#mayPass(error)) throw error
        this.lastError = error
      }
      this.#isLayoutKnown = false
      this.#cluster.disconnect()
      await this.#cluster.pause(retryDelayMs)
    }
  }

  /** An unknown topic or cluster is reported at once and not waited for. */
  #mayPass(error: KafkaError): boolean {
    const isAbsence = error.code === 'UNKNOWN_TOPIC' || error.code === 'CONNECTION_FAILED'
    return error.retriable && (this.#isLayoutKnown || !isAbsence)
  }
}

const makeSpan = (
  partition: number,
  position: number,
  end: number | undefined,
  partitionCount: number,
): Span => {
  if (end === undefined) {
    const text = `partition ${partition} does not exist: there are ${partitionCount}`
    throw new KafkaError('UNKNOWN_PARTITION', text, { partition })
  }
  if (!Number.isSafeInteger(position) || position < 0 || position > end) {
    const text = `partition ${partition} has no offset ${position}: it ends before ${end}`
    throw new KafkaError('INVALID_ARGUMENT', text, { partition })
  }
  return { partition, position, end }
}

const abortedError = (topic: string, reason: unknown): KafkaError =>
  new KafkaError('ABORTED', `Reading ${topic} was aborted by its signal`, { topic, cause: reason })

const timeoutError = (topic: string, timeoutMs: number, cause: KafkaError | null): KafkaError => {
  const why = cause === null ? '' : `: ${cause.message}`
  return new KafkaError('REQUEST_TIMEOUT', `${topic} was not read within ${timeoutMs} ms${why}`, {
    topic,
    ...(cause === null ? {} : { cause }),
  })
}
