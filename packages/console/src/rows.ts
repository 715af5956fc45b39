// The rows of brokers and topics, and how batches are filled, made from one or two snapshots of the
// producer. Called by Monitor once an interval and for each view.

import type { BrokerMetrics, ProducerMetrics } from 'millrace'
import type { BatchState, BrokerRow, TopicRow } from './view.ts'

/** A broker is slow that takes so many times as long as the others, and not less than this. */
const slowTimes = 3
const slowMinMs = 50

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0
}

/** Of the last 30 to 60 seconds; a broker that was not asked in them has no place here. */
const isMeasured = ({ requestLatencyMs }: BrokerMetrics): boolean => requestLatencyMs.max > 0

const isSlow = (broker: BrokerMetrics, brokers: readonly BrokerMetrics[]): boolean => {
  const others = brokers.filter((other) => other !== broker && isMeasured(other))
  if (!isMeasured(broker) || others.length === 0) return false
  const usualMs = median(others.map(({ requestLatencyMs }) => requestLatencyMs.avg))
  return broker.requestLatencyMs.avg > Math.max(slowMinMs, slowTimes * usualMs)
}

export const brokerRows = (brokers: readonly BrokerMetrics[]): BrokerRow[] =>
  brokers.map((broker) => {
    const { nodeId, host, port, ready, requestsInFlight, requests, requestLatencyMs } = broker
    return {
      nodeId,
      address: `${host}:${port}`,
      ready,
      error: broker.lastFailure?.brokerError ?? broker.lastError,
      requestsInFlight,
      requests,
      latencyMs: requestLatencyMs.avg,
      latencyMaxMs: requestLatencyMs.max,
      isSlow: isSlow(broker, brokers),
    }
  })

/** The busiest first; names decide between those that rest. */
export const topicRows = (
  before: ProducerMetrics,
  after: ProducerMetrics,
  elapsedMs: number,
): TopicRow[] => {
  const known = new Map(before.topics.map((topic) => [topic.topic, topic]))
  const rows = after.topics.map((now): TopicRow => {
    const then = known.get(now.topic)
    const rate = (name: 'recordsDelivered' | 'recordBytesDelivered'): number =>
      (Math.max(0, now[name] - (then?.[name] ?? 0)) * 1000) / elapsedMs
    return {
      topic: now.topic,
      partitionCount: now.partitionCount,
      recordsAcked: rate('recordsDelivered'),
      bytesAcked: rate('recordBytesDelivered'),
      recordsDelivered: now.recordsDelivered,
      recordsRetried: now.recordsRetried,
      recordsFailed: now.recordsFailed,
    }
  })
  return rows.sort((one, other) =>
    one.recordsDelivered === other.recordsDelivered
      ? one.topic.localeCompare(other.topic)
      : other.recordsDelivered - one.recordsDelivered,
  )
}

/** Null if no batch was sent in between. */
export const batchesBetween = (
  before: ProducerMetrics,
  after: ProducerMetrics,
  bytesMax: number | null,
): BatchState | null => {
  const count = after.batchBytes.count - before.batchBytes.count
  const recordBytes = after.recordBytesSent - before.recordBytesSent
  if (count <= 0 || recordBytes <= 0) return null
  const wireBytes = after.batchBytes.sum - before.batchBytes.sum
  return { recordBytes: recordBytes / count, bytesMax, compressionRate: wireBytes / recordBytes }
}
