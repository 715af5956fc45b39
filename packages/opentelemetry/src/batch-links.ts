// What is known of the records that were told their results, until the event of their batch comes:
// the contexts that its span links to, and how many of them had a span of their own. By topic and
// partition; bounded, since the event follows its records within a turn or two.

import type { SpanContext } from '@opentelemetry/api'

/** Of one partition, since its last batch. */
interface Waiting {
  readonly links: Map<string, SpanContext>
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
  readonly #partitions = new Map<string, Waiting>()

  constructor(linksMax: number) {
    this.#linksMax = linksMax
  }

  add(topic: string, partition: number, link: SpanContext | null): void {
    const key = `${topic}-${partition}`
    let waiting = this.#partitions.get(key)
    if (waiting === undefined) {
      waiting = { links: new Map(), ownSpans: 0 }
      this.#partitions.set(key, waiting)
    }
    if (link === null) waiting.ownSpans++
    else if (waiting.links.size < this.#linksMax) {
      waiting.links.set(`${link.traceId}${link.spanId}`, link)
    }
  }

  take(topic: string, partition: number): BatchTrace {
    const key = `${topic}-${partition}`
    const waiting = this.#partitions.get(key)
    if (waiting === undefined) return nothing
    this.#partitions.delete(key)
    return { links: [...waiting.links.values()], ownSpans: waiting.ownSpans }
  }

  clear(): void {
    this.#partitions.clear()
  }
}
