// Traces and metrics of producers, as an interceptor of theirs: it sees each record on its way in
// and its result, and hears of batches and connections through node:diagnostics_channel. It owns
// the spans of each of its producers and listens only while one of them is open.

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import {
  type Attributes,
  type MeterProvider,
  metrics,
  type TracerProvider,
  trace,
} from '@opentelemetry/api'
import type {
  DiagnosticEvents,
  KafkaError,
  ProducerInterceptor,
  ProducerRecord,
  RecordMetadata,
} from 'millrace'
import { ClientMetrics } from './client-metrics.ts'
import { attribute } from './conventions.ts'
import { type MetricsSource, SnapshotMetrics } from './snapshot-metrics.ts'
import { type SpanMode, Spans } from './spans.ts'

/** Options of `openTelemetry`. All may be left out. */
export interface OpenTelemetryOptions {
  /** The global one by default. */
  readonly tracerProvider?: TracerProvider | undefined
  /** The global one by default. */
  readonly meterProvider?: MeterProvider | undefined
  /**
   * `auto` (default): a span for each record up to `recordSpansPerSecond`, past that one for each
   * batch, with links. `record`, `batch`: always so. `create`: a short span for each record, and
   * one for each batch that links to them. `none`: no spans; contexts still go into the headers.
   */
  readonly spans?: SpanMode | undefined
  /** 100 by default. */
  readonly recordSpansPerSecond?: number | undefined
  /** Links of one span at most; 128 by default. */
  readonly linksMax?: number | undefined
  /** Spans of records carry their key, where it is a string; off by default: it may be personal. */
  readonly keys?: boolean | undefined
}

const scope = { name: '@millrace/opentelemetry', version: '0.1.0' } as const

const batchSettled = 'millrace:batch.settled'
const connectionOpened = 'millrace:connection.opened'
const producerClosed = 'millrace:producer.closed'

/** What all producers of one openTelemetry() share. */
interface Shared {
  readonly clientMetrics: ClientMetrics
  readonly snapshotMetrics: SnapshotMetrics
}

/** One producer. */
class Instrumentation implements ProducerInterceptor {
  readonly #producer: MetricsSource
  readonly #spans: Spans
  readonly #shared: Shared
  /** The attributes of each broker, by node id; brokers move, and then connect again. */
  readonly #servers = new Map<number, Attributes>()
  readonly #listeners: readonly (readonly [string, (event: unknown) => void])[]

  constructor(producer: MetricsSource, spans: Spans, shared: Shared) {
    this.#producer = producer
    this.#spans = spans
    this.#shared = shared
    this.#listeners = [
      this.#listener(batchSettled, (event) => this.#onBatchSettled(event)),
      this.#listener(connectionOpened, () => this.#servers.clear()),
      this.#listener(producerClosed, () => this.#close()),
    ]
    for (const [name, listener] of this.#listeners) subscribe(name, listener)
    shared.snapshotMetrics.add(producer)
  }

  onSend(record: ProducerRecord): ProducerRecord {
    return this.#spans.onSend(record)
  }

  onSettled(
    record: ProducerRecord,
    error: KafkaError | null,
    metadata: RecordMetadata | null,
  ): void {
    this.#spans.onSettled(record, error, metadata)
  }

  /** Hears the events of our producer; others publish on the same channels. */
  #listener<Name extends keyof DiagnosticEvents>(
    name: Name,
    onEvent: (event: DiagnosticEvents[Name]) => void,
  ): readonly [string, (event: unknown) => void] {
    const listener = (message: unknown): void => {
      const event = message as DiagnosticEvents[Name]
      if (event.producer === this.#producer) onEvent(event)
    }
    return [name, listener]
  }

  #onBatchSettled(event: DiagnosticEvents[typeof batchSettled]): void {
    const server = this.#serverOf(event.nodeId)
    this.#shared.clientMetrics.onBatchSettled(event, server)
    this.#spans.onBatchSettled(event, server)
  }

  #serverOf(nodeId: number): Attributes {
    const known = this.#servers.get(nodeId)
    if (known !== undefined) return known
    const broker = this.#producer.metrics().brokers.find((one) => one.nodeId === nodeId)
    const { host, port } = broker ?? {}
    const server = { [attribute.serverAddress]: host, [attribute.serverPort]: port }
    this.#servers.set(nodeId, server)
    return server
  }

  #close(): void {
    for (const [name, listener] of this.#listeners) unsubscribe(name, listener)
    this.#shared.snapshotMetrics.delete(this.#producer)
    this.#spans.close()
  }
}

/**
 * An entry for the option `interceptors` of a producer: spans and metrics by OpenTelemetry's
 * messaging conventions, and contexts in the headers of records.
 *
 * @example
 * const producer = new Producer({ brokers, interceptors: [openTelemetry()] })
 */
export const openTelemetry = (
  options: OpenTelemetryOptions = {},
): ((producer: MetricsSource) => ProducerInterceptor) => {
  const { tracerProvider = trace.getTracerProvider(), meterProvider = metrics.getMeterProvider() } =
    options
  const { spans = 'auto', recordSpansPerSecond = 100, linksMax = 128, keys = false } = options
  const tracer = tracerProvider.getTracer(scope.name, scope.version)
  const meter = meterProvider.getMeter(scope.name, scope.version)
  const shared = {
    clientMetrics: new ClientMetrics(meter),
    snapshotMetrics: new SnapshotMetrics(meter),
  }
  const settings = {
    mode: spans,
    recordSpansPerSecond,
    linksMax,
    withKeys: keys,
    now: () => Date.now(),
  }
  return (producer) => {
    const { clientId } = producer.metrics()
    return new Instrumentation(producer, new Spans(tracer, clientId, settings), shared)
  }
}
