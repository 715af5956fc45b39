// Reads the metrics of producers when a prom-client registry is scraped. For each registry it owns
// the list of producers and the metrics that it registered; stop() must remove them. Producers do
// no work for it between scrapes. Applications call collectMetrics.

import {
  brokerMetricTable,
  KafkaError,
  type MetricRow,
  metricTable,
  type Producer,
  type ProducerMetrics,
  printableText,
  topicMetricTable,
  transactionMetricTable,
} from 'millrace'
import { register as defaultRegister, type Metric, type Registry } from 'prom-client'
import { prometheusName } from './names.ts'
import { type Labels, type Sample, SnapshotMetric } from './snapshot-metric.ts'

/** Options of `collectMetrics`. All are optional. */
export interface CollectOptions {
  /** The registry of the metrics; prom-client's default registry if it is missing. */
  readonly register?: Register | undefined
  /** Labels of every metric of this producer, in addition to `client_id`. */
  readonly labels?: Readonly<Record<string, string>> | undefined
}

/** The metrics of one producer in a registry. */
export interface MetricsCollection {
  /** Removes the producer; the last one also removes the metrics from the registry. */
  stop(): void
}

type Source = Pick<Producer, 'metrics'>
type Register = Pick<Registry, 'registerMetric' | 'removeSingleMetric'>

/** One producer in the current scrape. */
interface Snapshot {
  readonly labels: Labels
  readonly metrics: ProducerMetrics
}

/** The parts of a snapshot that a metric table describes, each with its labels. */
type PartsOf = (snapshot: Snapshot) => (readonly [labels: Labels, part: object])[]

const prefix = 'millrace_producer_'

/** The result of `read`. An error of the caller's getters or proxies is an INVALID_ARGUMENT. */
const readArgument = <Value>(what: string, read: () => Value): Value => {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof KafkaError) throw cause
    const message = `collectMetrics: ${what} could not be read: ${String(cause)}`
    throw new KafkaError('INVALID_ARGUMENT', message, { cause })
  }
}

class RegistryCollector {
  readonly #register: Register
  readonly #sources = new Map<string, { readonly source: Source; readonly labels: Labels }>()
  readonly #names: string[] = []
  /** The snapshots of the current scrape, shared by all metrics. */
  #snapshots: Snapshot[] | null = null

  constructor(register: Register) {
    this.#register = register
  }

  add(source: Source, ownLabels: Labels): MetricsCollection {
    const { clientId } = readArgument('source', () => source.metrics())
    const labels = { client_id: clientId, ...ownLabels }
    const key = JSON.stringify(Object.entries(labels).sort())
    if (this.#sources.has(key)) {
      const known = printableText(JSON.stringify(labels))
      throw new Error(
        `another producer in this registry has the labels ${known}: ` +
          'give each its own clientId, or labels',
      )
    }
    if (this.#sources.size === 0) this.#begin()
    this.#sources.set(key, { source, labels })
    return { stop: () => this.#remove(key) }
  }

  #remove(key: string): void {
    if (!this.#sources.delete(key) || this.#sources.size > 0) return
    for (const name of this.#names.splice(0)) this.#register.removeSingleMetric(name)
  }

  #begin(): void {
    this.#put('', metricTable, ({ metrics, labels }) => [[labels, metrics]])
    this.#put('topic_', topicMetricTable, ({ metrics, labels }) =>
      metrics.topics.map((topic) => [{ ...labels, topic: topic.topic }, topic]),
    )
    this.#put('broker_', brokerMetricTable, ({ metrics, labels }) =>
      metrics.brokers.map((broker) => [{ ...labels, node_id: `${broker.nodeId}` }, broker]),
    )
    this.#put('transactions_', transactionMetricTable, ({ metrics, labels }) => [
      [labels, metrics.transactions],
    ])
  }

  #put(infix: string, table: Readonly<Record<string, MetricRow>>, partsOf: PartsOf): void {
    for (const [field, row] of Object.entries(table)) {
      const name = prometheusName(`${prefix}${infix}`, field, row)
      const metric = new SnapshotMetric(name, row, () => this.#samples(field, partsOf))
      // A registry only needs the name and `get` of a metric; the type allows prom-client's classes
      // only.
      this.#register.registerMetric(metric as unknown as Metric)
      this.#names.push(name)
    }
  }

  *#samples(field: string, partsOf: PartsOf): Iterable<Sample> {
    for (const snapshot of this.#read()) {
      for (const [labels, part] of partsOf(snapshot)) {
        yield { labels, value: (part as Readonly<Record<string, Sample['value']>>)[field]! }
      }
    }
  }

  #read(): Snapshot[] {
    if (this.#snapshots !== null) return this.#snapshots
    Promise.resolve().then(() => {
      this.#snapshots = null
    })
    this.#snapshots = [...this.#sources.values()].map(({ source, labels }) => ({
      labels,
      metrics: source.metrics(),
    }))
    return this.#snapshots
  }
}

const collectors = new WeakMap<Register, RegistryCollector>()

/**
 * Registers the metrics of a producer in a prom-client registry; they are read when it is scraped.
 *
 * @example
 * const collection = collectMetrics(producer)
 * response.end(await register.metrics())
 */
export const collectMetrics = (source: Source, options: CollectOptions = {}): MetricsCollection => {
  const { register, labels } = readArgument('options', () => ({
    register: (options.register ?? defaultRegister) as Register,
    labels: options.labels ?? {},
  }))
  let collector = collectors.get(register)
  if (collector === undefined) {
    collector = new RegistryCollector(register)
    collectors.set(register, collector)
  }
  return collector.add(
    source,
    readArgument('options.labels', () => ({ ...labels })),
  )
}
