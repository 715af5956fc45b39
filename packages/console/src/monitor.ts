// Observes one producer: takes a metrics snapshot at each interval, receives its events, and keeps
// as much of both as the page shows. A console owns it; http-server.ts reads its views. It only
// reads the producer, and must do no work per record and little per batch.

import { randomUUID } from 'node:crypto'
import type { DiagnosticEvents, Producer, ProducerMetrics } from 'millrace'
import { type Failure, Faults } from './faults.ts'
import { PartitionTraffic } from './partition-traffic.ts'
import { listenTo } from './producer-events.ts'
import { batchesBetween, brokerRows, topicRows } from './rows.ts'
import { nowMs, repeat, watchEventLoop } from './runtime/time.ts'
import { type Situation, statusOf } from './status.ts'
import type { BatchState, Sample, TimeRow, TopicRow, Totals, View } from './view.ts'

/** The observed producer, or another object with its metrics and its events. */
export type Source = Pick<Producer, 'metrics'> & Partial<Pick<Producer, 'options'>>

/** The number of samples kept, so that a page opened later can draw the past. */
export const samplesMax = 180

/** The rate in the status sentence is the mean of this many intervals. */
const sentenceSamples = 3
/** Failures older than this are not mentioned in the status sentence. */
const recentMs = 10_000

type Closed = Situation['closed']

export class Monitor {
  readonly #source: Source
  readonly #intervalMs: number
  readonly #serverId = randomUUID()
  readonly #faults = new Faults()
  readonly #traffic = new PartitionTraffic()
  readonly #samples: Sample[] = []
  readonly #stops: readonly (() => void)[]
  #sampleNumber = 0
  #metrics: ProducerMetrics
  #metricsAtMs: number
  #topics: readonly TopicRow[]
  /** The state of the last interval in which batches were sent. */
  #batches: BatchState | null = null
  readonly #eventLoop = watchEventLoop()
  /** Since when records wait and none is acknowledged; null = records are acknowledged. */
  #stalledSinceMs: number | null = null
  #throttledMs = 0
  #closed: Closed = null

  constructor(source: Source, intervalMs: number) {
    this.#source = source
    this.#intervalMs = intervalMs
    this.#metrics = source.metrics({ partitions: true })
    this.#metricsAtMs = nowMs()
    this.#topics = topicRows(this.#metrics, this.#metrics, 1)
    this.#stops = [
      listenTo(source, this.#listeners()),
      repeat(intervalMs, () => this.#sample()),
      () => this.#eventLoop.stop(),
    ]
  }

  stop(): void {
    for (const stop of this.#stops) stop()
  }

  /** `after`: the number of the latest sample that the page has. */
  view(after: number, filter: string): View {
    const metrics = this.#metrics
    const { waitingSends, requestsInFlight } = metrics
    return {
      serverId: this.#serverId,
      intervalMs: this.#intervalMs,
      clientId: metrics.clientId,
      clusterId: metrics.clusterId,
      at: metrics.at,
      samples: this.#samples.filter(({ number }) => number > after),
      status: statusOf(this.#situation()),
      totals: totalsOf(metrics),
      buffer: {
        totalBytes: metrics.bufferTotalBytes,
        batchBytes: metrics.bufferUsedBytes,
        waitingBytes: metrics.waitingBytes,
        waitingSends,
      },
      requestsInFlight,
      times: timesOf(metrics),
      batches: this.#batches,
      eventLoopDelayMs: this.#samples.at(-1)?.eventLoopDelayMs ?? 0,
      brokers: brokerRows(metrics.brokers),
      topics: this.#topics,
      options: this.#source.options ?? {},
      partitions: this.#traffic.table(metrics.topics, filter),
      faults: this.#faults.rows(),
    }
  }

  #sample(): void {
    const before = this.#metrics
    const metrics = this.#source.metrics({ partitions: true })
    const now = nowMs()
    const elapsedMs = now - this.#metricsAtMs
    this.#metrics = metrics
    this.#metricsAtMs = now
    const number = ++this.#sampleNumber
    this.#samples.push(sampleOf(number, before, metrics, elapsedMs, this.#eventLoop.read()))
    if (this.#samples.length > samplesMax) this.#samples.shift()
    this.#traffic.endInterval(elapsedMs)
    this.#topics = topicRows(before, metrics, elapsedMs)
    this.#batches = batchesBetween(before, metrics, this.#batchBytesMax()) ?? this.#batches
    this.#throttledMs = throttleOf(before, metrics)
    const isHeld = metrics.unsettledBatches > 0 || metrics.waitingSends > 0
    const isProgressing = !isHeld || metrics.recordsDelivered > before.recordsDelivered
    if (isProgressing) this.#stalledSinceMs = null
    else this.#stalledSinceMs ??= now - elapsedMs
    this.#addPartitionFailures(metrics)
  }

  #situation(): Situation {
    const metrics = this.#metrics
    const recent = this.#samples.slice(-sentenceSamples)
    const sum = recent.reduce((total, { recordsAcked }) => total + recordsAcked, 0)
    const sinceAt = metrics.at - recentMs
    return {
      metrics,
      recordsAcked: recent.length === 0 ? 0 : sum / recent.length,
      stalledMs: this.#stalledSinceMs === null ? 0 : this.#metricsAtMs - this.#stalledSinceMs,
      failed: this.#faults.latest('failed', sinceAt),
      disconnected: this.#faults.latest('disconnected', sinceAt),
      throttledMs: this.#throttledMs,
      closed: this.#closed,
    }
  }

  /** Adds lasting problems from the snapshot, because no event reports a batch that is retried. */
  #addPartitionFailures({ topics, at }: ProducerMetrics): void {
    for (const { topic, partitions = [] } of topics) {
      for (const { partition, lastFailure } of partitions) {
        if (lastFailure === null) continue
        this.#faults.add('retried', lastFailure, `${topic}-${partition}`, null, at)
      }
    }
  }

  #batchBytesMax(): number | null {
    const { batchBytes } = this.#source.options ?? {}
    return typeof batchBytes === 'number' ? batchBytes : null
  }

  #listeners(): Parameters<typeof listenTo>[1] {
    return {
      'millrace:batch.settled': (event) => {
        if (event.error === null) this.#traffic.onDelivered(event)
        else this.#addFailed(event.error, `${event.topic}-${event.partition}`, event.recordCount)
      },
      'millrace:record.failed': ({ error }) => this.#addFailed(error, placeOf(error), 1),
      'millrace:request.failed': ({ error, broker }) =>
        this.#addOne('withoutResponse', error, broker),
      'millrace:connection.failed': ({ error, broker }) =>
        this.#addOne('disconnected', error, broker),
      'millrace:connection.closed': ({ error, broker }) => {
        if (error !== null) this.#addOne('disconnected', error, broker)
      },
      'millrace:transaction.failed': ({ error, number }) => {
        if (error !== null) this.#addOne('transaction', error, `transaction ${number}`)
      },
      'millrace:producer.closed': (event) => this.#onClosed(event),
    }
  }

  #addFailed(error: Failure, place: string | null, count: number): void {
    this.#faults.add('failed', error, place, count, this.#wallMs())
  }

  #addOne(kind: Parameters<Faults['add']>[0], error: Failure, place: string): void {
    this.#faults.add(kind, error, place, 1, this.#wallMs())
  }

  #onClosed({ delivered, failed }: DiagnosticEvents['millrace:producer.closed']): void {
    this.#closed = { delivered, failed }
  }

  /**
   * The time of the latest snapshot plus the time since then: the console does not read the wall
   * clock.
   */
  #wallMs(): number {
    return this.#metrics.at + (nowMs() - this.#metricsAtMs)
  }
}

/** `orders-3`, `orders`, or null if the error has no topic. */
const placeOf = (error: { topic?: string | undefined; partition?: number | undefined }) => {
  const { topic, partition } = error
  if (topic === undefined) return null
  return partition === undefined ? topic : `${topic}-${partition}`
}

type Distribution = ProducerMetrics['requestLatencyMs']

/** The average of the values measured between two snapshots; null = no value was measured. */
const averageBetween = (before: Distribution, after: Distribution): number | null => {
  const count = after.count - before.count
  return count === 0 ? null : (after.sum - before.sum) / count
}

const sampleOf = (
  number: number,
  before: ProducerMetrics,
  after: ProducerMetrics,
  elapsedMs: number,
  eventLoopDelayMs: number,
): Sample => {
  type CounterName =
    | 'recordsSent'
    | 'recordsDelivered'
    | 'recordsFailed'
    | 'recordBytesSent'
    | 'recordBytesDelivered'
    | 'requests'
    | 'retries'
  const rate = (name: CounterName): number => ((after[name] - before[name]) * 1000) / elapsedMs
  return {
    number,
    at: after.at,
    recordsIn: rate('recordsSent'),
    recordsAcked: rate('recordsDelivered'),
    recordsFailed: rate('recordsFailed'),
    bytesIn: rate('recordBytesSent'),
    bytesAcked: rate('recordBytesDelivered'),
    requests: rate('requests'),
    retries: rate('retries'),
    queueMs: averageBetween(before.recordQueueTimeMs, after.recordQueueTimeMs),
    requestMs: averageBetween(before.requestLatencyMs, after.requestLatencyMs),
    requestP99Ms: after.requestLatencyMs.count === 0 ? null : after.requestLatencyMs.p99,
    retryMs: averageBetween(before.retryTimeMs, after.retryTimeMs),
    batchBytes: after.bufferUsedBytes,
    waitingBytes: after.waitingBytes,
    requestsInFlight: after.requestsInFlight,
    eventLoopDelayMs,
  }
}

/** The throttle time since the previous snapshot; 0 = no quota was exceeded. */
const throttleOf = (before: ProducerMetrics, after: ProducerMetrics): number =>
  after.throttleTimeMs.sum > before.throttleTimeMs.sum ? after.throttleTimeMs.max : 0

const totalsOf = (metrics: ProducerMetrics): Totals => {
  const { transactions } = metrics
  return {
    recordsIn: metrics.recordsSent,
    recordsAcked: metrics.recordsDelivered,
    recordsFailed: metrics.recordsFailed,
    recordsRetried: metrics.recordsRetried,
    bytesAcked: metrics.recordBytesDelivered,
    requests: metrics.requests,
    retries: metrics.retries,
    splits: metrics.splits,
    connectionsOpened: metrics.connectionsOpened,
    connectionFailures: metrics.connectionFailures,
    transactionsBegun: transactions.begun,
    transactionsCommitted: transactions.committed,
    transactionsAborted: transactions.aborted,
  }
}

const timesOf = (metrics: ProducerMetrics): TimeRow[] => {
  const row = (name: string, meaning: string, of: Distribution): TimeRow => {
    const { count, avg, p50, p99, max } = of
    return { name, meaning, count, avg, p50, p99, max }
  }
  return [
    row('Queue', 'until a batch is sent', metrics.recordQueueTimeMs),
    row('Request', 'until its response', metrics.requestLatencyMs),
    row('Delivery', 'until a batch is delivered', metrics.deliveryTimeMs),
    row('Retry', 'longer, if sent again', metrics.retryTimeMs),
    row('Throttle', 'requested by brokers', metrics.throttleTimeMs),
  ]
}
