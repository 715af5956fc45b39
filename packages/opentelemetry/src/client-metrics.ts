// The two metrics that OpenTelemetry's messaging conventions define for a producer: the number of
// sent messages, and the duration of sends. They are recorded once per batch. Caller:
// producer-telemetry.ts.

import {
  type Attributes,
  type Counter,
  type Histogram,
  type Meter,
  ValueType,
} from '@opentelemetry/api'
import type { DiagnosticEvents } from 'millrace'
import { attribute, durationBounds, metricName, operationSend, systemKafka } from './conventions.ts'

export class ClientMetrics {
  readonly #sent: Counter
  readonly #duration: Histogram

  constructor(meter: Meter) {
    this.#sent = meter.createCounter(metricName.sentMessages, {
      description: 'Number of messages producer attempted to send to the broker.',
      unit: '{message}',
      valueType: ValueType.INT,
    })
    this.#duration = meter.createHistogram(metricName.operationDuration, {
      description: 'Duration of messaging operation initiated by a producer or consumer client.',
      unit: 's',
      advice: { explicitBucketBoundaries: [...durationBounds] },
    })
  }

  onBatchSettled(event: DiagnosticEvents['millrace:batch.settled'], server: Attributes): void {
    const { topic, recordCount, elapsedMs, error, attempts } = event
    const attributes: Attributes = {
      [attribute.systemName]: systemKafka,
      [attribute.operationName]: operationSend,
      [attribute.operationType]: operationSend,
      [attribute.destinationName]: topic,
      ...server,
    }
    if (error !== null) attributes[attribute.errorType] = error.code
    if (attempts > 0) this.#sent.add(recordCount, attributes)
    this.#duration.record(elapsedMs / 1000, attributes)
  }
}
