// Reads the records of a topic for tools and follows new ones. It is not a consumer: it has no
// group and commits nothing. It owns the positions and the fetched responses. Invariants: the
// records of a partition come in offset order, each once, also after leader changes and lost
// connections. Each leader has at most one Fetch request in flight or one response waiting, so
// memory is bounded. Caller: Admin.

import { checkFields } from '../producer/field-check.ts'
import { fetchApi } from '../protocol/api/01-fetch.ts'
import { brokerError, errorNumber } from '../protocol/errors.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import type { ProducerId } from '../protocol/producer-id.ts'
import { decodeFetched, type TopicRecord } from '../protocol/records/fetched-batches.ts'
import { decodeBatchHeader, splitBatches } from '../protocol/records/record-batch.ts'
import type { Clock } from '../runtime/clock.ts'
import type { BrokerCalls } from './broker-calls.ts'
import {
  checkArray,
  checkOffsetBound,
  checkOneOf,
  checkPartition,
  checkText,
  checkWhole,
} from './check.ts'
import { isolations, listOffsets, type OffsetIsolation } from './cluster-description.ts'
import { readLeaders, type TopicLeaders } from './leaders.ts'
import { ReadInterruptions } from './read-interruptions.ts'

/**
 * Where reading starts: `latest` = new records only; a number is an offset, and a negative one
 * counts from the end; a timestamp is the first record at or after it.
 */
export type ReadFrom = 'earliest' | 'latest' | number | { readonly timestamp: number }

/**
 * Where reading ends: `latest` = the end offset that the partition has now; a number = before this
 * offset; a timestamp = before this time.
 */
export type ReadUntil = 'latest' | number | { readonly timestamp: number }

/** What to read. */
export interface ReadRecordsOptions {
  /** All partitions by default. */
  readonly partitions?: readonly number[] | undefined
  /** `earliest` by default. */
  readonly from?: ReadFrom | undefined
  /** By default, reading waits for new records until the signal aborts. */
  readonly until?: ReadUntil | undefined
  /** `read_committed` by default: without records of open and aborted transactions. */
  readonly isolation?: OffsetIsolation | undefined
  /** Ends the reading; the iteration rejects with ABORTED. */
  readonly signal?: AbortSignal | undefined
  /**
   * Ends the reading with TIMEOUT if a partition could not be read for so long because of errors;
   * its `cause` is the last one. 60 s by default with `until`, otherwise there is no limit.
   */
  readonly timeoutMs?: number | undefined
  /** Called if records were deleted before they were read. */
  readonly onSkipped?: ((gap: SkippedRecords) => void) | undefined
  /**
   * Called once with each reason why a partition cannot be read, for example an outage, and with
   * `null` when reading continues.
   */
  readonly onHeldUp?: ((reason: KafkaError | null) => void) | undefined
}

/** Records that the broker deleted (by retention or DeleteRecords) before they were read. */
export interface SkippedRecords {
  /** The partition that held them. */
  readonly partition: number
  /** The offset that would have been read next. */
  readonly fromOffset: number
  /** The first offset that still exists; reading continues there. */
  readonly toOffset: number
}

const optionNames = [
  'partitions',
  'from',
  'until',
  'isolation',
  'signal',
  'timeoutMs',
  'onSkipped',
  'onHeldUp',
] as const

/** A copy of the options. Throws INVALID_ARGUMENT for an unknown one. */
export const checkReadOptions = (options: ReadRecordsOptions): ReadRecordsOptions =>
  checkFields('options', options, optionNames)

const consumerReplicaId = -1
const timeoutMsDefault = 60_000
const fetchMaxWaitMs = 500
const earlyMsMax = 100
const fetchMaxBytes = 8 * 1024 * 1024
const fetchPartitionMaxBytes = 1024 * 1024

/** A partition that is being read. */
interface Position {
  readonly partition: number
  offset: number
  /** Whether a record was read since the start. */
  isMoved: boolean
  /** Reading ends before this offset. */
  end: number
}

type Batches = readonly (readonly TopicRecord[])[]

/** What was read of a response, and the first error of its partitions; null = none. */
interface FetchOutcome {
  readonly batches: Batches
  readonly failure: KafkaError | null
}

export class RecordReader {
  readonly #calls: BrokerCalls
  readonly #topic: string
  readonly #options: ReadRecordsOptions
  readonly #clock: Clock
  readonly #interruptions: ReadInterruptions
  readonly #isolation: OffsetIsolation
  #leaders: TopicLeaders | null = null
  #positions = new Map<number, Position>()
  /** Leaders with a request in flight, or with a response that the caller has not received. */
  readonly #requested = new Set<number>()
  /** Responses that the caller has not received, at most one for each leader. */
  readonly #arrived: { readonly nodeId: number; readonly batches: Batches }[] = []
  #failure: unknown = null
  /** The number of consecutive responses that arrived at once and contained no records. */
  #earlyCount = 0
  /** The number of consecutive requests that failed without a record between them. */
  #failedCount = 0
  #wake: () => void = () => {}
  /**
   * The timestamp at which reading ends, while its offset is unknown because it may be in the
   * future.
   */
  #endsAt: number | null = null

  /** `options` are those of checkReadOptions. */
  constructor(calls: BrokerCalls, topic: string, options: ReadRecordsOptions, clock: Clock) {
    this.#calls = calls
    this.#topic = checkText('topic', topic)
    this.#options = options
    this.#clock = clock
    const { isolation = 'read_committed', partitions = [] } = options
    this.#isolation = checkOneOf('isolation', isolation, isolations)
    for (const partition of checkArray('partitions', partitions)) checkPartition(partition)
    checkOffsetBound('from', options.from ?? 'earliest', ['earliest', 'latest'])
    if (options.until !== undefined) checkOffsetBound('until', options.until, ['latest'], 0)
    this.#interruptions = new ReadInterruptions({
      topic,
      timeoutMs: timeoutOf(options),
      onHeldUp: options.onHeldUp,
    })
  }

  /** Finds the start and end offsets; rejects if the topic or a partition does not exist. */
  async open(): Promise<void> {
    const wanted = this.#options.partitions ?? null
    this.#leaders = await this.#calls.untilDone(
      () => readLeaders(this.#calls, this.#topic, wanted),
      true,
    )
    const begins = await this.#beginnings()
    const ends = await this.#ends()
    for (const [partition, offset] of begins) {
      const end = ends?.get(partition) ?? Number.POSITIVE_INFINITY
      this.#positions.set(partition, { partition, offset, end, isMoved: false })
    }
  }

  /** The records in the order of their arrival, several at a time. */
  async *records(): AsyncGenerator<readonly TopicRecord[], void, undefined> {
    for (;;) {
      if (this.#endsAt !== null) await this.#findEndsInTime()
      const open = [...this.#positions.values()].filter(({ offset, end }) => offset < end)
      if (open.length === 0 && this.#arrived.length === 0) return
      this.#startFetches(open)
      for (const batch of await this.#next()) yield batch
    }
  }

  /** Resolves with the next response; throws the error that ended the reading. */
  async #next(): Promise<Batches> {
    const { signal } = this.#options
    const wake = (): void => this.#wake()
    signal?.addEventListener('abort', wake, { once: true })
    try {
      for (;;) {
        if (signal?.aborted) throw abortedError(this.#topic, signal.reason)
        const arrived = this.#arrived.shift()
        if (arrived !== undefined) {
          this.#requested.delete(arrived.nodeId)
          return arrived.batches
        }
        if (this.#failure !== null) throw this.#failure
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    } finally {
      signal?.removeEventListener('abort', wake)
    }
  }

  async #offsetsAt(spec: Parameters<typeof listOffsets>[3]): Promise<ReadonlyMap<number, number>> {
    const wanted = this.#options.partitions ?? null
    return listOffsets(this.#calls, this.#topic, wanted, spec, this.#isolation)
  }

  async #beginnings(): Promise<ReadonlyMap<number, number>> {
    const { from = 'earliest' } = this.#options
    if (from === 'earliest' || from === 'latest') return this.#offsetsAt(from)
    const latest = await this.#offsetsAt('latest')
    if (typeof from === 'number') checkReached(from, this.#topic, latest)
    if (typeof from === 'object') {
      const found = await this.#offsetsAt(from)
      return mapOf(found, (partition, offset) => (offset < 0 ? latest.get(partition)! : offset))
    }
    const earliest = await this.#offsetsAt('earliest')
    return mapOf(earliest, (partition, first) => {
      const end = latest.get(partition)!
      if (from < 0) return Math.max(first, end + from)
      if (from < first) {
        this.#options.onSkipped?.({ partition, fromOffset: from, toOffset: first })
      }
      // If the offset is beyond the end, reading waits until the partition has grown to it.
      return Math.max(first, from)
    })
  }

  /** `null` = reading has no end. */
  async #ends(): Promise<ReadonlyMap<number, number> | null> {
    const { until } = this.#options
    if (until === undefined) return null
    const latest = await this.#offsetsAt('latest')
    if (until === 'latest') return latest
    if (typeof until === 'number') return mapOf(latest, () => until)
    this.#endsAt = until.timestamp
    return null
  }

  /**
   * Once the timestamp has passed, the end is the first record at or after it, or the current end.
   */
  async #findEndsInTime(): Promise<void> {
    const timestamp = this.#endsAt!
    if (this.#clock.wallTime() < timestamp) return
    this.#endsAt = null
    const latest = await this.#offsetsAt('latest')
    for (const [partition, offset] of await this.#offsetsAt({ timestamp })) {
      const position = this.#positions.get(partition)
      if (position !== undefined) position.end = offset < 0 ? latest.get(partition)! : offset
    }
  }

  #startFetches(open: readonly Position[]): void {
    const { byLeader } = this.#leaders!
    for (const [nodeId, partitions] of byLeader) {
      const wanted = open.filter(({ partition }) => partitions.includes(partition))
      if (wanted.length === 0 || this.#requested.has(nodeId)) continue
      this.#requested.add(nodeId)
      this.#fetch(nodeId, wanted).then(
        (batches) => this.#onArrived(nodeId, batches),
        (error: unknown) => this.#onFailed(error),
      )
    }
  }

  #onArrived(nodeId: number, batches: Batches): void {
    this.#arrived.push({ nodeId, batches })
    this.#wake()
  }

  #onFailed(error: unknown): void {
    this.#failure ??= error
    this.#wake()
  }

  /** Resolves without records after a retriable error, once the leaders are known again. */
  async #fetch(nodeId: number, wanted: readonly Position[]): Promise<Batches> {
    const before = wanted.map(({ offset }) => offset)
    const beganMs = this.#clock.now()
    const { batches, failure } = await this.#outcomeOf(nodeId, wanted, beganMs)
    const isMoved = wanted.some(({ offset }, index) => offset !== before[index])
    if (isMoved) this.#failedCount = 0
    // What was read comes first; the next request shows whether the error lasts.
    if (failure !== null && batches.length === 0) {
      this.#interruptions.checkLimit()
      await this.#findLeadersAgain(wanted, beganMs)
    } else if (failure === null) {
      // A broker waits until records are available; one that responds at once is sent fewer
      // requests.
      const isEarly = !isMoved && this.#clock.now() - beganMs < earlyMsMax
      this.#earlyCount = isEarly ? this.#earlyCount + 1 : 0
      if (isEarly) await this.#calls.pause(this.#earlyCount)
    }
    return batches
  }

  /** Throws unless the error is retriable. */
  async #outcomeOf(
    nodeId: number,
    wanted: readonly Position[],
    beganMs: number,
  ): Promise<FetchOutcome> {
    try {
      return await this.#fetchOnce(nodeId, wanted, beganMs)
    } catch (error) {
      if (!(error instanceof KafkaError) || !error.retriable) throw error
      this.#markInterrupted(wanted, error, beganMs)
      return { batches: [], failure: error }
    }
  }

  #markInterrupted(positions: readonly Position[], error: KafkaError, beganMs: number): void {
    const nowMs = this.#clock.now()
    for (const { partition } of positions) {
      this.#interruptions.onFailed(partition, error, beganMs, nowMs)
    }
  }

  async #findLeadersAgain(wanted: readonly Position[], beganMs: number): Promise<void> {
    await this.#calls.pause(this.#failedCount++)
    const leaders = await this.#calls.untilReachable(
      () => readLeaders(this.#calls, this.#topic, this.#options.partitions ?? null),
      (error) => {
        this.#markInterrupted(wanted, error, beganMs)
        this.#interruptions.checkLimit()
      },
    )
    // Another topic id means another topic, so the offsets of the deleted one are invalid. Brokers
    // before 2.8 have no topic ids: all are zero.
    const isSame = Buffer.compare(leaders.topicId, this.#leaders!.topicId) === 0
    if (!isSame) throw createdAgain(this.#topic)
    this.#leaders = leaders
  }

  async #fetchOnce(
    nodeId: number,
    wanted: readonly Position[],
    beganMs: number,
  ): Promise<FetchOutcome> {
    const byLeader = this.#leaders!.byLeader.get(nodeId) ?? []
    const requested = wanted.filter(({ partition }) => byLeader.includes(partition))
    if (requested.length === 0) return { batches: [], failure: null }
    const { topicId } = this.#leaders!
    const response = await this.#calls.toNode(
      nodeId,
      fetchApi,
      {
        replicaId: consumerReplicaId,
        maxWaitMs: fetchMaxWaitMs,
        minBytes: 1,
        maxBytes: fetchMaxBytes,
        isolationLevel: this.#isolation === 'read_committed' ? 1 : 0,
        topics: [
          {
            topic: this.#topic,
            topicId,
            partitions: requested.map(({ partition, offset }) => ({
              partition,
              fetchOffset: offset,
              partitionMaxBytes: fetchPartitionMaxBytes,
            })),
          },
        ],
      },
      ({ errorCode }, { name: broker }) =>
        errorCode === errorNumber.NONE
          ? null
          : brokerError(errorCode, { api: fetchApi.name, topic: this.#topic, broker }),
    )
    const batches: (readonly TopicRecord[])[] = []
    let failure: KafkaError | null = null
    for (const { partitions } of response.responses) {
      for (const fetched of partitions) {
        const position = requested.find(({ partition }) => partition === fetched.partitionIndex)
        if (position === undefined) continue
        const error = await this.#take(fetched, position, batches)
        if (error === null) this.#interruptions.onRead(position.partition)
        else this.#markInterrupted([position], error, beganMs)
        failure ??= error
      }
    }
    return { batches, failure }
  }

  /** Adds the records to `batches`; the result is a retriable error, or null. */
  async #take(
    fetched: FetchedPartition,
    position: Position,
    batches: (readonly TopicRecord[])[],
  ): Promise<KafkaError | null> {
    try {
      await this.#takeOrThrow(fetched, position, batches)
      return null
    } catch (error) {
      // The records before the error are read: the next request begins with the error.
      if (error instanceof KafkaError && (error.retriable || batches.length > 0)) return error
      throw error
    }
  }

  async #takeOrThrow(
    fetched: FetchedPartition,
    position: Position,
    batches: (readonly TopicRecord[])[],
  ): Promise<void> {
    const { partitionIndex: partition, errorCode, records, abortedTransactions } = fetched
    if (errorCode === errorNumber.OFFSET_OUT_OF_RANGE) {
      await this.#skipDeleted(position)
      return
    }
    if (errorCode !== errorNumber.NONE) {
      throw brokerError(errorCode, { api: fetchApi.name, topic: this.#topic, partition })
    }
    if (records === null) return
    const { offset, end } = position
    for (const batch of decodeFetched(partition, records, offset, end, abortedTransactions ?? [])) {
      position.offset = batch.nextOffset
      position.isMoved = true
      if (batch.records.length > 0) batches.push(batch.records)
    }
    // The first partition of a request gets a batch whatever its size, so the partitions rotate.
    if (this.#positions.delete(partition)) this.#positions.set(partition, position)
    // The last offset before the end may have no record; a batch beyond it shows that all were
    // read.
    if (lastOffset(records) >= end) position.offset = end
  }

  /** Called if the offset was deleted or does not exist yet. */
  async #skipDeleted(position: Position): Promise<void> {
    const { partition, offset } = position
    const first = (await this.#offsetsAt('earliest')).get(partition) ?? 0
    if (offset < first) {
      this.#options.onSkipped?.({ partition, fromOffset: offset, toOffset: first })
      position.offset = first
      return
    }
    // A partition that ends before a position already read belongs to a topic that was created
    // again.
    if (position.isMoved) throw createdAgain(this.#topic)
    await this.#calls.pause()
  }
}

/** How long errors may prevent the reading. */
const timeoutOf = ({ timeoutMs, until }: ReadRecordsOptions): number => {
  if (timeoutMs === undefined)
    return until === undefined ? Number.POSITIVE_INFINITY : timeoutMsDefault
  return timeoutMs === Number.POSITIVE_INFINITY ? timeoutMs : checkWhole('timeoutMs', timeoutMs, 1)
}

/** The last offset of the complete batches; -1 = there is none. */
const lastOffset = (records: Uint8Array): number => {
  const last = splitBatches(records).batches.at(-1)
  if (last === undefined) return -1
  const { baseOffset, lastOffsetDelta } = decodeBatchHeader(last)
  return baseOffset + lastOffsetDelta
}

/** An offset that no partition has reached is more likely a mistake than a request to wait. */
const checkReached = (from: number, topic: string, latest: ReadonlyMap<number, number>): void => {
  const end = Math.max(...latest.values())
  if (from <= end) return
  const message = `from must be an offset up to ${end}, where ${topic} ends, got ${from}`
  throw new KafkaError('INVALID_ARGUMENT', message, { topic })
}

const createdAgain = (topic: string): KafkaError => {
  const message = `Topic ${topic} was deleted and created again while it was read: read it again`
  return new KafkaError('INVALID_STATE', message, { topic })
}

const abortedError = (topic: string, cause: unknown): KafkaError =>
  new KafkaError('ABORTED', `Reading ${topic} was aborted by its signal`, { topic, cause })

interface FetchedPartition {
  readonly partitionIndex: number
  readonly errorCode: number
  readonly records: Uint8Array | null
  readonly abortedTransactions:
    | readonly { readonly producerId: ProducerId; readonly firstOffset: number }[]
    | null
}

const mapOf = (
  offsets: ReadonlyMap<number, number>,
  change: (partition: number, offset: number) => number,
): ReadonlyMap<number, number> =>
  new Map([...offsets].map(([partition, offset]) => [partition, change(partition, offset)]))
