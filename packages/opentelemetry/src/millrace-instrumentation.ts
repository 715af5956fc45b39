// MillraceInstrumentation: traces and metrics for every producer of the process, without an option
// of the producers. It subscribes to node:diagnostics_channel, so no module is patched and the load
// order does not matter. It must keep the interface that OpenTelemetry's SDK expects of an
// instrumentation. Callers: applications and register.ts.

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type MeterProvider, metrics, type TracerProvider, trace } from '@opentelemetry/api'
import type { DiagnosticEvents, DiagnosticTraces } from 'millrace'
import {
  type ProducerTelemetry,
  scope,
  type TelemetryFactory,
  type TelemetryOptions,
  telemetryFactory,
} from './producer-telemetry.ts'
import type { MetricsSource } from './snapshot-metrics.ts'
import type { RecordTrace } from './spans.ts'
import { claimProducer, releaseProducer, replaceAutomatic } from './telemetry-owners.ts'

/** Options of `MillraceInstrumentation`. All are optional. */
export interface MillraceInstrumentationConfig extends TelemetryOptions {
  /** false: the instrumentation starts disabled. */
  readonly enabled?: boolean
}

const kept = Symbol('@millrace/opentelemetry')

type SendTrace = DiagnosticTraces['millrace:send'] & { [kept]?: RecordTrace }
type Created = DiagnosticEvents['millrace:producer.created']

/**
 * An instrumentation for OpenTelemetry's Node SDK: spans, metrics, and contexts in headers for
 * every producer of the process. A producer that has the interceptor `openTelemetry()` keeps it
 * instead.
 *
 * @example
 * new NodeSDK({ instrumentations: [new MillraceInstrumentation()] }).start()
 */
export class MillraceInstrumentation {
  readonly instrumentationName: string = scope.name
  readonly instrumentationVersion: string = scope.version
  #config: MillraceInstrumentationConfig
  #tracerProvider: TracerProvider = trace.getTracerProvider()
  #meterProvider: MeterProvider = metrics.getMeterProvider()
  /** null while disabled. */
  #factory: TelemetryFactory | null = null
  readonly #producers = new Map<object, ProducerTelemetry>()
  readonly #listeners: readonly (readonly [string, (message: unknown) => void])[] = [
    ['millrace:producer.created', (message) => this.#onCreated(message as Created)],
    ['tracing:millrace:send:start', (message) => this.#onStart(message as SendTrace)],
    ['tracing:millrace:send:asyncStart', (message) => this.#onSettled(message as SendTrace)],
  ]

  constructor(config: MillraceInstrumentationConfig = {}) {
    this.#config = { enabled: true, ...config }
    replaceAutomatic()
    if (this.#config.enabled === true) this.enable()
  }

  enable(): void {
    if (this.#factory !== null) return
    this.#factory = telemetryFactory(this.#tracerProvider, this.#meterProvider, this.#config)
    for (const [name, listener] of this.#listeners) subscribe(name, listener)
  }

  disable(): void {
    if (this.#factory === null) return
    this.#factory = null
    for (const [name, listener] of this.#listeners) unsubscribe(name, listener)
    for (const [producer, telemetry] of this.#producers) {
      telemetry.close()
      releaseProducer(producer)
    }
    this.#producers.clear()
  }

  setTracerProvider(tracerProvider: TracerProvider): void {
    this.#change(() => {
      this.#tracerProvider = tracerProvider
    })
  }

  setMeterProvider(meterProvider: MeterProvider): void {
    this.#change(() => {
      this.#meterProvider = meterProvider
    })
  }

  setConfig(config: MillraceInstrumentationConfig): void {
    this.#change(() => {
      this.#config = { enabled: true, ...config }
    })
  }

  getConfig(): MillraceInstrumentationConfig {
    return this.#config
  }

  /** Applies a change, and creates the telemetry of open producers again. */
  #change(apply: () => void): void {
    const isEnabled = this.#factory !== null
    this.disable()
    apply()
    if (isEnabled) this.enable()
  }

  #onCreated({ producer, clientId }: Created): void {
    this.#telemetryOf(producer, clientId)
  }

  /**
   * The telemetry of a producer, also of one that was created before the instrumentation was
   * enabled.
   */
  #telemetryOf(producer: object, clientId: string): ProducerTelemetry | null {
    const known = this.#producers.get(producer)
    if (known !== undefined) return known
    if (this.#factory === null || !claimProducer(producer)) return null
    const onClosed = (): void => {
      this.#producers.delete(producer)
    }
    const telemetry = this.#factory(producer as MetricsSource, clientId, onClosed)
    this.#producers.set(producer, telemetry)
    return telemetry
  }

  #onStart(send: SendTrace): void {
    const started = this.#telemetryOf(send.producer, send.clientId)?.spans.start(send.record)
    if (started === null || started === undefined) return
    send[kept] = started
    for (const [name, value] of started.carrier ?? []) send.headers[name] = value
  }

  #onSettled(send: SendTrace): void {
    send[kept]?.settle(send.record.topic, send.error ?? null, send.result ?? null)
  }
}
