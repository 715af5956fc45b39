// What the tests share: an SDK that keeps everything in memory, a cluster, and a producer with
// telemetry.

import { context, type MeterProvider as Meters, propagation, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { Producer, type ProducerOptions } from 'millrace'
import { startCluster } from 'millrace/testing'
import { type OpenTelemetryOptions, openTelemetry } from '../../src/index.ts'

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
propagation.setGlobalPropagator(new W3CTraceContextPropagator())

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const turn = (): Promise<void> => new Promise(setImmediate)

export interface WorldOptions extends OpenTelemetryOptions {
  readonly producer?: Partial<ProducerOptions>
  readonly sampler?: Sampler
}

export const setUp = async ({ producer: more = {}, sampler, ...options }: WorldOptions = {}) => {
  const cluster = await startCluster({ topics: { orders: 2 } })
  const exporter = new InMemorySpanExporter()
  const tracers = new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(exporter)],
    ...(sampler === undefined ? {} : { sampler }),
  })
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({
    exporter: metricExporter,
    exportIntervalMillis: 3_600_000,
  })
  const meters: Meters & MeterProvider = new MeterProvider({ readers: [reader] })
  const telemetry = openTelemetry({ tracerProvider: tracers, meterProvider: meters, ...options })
  const producer = new Producer({
    brokers: cluster.brokers,
    clientId: 'shop',
    logger: silent,
    interceptors: [telemetry],
    ...more,
  })
  return {
    cluster,
    producer,
    tracers,
    meters,
    tracer: tracers.getTracer('test'),
    telemetry,
    /** The spans that have ended, without those of the test's own. */
    spans: async (): Promise<ReadableSpan[]> => {
      await turn()
      return exporter
        .getFinishedSpans()
        .filter((span) => span.instrumentationScope.name === '@millrace/opentelemetry')
    },
    /** Each metric's data points by name, as exported now. */
    metrics: async () => {
      metricExporter.reset()
      await reader.forceFlush()
      const [resource] = metricExporter.getMetrics()
      const all = resource?.scopeMetrics.flatMap(({ metrics }) => metrics) ?? []
      return new Map(all.map((metric) => [metric.descriptor.name, metric]))
    },
    headers: (topic = 'orders'): (string | undefined)[] =>
      cluster.records(topic).map(({ headers }) => {
        const found = headers.find(([name]) => name === 'traceparent')
        return found === undefined ? undefined : String(found[1])
      }),
    [Symbol.asyncDispose]: async () => {
      await producer.close()
      await reader.shutdown()
      await cluster.close()
    },
  }
}

/** Runs the work inside a span of the test's own, and ends that. */
export const inSpan = async <Value>(
  tracer: ReturnType<typeof trace.getTracer>,
  work: (traceparent: string) => Promise<Value>,
): Promise<Value> => {
  const span = tracer.startSpan('request')
  const { traceId, spanId, traceFlags } = span.spanContext()
  try {
    return await context.with(trace.setSpan(context.active(), span), () =>
      work(`00-${traceId}-${spanId}-0${traceFlags}`),
    )
  } finally {
    span.end()
  }
}

export const traceparentOf = (span: ReadableSpan): string => {
  const { traceId, spanId, traceFlags } = span.spanContext()
  return `00-${traceId}-${spanId}-0${traceFlags}`
}
