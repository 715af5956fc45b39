// What is known of the records that were told their results, until the event of their batch comes:
// the contexts that its span links to, and how many of them had a span of their own. By topic and
// partition; bounded, since the event follows its records within a turn or two.

import { isSpanContextValid, type SpanContext } from '@opentelemetry/api'

/** Of one partition, since its last batch. */
interface Waiting {
  readonly links: Map<string, SpanContext>
  /** What was added last: records of one sender come one after another. */
  last: SpanContext | null
  ownSpans: number
}

/** Of one batch. */
export interface BatchTrace {
  readonly links: readonly SpanContext[]
  /** Records that had a span of their own. */
  readonly ownSpans: number
}

const nothing: BatchTrace = { links: [], ownSpans: 0 }

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
    else if (link !== waiting.last && waiting.links.size < this.#linksMax) {
      waiting.last = link
      if (isSpanContextValid(link)) waiting.links.set(`${link.traceId}${link.spanId}`, link)
    }
  }

  take(topic: string, partition: number): BatchTrace {
    const waiting = this.#topics.get(topic)?.get(partition)
    if (waiting === undefined) return nothing
    const { links, ownSpans } = waiting
    this.#topics.get(topic)?.delete(partition)
    return { links: [...links.values()], ownSpans }
  }

  clear(): void {
    this.#topics.clear()
  }

  #waitingFor(topic: string, partition: number): Waiting {
    let partitions = this.#topics.get(topic)
    if (partitions === undefined) {
      partitions = new Map()
      this.#topics.set(topic, partitions)
    }
    let waiting = partitions.get(partition)
    if (waiting === undefined) {
      waiting = { links: new Map(), last: null, ownSpans: 0 }
      partitions.set(partition, waiting)
    }
    return waiting
  }
}
