// A record that was given a context, and what is to become of its trace. It is what onSend returns,
// and what comes back with the result.

import type { Span, SpanContext } from '@opentelemetry/api'
import type { Data, Headers, ProducerRecord } from 'millrace'

export class TracedRecord implements ProducerRecord {
  readonly topic: string
  readonly key: Data | null | undefined
  readonly value: Data | null
  readonly headers: Headers | undefined
  readonly timestamp: number | undefined
  readonly partition: number | undefined
  /** Ends with the record's result; null = its batch has the span. */
  readonly span: Span | null
  /** What the span of its batch links to; null = nothing. */
  readonly link: SpanContext | null

  constructor(
    record: ProducerRecord,
    headers: Headers | undefined,
    span: Span | null,
    link: SpanContext | null,
  ) {
    this.topic = record.topic
    this.key = record.key
    this.value = record.value
    this.headers = headers
    this.timestamp = record.timestamp
    this.partition = record.partition
    this.span = span
    this.link = link
  }
}
