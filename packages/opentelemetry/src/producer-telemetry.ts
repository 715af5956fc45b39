// The telemetry of one producer: its spans, its metrics, and the events that both need. It listens
// while the producer is open. Made by openTelemetry() and by MillraceInstrumentation.

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Attributes, MeterProvider, TracerProvider } from '@opentelemetry/api'
import type { DiagnosticEvents } from 'millrace'
import { ClientMetrics } from './client-metrics.ts'
import { attribute } from './conventions.ts'
import { type MetricsSource, SnapshotMetrics } from './snapshot-metrics.ts'
import { type SpanMode, Spans } from './spans.ts'

/** What telemetry shows of a producer. All may be left out. */
export interface TelemetryOptions {
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

export const scope = { name: '@millrace/opentelemetry', version: '0.1.0' } as const

const batchSettled = 'millrace:batch.settled'
const connectionOpened = 'millrace:connection.opened'
const producerClosed = 'millrace:producer.closed'

/** Makes the telemetry of producers that share a tracer and a meter. */
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
  /** The attributes of each broker, by node id; brokers move, and then connect again. */
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
