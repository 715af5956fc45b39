// The telemetry of one producer: owns its spans and metrics, and subscribes to the events that both
// need until the producer is closed. openTelemetry() and MillraceInstrumentation create it.

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Attributes, MeterProvider, TracerProvider } from '@opentelemetry/api'
import type { DiagnosticEvents } from 'millrace'
import { ClientMetrics } from './client-metrics.ts'
import { attribute } from './conventions.ts'
import { type MetricsSource, SnapshotMetrics } from './snapshot-metrics.ts'
import { type SpanMode, Spans } from './spans.ts'

/** The telemetry options of a producer. All are optional. */
export interface TelemetryOptions {
  /**
   * `auto` (default): a span for each record up to `recordSpansPerSecond`; beyond it, a span for
   * each batch, with links. `record`: a span for each record. `batch`: a span for each batch.
   * `create`: a short span for each record, and a span for each batch that links to them. `none`:
   * no spans; contexts are still added to the headers.
   */
  readonly spans?: SpanMode | undefined
  /** The maximum number of record spans per second; 100 by default. */
  readonly recordSpansPerSecond?: number | undefined
  /** The maximum number of links of one span; 128 by default. */
  readonly linksMax?: number | undefined
  /**
   * Adds string keys to the spans of records; off by default, because keys may be personal data.
   */
  readonly keys?: boolean | undefined
}

export const scope = { name: '@millrace/opentelemetry', version: '0.1.0' } as const

const batchSettled = 'millrace:batch.settled'
const connectionOpened = 'millrace:connection.opened'
const producerClosed = 'millrace:producer.closed'

/** Creates the telemetry of producers that share a tracer and a meter. */
export type TelemetryFactory = (
  producer: MetricsSource,
  clientId: string,
  onClosed?: () => void,
) => ProducerTelemetry

export const telemetryFactory = (
  tracerProvider: TracerProvider,
  meterProvider: MeterProvider,
  options: TelemetryOptions,
): TelemetryFactory => {
  const { spans = 'auto', recordSpansPerSecond = 100, linksMax = 128, keys = false } = options
  const tracer = tracerProvider.getTracer(scope.name, scope.version)
  const meter = meterProvider.getMeter(scope.name, scope.version)
  const shared = {
    clientMetrics: new ClientMetrics(meter),
    snapshotMetrics: new SnapshotMetrics(meter),
  }
  const now = () => Date.now()
  const settings = { mode: spans, recordSpansPerSecond, linksMax, withKeys: keys, now }
  return (producer, clientId, onClosed = () => {}) =>
    new ProducerTelemetry(producer, new Spans(tracer, clientId, settings), shared, onClosed)
}

interface Shared {
  readonly clientMetrics: ClientMetrics
  readonly snapshotMetrics: SnapshotMetrics
}

export class ProducerTelemetry {
  readonly spans: Spans
  readonly #producer: MetricsSource
  readonly #shared: Shared
  /** The attributes of each broker by node id; a broker that moves connects again. */
  readonly #servers = new Map<number, Attributes>()
  readonly #listeners: readonly (readonly [string, (event: unknown) => void])[]

  constructor(producer: MetricsSource, spans: Spans, shared: Shared, onClosed: () => void) {
    this.#producer = producer
    this.spans = spans
    this.#shared = shared
    this.#listeners = [
      this.#listener(batchSettled, (event) => this.#onBatchSettled(event)),
      this.#listener(connectionOpened, () => this.#servers.clear()),
      this.#listener(producerClosed, () => {
        this.close()
        onClosed()
      }),
    ]
    for (const [name, listener] of this.#listeners) subscribe(name, listener)
    shared.snapshotMetrics.add(producer)
  }

  close(): void {
    for (const [name, listener] of this.#listeners) unsubscribe(name, listener)
    this.#shared.snapshotMetrics.delete(this.#producer)
  }

  /** Filters the events of this producer: all producers publish on the same channels. */
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
    this.spans.onBatchSettled(event, server)
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
}
