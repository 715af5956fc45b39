// Makes the rows of brokers and topics, and the figures of batches, from one or two metrics
// snapshots. It keeps no state. Caller: Monitor, at each interval and for each view.

import type { BrokerMetrics, ProducerMetrics } from 'millrace'
import type { BatchState, BrokerRow, TopicRow } from './view.ts'

/**
 * A broker is slow if its latency is this many times the others' median, and at least slowMinMs.
 */
const slowTimes = 3
const slowMinMs = 50

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0
}

/** The values are of the last 30 to 60 seconds; a broker without a request in them is excluded. */
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

/** The busiest topics first; topics without traffic by name. */
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

/** null if no batch was sent between the snapshots. */
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
