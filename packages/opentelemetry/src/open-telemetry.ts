// The public call `openTelemetry`: an interceptor for the producer's option `interceptors`, which
// creates spans and metrics. It receives each record before it is sent, and its result.
// Applications call it. It must not change a record that the caller passed.

import { type MeterProvider, metrics, type TracerProvider, trace } from '@opentelemetry/api'
import {
  KafkaError,
  type ProducerInterceptor,
  type ProducerRecord,
  type RecordMetadata,
} from 'millrace'
import { addCarrier } from './headers.ts'
import { type TelemetryOptions, telemetryFactory } from './producer-telemetry.ts'
import type { MetricsSource } from './snapshot-metrics.ts'
import type { Spans } from './spans.ts'
import { claimProducer } from './telemetry-owners.ts'
import { TracedRecord } from './traced-record.ts'

/** Options of `openTelemetry`. All are optional. */
export interface OpenTelemetryOptions extends TelemetryOptions {
  /** The global one by default. */
  readonly tracerProvider?: TracerProvider | undefined
  /** The global one by default. */
  readonly meterProvider?: MeterProvider | undefined
}

class TelemetryInterceptor implements ProducerInterceptor {
  readonly #spans: Spans

  constructor(spans: Spans) {
    this.#spans = spans
  }

  onSend(record: ProducerRecord): ProducerRecord {
    const started = this.#spans.start(record)
    if (started === null) return record
    return new TracedRecord(record, addCarrier(started.carrier, record.headers), started)
  }

  onSettled(
    record: ProducerRecord,
    error: KafkaError | null,
    metadata: RecordMetadata | null,
  ): void {
    if (record instanceof TracedRecord) record.trace.settle(record.topic, error, metadata)
  }
}

/** Throws INVALID_OPTION if a getter or a proxy of the caller throws. */
const checkReadable = (options: OpenTelemetryOptions): void => {
  try {
    Object.entries(options)
  } catch (cause) {
    const message = `openTelemetry: options could not be read: ${String(cause)}`
    throw new KafkaError('INVALID_OPTION', message, { cause })
  }
}

/**
 * Returns an entry for a producer's option `interceptors`: spans and metrics by OpenTelemetry's
 * messaging conventions, and contexts in the headers of records.
 *
 * @example
 * const producer = new Producer({ brokers, interceptors: [openTelemetry()] })
 */
export const openTelemetry = (
  options: OpenTelemetryOptions = {},
): ((producer: MetricsSource) => ProducerInterceptor) => {
  checkReadable(options)
  const { tracerProvider = trace.getTracerProvider(), meterProvider = metrics.getMeterProvider() } =
    options
  const create = telemetryFactory(tracerProvider, meterProvider, options)
  return (producer) => {
    claimProducer(producer)
    const { spans } = create(producer, producer.metrics().clientId)
    return new TelemetryInterceptor(spans)
  }
}
