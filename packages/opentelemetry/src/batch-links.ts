// Collects, per topic and partition, the span contexts of records that have settled, until the
// event of their batch arrives: the links of the batch's span, and how many records had their own
// span. spans.ts owns it. Memory is bounded, because the event follows its records within a turn or
// two.

import { isSpanContextValid, type SpanContext } from '@opentelemetry/api'

/** The state of one partition since its last batch. */
interface Waiting {
  readonly links: Map<string, SpanContext>
  /** The last added context; consecutive records of one sender have the same one. */
  last: SpanContext | null
  ownSpans: number
  /** There were more contexts than a span may have links. */
  isCut: boolean
}

/** The links and counts of one batch. */
export interface BatchTrace {
  readonly links: readonly SpanContext[]
  /** The single context of all records without their own span; null = there are several or none. */
  readonly origin: SpanContext | null
  /** The number of records that had their own span. */
  readonly ownSpans: number
}

const nothing: BatchTrace = { links: [], origin: null, ownSpans: 0 }

export class BatchLinks {
  readonly #linksMax: number
  /** By topic, then by partition. */
  readonly #topics = new Map<string, Map<number, Waiting>>()

  constructor(linksMax: number) {
    this.#linksMax = linksMax
  }

  add(topic: string, partition: number, link: SpanContext | null): void {
    const waiting = this.#waitingFor(topic, partition)
    if (link === null) waiting.ownSpans++
    else if (link !== waiting.last) {
      waiting.last = link
      if (isSpanContextValid(link)) this.#link(waiting, link)
    }
  }

  #link(waiting: Waiting, link: SpanContext): void {
    const { links } = waiting
    const key = `${link.traceId}${link.spanId}`
    if (links.has(key)) return
    if (links.size < this.#linksMax) links.set(key, link)
    else waiting.isCut = true
  }

  take(topic: string, partition: number): BatchTrace {
    const waiting = this.#topics.get(topic)?.get(partition)
    if (waiting === undefined) return nothing
    const { ownSpans, isCut } = waiting
    this.#topics.get(topic)?.delete(partition)
    const links = [...waiting.links.values()]
    return { links, origin: isCut || links.length > 1 ? null : (links[0] ?? null), ownSpans }
  }

  #waitingFor(topic: string, partition: number): Waiting {
    let partitions = this.#topics.get(topic)
    if (partitions === undefined) {
      partitions = new Map()
      this.#topics.set(topic, partitions)
    }
    let waiting = partitions.get(partition)
    if (waiting === undefined) {
      waiting = { links: new Map(), last: null, ownSpans: 0, isCut: false }
      partitions.set(partition, waiting)
    }
    return waiting
  }
}
