// The recent traffic of each partition. It counts batches when they settle, and converts the counts
// to rates at each interval. Monitor owns it. Memory is bounded: beyond the limit, new partitions
// are only counted.

import type { ProducerMetrics } from 'millrace'
import type { PartitionRow, PartitionState, PartitionTable } from './view.ts'

export const partitionsMax = 20_000
export const rowsMax = 50

/** A rate follows a change of the traffic within about this time. */
const rateWindowMs = 3000
/** A lower rate, in records per second, is shown as 0. */
const rateMin = 0.05

type TopicSnapshot = ProducerMetrics['topics'][number]
type PartitionSnapshot = NonNullable<TopicSnapshot['partitions']>[number]

interface Traffic {
  readonly topic: string
  readonly partition: number
  leaderId: number
  /** Counts since the last interval ended. */
  records: number
  bytes: number
  recordsPerSecond: number
  bytesPerSecond: number
}

/** The fields of the event of an acknowledged batch. */
export interface DeliveredBatch {
  readonly topic: string
  readonly partition: number
  readonly nodeId: number
  readonly recordCount: number
  readonly recordBytes: number
}

/** A snapshot shows a single moment, in which an active partition may have no records. */
export const stateOf = (
  snapshot: PartitionSnapshot | undefined,
  recordsPerSecond: number,
): PartitionState => {
  const withoutBatches = recordsPerSecond > 0 ? 'delivering' : 'idle'
  if (snapshot === undefined) return withoutBatches
  if (snapshot.leaderId < 0) return 'no leader'
  if (snapshot.lastFailure !== null) return 'retrying'
  if (snapshot.batchesInFlight > 0) return 'in flight'
  return snapshot.batchesWaiting > 0 ? 'queued' : withoutBatches
}

const isBlocked = ({ state }: PartitionRow): boolean =>
  state === 'no leader' || state === 'retrying'

export class PartitionTraffic {
  readonly #topics = new Map<string, Map<number, Traffic>>()
  #count = 0

  onDelivered({ topic, partition, nodeId, recordCount, recordBytes }: DeliveredBatch): void {
    const traffic = this.#find(topic, partition)
    if (traffic === undefined) return
    traffic.leaderId = nodeId
    traffic.records += recordCount
    traffic.bytes += recordBytes
  }

  /** Converts the counts of the interval to rates. */
  endInterval(elapsedMs: number): void {
    const share = 1 - Math.exp(-elapsedMs / rateWindowMs)
    const perSecond = 1000 / elapsedMs
    for (const partitions of this.#topics.values()) {
      for (const traffic of partitions.values()) {
        const { records, bytes, recordsPerSecond, bytesPerSecond } = traffic
        if (records === 0 && recordsPerSecond === 0) continue
        // The first rate of a partition is used without smoothing.
        const part = recordsPerSecond === 0 ? 1 : share
        const rate = recordsPerSecond + (records * perSecond - recordsPerSecond) * part
        const isOver = rate < rateMin
        traffic.recordsPerSecond = isOver ? 0 : rate
        traffic.bytesPerSecond = isOver
          ? 0
          : bytesPerSecond + (bytes * perSecond - bytesPerSecond) * part
        traffic.records = 0
        traffic.bytes = 0
      }
    }
  }

  /** The busiest partitions whose `topic-partition` contains the filter, blocked ones first. */
  table(topics: readonly TopicSnapshot[], filter: string): PartitionTable {
    const rows = this.#rows(topics)
    const text = filter.trim().toLowerCase()
    const matching =
      text === ''
        ? rows
        : rows.filter(({ topic, partition }) =>
            `${topic}-${partition}`.toLowerCase().includes(text),
          )
    const busiest = matching.sort(byTraffic).slice(0, rowsMax)
    return { rows: busiest.sort(byBlocked), matching: matching.length, total: rows.length }
  }

  #find(topic: string, partition: number): Traffic | undefined {
    let partitions = this.#topics.get(topic)
    if (partitions === undefined) {
      partitions = new Map()
      this.#topics.set(topic, partitions)
    }
    let traffic = partitions.get(partition)
    if (traffic !== undefined || this.#count >= partitionsMax) return traffic
    traffic = {
      topic,
      partition,
      leaderId: -1,
      records: 0,
      bytes: 0,
      recordsPerSecond: 0,
      bytesPerSecond: 0,
    }
    partitions.set(partition, traffic)
    this.#count++
    return traffic
  }

  /** Every partition that received records or that the snapshot lists. */
  #rows(topics: readonly TopicSnapshot[]): PartitionRow[] {
    const snapshots = new Map<string, Map<number, PartitionSnapshot>>()
    for (const { topic, partitions = [] } of topics) {
      snapshots.set(topic, new Map(partitions.map((one) => [one.partition, one])))
      for (const { partition } of partitions) this.#find(topic, partition)
    }
    const rows: PartitionRow[] = []
    for (const [topic, partitions] of this.#topics) {
      const known = snapshots.get(topic)
      for (const traffic of partitions.values()) {
        rows.push(rowOf(traffic, known?.get(traffic.partition)))
      }
    }
    return rows
  }
}

const rowOf = (traffic: Traffic, snapshot: PartitionSnapshot | undefined): PartitionRow => ({
  topic: traffic.topic,
  partition: traffic.partition,
  leaderId: snapshot?.leaderId ?? traffic.leaderId,
  state: stateOf(snapshot, traffic.recordsPerSecond),
  recordsAcked: traffic.recordsPerSecond,
  bytesAcked: traffic.bytesPerSecond,
  recordsHeld: snapshot?.recordsHeld ?? 0,
  batchesWaiting: snapshot?.batchesWaiting ?? 0,
  batchesInFlight: snapshot?.batchesInFlight ?? 0,
  error: snapshot?.lastFailure?.brokerError ?? snapshot?.lastError ?? null,
})

const byName = (a: PartitionRow, b: PartitionRow): number => {
  if (a.topic !== b.topic) return a.topic < b.topic ? -1 : 1
  return a.partition - b.partition
}

const byTraffic = (a: PartitionRow, b: PartitionRow): number =>
  Number(isBlocked(b)) - Number(isBlocked(a)) ||
  b.recordsAcked - a.recordsAcked ||
  b.recordsHeld - a.recordsHeld ||
  byName(a, b)

/** The order of the shown rows: stable while rates change. */
const byBlocked = (a: PartitionRow, b: PartitionRow): number =>
  Number(isBlocked(b)) - Number(isBlocked(a)) || byName(a, b)
