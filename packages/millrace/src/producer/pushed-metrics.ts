// Owns the metrics of a producer under the names that Kafka's own clients push (KIP-714): those of
// Java's producer-metrics with dots, prefixed with org.apache.kafka.producer. Caller: Producer,
// which passes it to the cluster client. Invariant: each push reads one snapshot.

import type { TelemetryMetric, TelemetrySource } from '../cluster-client/telemetry-payload.ts'
import type { Distribution } from '../engine/metrics/histogram.ts'
import type { EngineSettings } from '../engine/settings.ts'
import { type MetricRow, metricTable, topicMetricTable } from './metric-table.ts'
import type { ProducerMetrics } from './metrics.ts'

const prefix = 'org.apache.kafka.producer.'

type Attributes = Readonly<Record<string, string>>

const dotted = (name: string): string => name.replaceAll('-', '.')

const sum = (name: string, value: number, attributes: Attributes = {}): TelemetryMetric => ({
  name: `${prefix}${dotted(name)}.total`,
  kind: 'sum',
  value,
  attributes,
})

const gauge = (name: string, value: number, attributes: Attributes = {}): TelemetryMetric => ({
  name: `${prefix}${dotted(name)}`,
  kind: 'gauge',
  value,
  attributes,
})

const ofRow = (
  { java, kind }: MetricRow,
  value: number | Distribution,
  name = java,
  attributes: Attributes = {},
): TelemetryMetric[] => {
  if (name === null) return []
  if (typeof value !== 'number') {
    return [
      gauge(`${name}-avg`, value.avg, attributes),
      gauge(`${name}-max`, value.max, attributes),
    ]
  }
  return kind === 'counter' ? [sum(name, value, attributes)] : [gauge(name, value, attributes)]
}

/** Required by KIP-714 for every producer: new connections per second. */
class CreationRate {
  #lastCount = 0
  #lastAt: number

  constructor(at: number) {
    this.#lastAt = at
  }

  read({ at, connectionsOpened }: ProducerMetrics): number {
    const seconds = Math.max(1, at - this.#lastAt) / 1000
    const rate = (connectionsOpened - this.#lastCount) / seconds
    this.#lastCount = connectionsOpened
    this.#lastAt = at
    return rate
  }
}

const metricsOf = (metrics: ProducerMetrics, creationRate: number): TelemetryMetric[] => {
  const all: TelemetryMetric[] = [gauge('connection-creation-rate', creationRate)]
  for (const [field, row] of Object.entries(metricTable)) {
    all.push(...ofRow(row, metrics[field as keyof typeof metricTable]))
  }
  for (const broker of metrics.brokers) {
    const attributes = { node_id: `${broker.nodeId}` }
    const { avg, max } = broker.requestLatencyMs
    all.push(gauge('node-request-latency-avg', avg, attributes))
    all.push(gauge('node-request-latency-max', max, attributes))
  }
  for (const topic of metrics.topics) {
    for (const [field, row] of Object.entries<MetricRow>(topicMetricTable)) {
      const value = topic[field as keyof typeof topicMetricTable]
      const name = row.java === null ? null : `topic-${row.java}`
      all.push(...ofRow(row, value, name, { topic: topic.topic }))
    }
  }
  return all
}

/** The producer's metrics, read when a broker requests them. */
export const pushedMetrics = (
  producer: { metrics(): ProducerMetrics },
  { transactionalId }: EngineSettings,
): TelemetrySource => {
  let creationRate: CreationRate | null = null
  return {
    resource: transactionalId === null ? {} : { transactional_id: transactionalId },
    read: () => {
      const metrics = producer.metrics()
      creationRate ??= new CreationRate(metrics.at - 1000)
      return metricsOf(metrics, creationRate.read(metrics))
    },
  }
}
