// Creates the spans of one producer. While records are few, each has its own span; beyond that
// rate, its batch has one, with a link to each context of its records. The headers of a record
// contain the context of its own span or else of its sender. Each record settles before
// `batch.settled`; results reach promises a few microtasks later, so a batch's span is created in a
// microtask. Caller: producer-telemetry.ts.

import {
  type Attributes,
  type Context,
  context,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import {
  type DiagnosticEvents,
  type KafkaError,
  type ProducerRecord,
  printableText,
  type RecordMetadata,
} from 'millrace'
import { BatchLinks } from './batch-links.ts'
import { attribute, operationCreate, operationSend, systemKafka } from './conventions.ts'
import { type Carrier, CarrierCache, carrierOf } from './headers.ts'
import { RateLimit } from './rate-limit.ts'

/** auto = a span for each record up to a rate, and for each batch beyond it. */
export type SpanMode = 'auto' | 'record' | 'batch' | 'create' | 'none'

export interface SpanSettings {
  readonly mode: SpanMode
  readonly recordSpansPerSecond: number
  readonly linksMax: number
  /** Whether spans contain keys, which may identify a person. */
  readonly withKeys: boolean
  readonly now: () => number
}

/** The trace of one record, from the call until its result. */
export interface RecordTrace {
  /** The headers to add; null = none. */
  readonly carrier: Carrier | null
  /** Must be called once, with the record's result. */
  settle(topic: string, error: KafkaError | null, metadata: RecordMetadata | null): void
}

type BatchSettled = DiagnosticEvents['millrace:batch.settled']

export class Spans {
  readonly #tracer: Tracer
  readonly #clientId: string
  readonly #mode: SpanMode
  readonly #withKeys: boolean
  readonly #now: () => number
  readonly #limit: RateLimit
  readonly #links: BatchLinks
  readonly #carriers = new CarrierCache()

  constructor(tracer: Tracer, clientId: string, settings: SpanSettings) {
    this.#tracer = tracer
    this.#clientId = printableText(clientId)
    this.#mode = settings.mode
    this.#withKeys = settings.withKeys
    this.#now = settings.now
    this.#limit = new RateLimit(settings.recordSpansPerSecond, settings.now)
    this.#links = new BatchLinks(settings.linksMax)
  }

  /** null = the record has nothing to trace. */
  start(record: ProducerRecord): RecordTrace | null {
    const active = context.active()
    if (this.#mode === 'create') return this.#create(record, active)
    if (this.#hasOwnSpan()) return this.#start(record, active)
    if (active === ROOT_CONTEXT) return null
    const carrier = this.#carriers.of(active)
    const link = trace.getSpanContext(active) ?? null
    if (carrier === null && link === null) return null
    return new StartedRecord(this.#links, carrier, null, link)
  }

  onBatchSettled(event: BatchSettled, server: Attributes): void {
    if (this.#mode === 'none') return
    const endMs = this.#now()
    Promise.resolve().then(() => this.#traceBatch(event, server, endMs))
  }

  #traceBatch(event: BatchSettled, server: Attributes, endMs: number): void {
    const { topic, partition, recordCount, elapsedMs, error } = event
    const { links, origin, ownSpans } = this.#links.take(topic, partition)
    if (ownSpans >= recordCount || this.#mode === 'record') return
    // A batch whose records share one context is part of that trace; otherwise its span only has
    // links.
    const isOfOne = origin !== null && this.#mode !== 'create'
    const parent = isOfOne ? trace.setSpanContext(ROOT_CONTEXT, origin) : ROOT_CONTEXT
    const attributes = {
      ...this.#attributes(operationSend, topic),
      ...server,
      [attribute.partitionId]: `${partition}`,
      [attribute.batchMessageCount]: recordCount,
    }
    const span = this.#tracer.startSpan(
      `${operationSend} ${topic}`,
      {
        kind: SpanKind.CLIENT,
        startTime: endMs - elapsedMs,
        attributes,
        links: isOfOne ? [] : links.map((one) => ({ context: one })),
      },
      parent,
    )
    if (error !== null) fail(span, error)
    span.end(endMs)
  }

  #hasOwnSpan(): boolean {
    if (this.#mode === 'record') return true
    return this.#mode === 'auto' && this.#limit.take()
  }

  /** Starts a span that ends with the record's result. */
  #start(record: ProducerRecord, active: Context): RecordTrace {
    const span = this.#startSpan(operationSend, record, active)
    return new StartedRecord(this.#links, carrierOf(trace.setSpan(active, span)), span, null)
  }

  /** Creates a span for the record's creation; the span of its batch links to it. */
  #create(record: ProducerRecord, active: Context): RecordTrace {
    const span = this.#startSpan(operationCreate, record, active)
    const carrier = carrierOf(trace.setSpan(active, span))
    span.end()
    return new StartedRecord(this.#links, carrier, null, span.spanContext())
  }

  /** The record is not checked yet, so its topic and its key can have any characters. */
  #startSpan(operation: string, record: ProducerRecord, active: Context): Span {
    const topic = printableText(String(record.topic))
    const attributes = this.#attributes(operation, topic)
    if (this.#withKeys && typeof record.key === 'string') {
      attributes[attribute.kafkaMessageKey] = printableText(record.key)
    }
    if (record.value === null) attributes[attribute.kafkaMessageTombstone] = true
    const options = { kind: SpanKind.PRODUCER, attributes }
    return this.#tracer.startSpan(`${operation} ${topic}`, options, active)
  }

  #attributes(operation: string, topic: string): Attributes {
    return {
      [attribute.systemName]: systemKafka,
      [attribute.operationName]: operation,
      [attribute.operationType]: operation,
      [attribute.destinationName]: topic,
      [attribute.clientId]: this.#clientId,
    }
  }
}

class StartedRecord implements RecordTrace {
  readonly carrier: Carrier | null
  readonly #links: BatchLinks
  /** Ends with the record's result; null = the span of its batch replaces it. */
  readonly #span: Span | null
  /** The context that the span of its batch links to; null = none. */
  readonly #link: SpanContext | null

  constructor(
    links: BatchLinks,
    carrier: Carrier | null,
    span: Span | null,
    link: SpanContext | null,
  ) {
    this.#links = links
    this.carrier = carrier
    this.#span = span
    this.#link = link
  }

  settle(topic: string, error: KafkaError | null, metadata: RecordMetadata | null): void {
    const partition = metadata?.partition ?? error?.partition
    const span = this.#span
    if (partition !== undefined && (span !== null || this.#link !== null)) {
      this.#links.add(topic, partition, this.#link)
    }
    if (span === null) return
    if (partition !== undefined) span.setAttribute(attribute.partitionId, `${partition}`)
    if (metadata !== null && metadata.offset >= 0) {
      span.setAttribute(attribute.kafkaOffset, metadata.offset)
    }
    if (error !== null) fail(span, error)
    span.end()
  }
}

const fail = (span: Span, error: KafkaError): void => {
  span.setAttribute(attribute.errorType, error.code)
  span.setStatus({ code: SpanStatusCode.ERROR, message: error.message })
}
