// The requests of one connection that were written and are not settled yet. It gives out
// correlation ids, and knows which request is next: Kafka responds in the order of the requests, so
// a response either belongs to the oldest entry or to none.
//
//   add ─┬─ expects a response ──→ [awaiting]  oldest … newest ──settle()──→ settled
//        └─ expects none (acks 0) → [flushes] oldest … newest ──flush()──→ settled
//
// Invariants: each entry leaves exactly once; both queues are in the order of writing, and so,
// since all requests have the same time limit, in the order of their deadlines.

/** Correlation ids run from 0 to this and begin again. */
export const correlationIdMax = 2 ** 31 - 1

export interface InFlightEntry<Request> {
  readonly correlationId: number
  readonly request: Request
  /** On the connection's clock. */
  readonly deadlineAtMs: number
  /** What an observer of requests keeps with it. */
  trace: object | null
}

/** First in, first out, without moving what remains. */
class Queue<Item> {
  #items: (Item | undefined)[] = []
  #headIndex = 0

  get size(): number {
    return this.#items.length - this.#headIndex
  }

  get head(): Item | undefined {
    return this.#items[this.#headIndex]
  }

  push(item: Item): void {
    this.#items.push(item)
  }

  shift(): Item | undefined {
    const item = this.head
    if (item === undefined) return undefined
    this.#items[this.#headIndex++] = undefined
    if (this.#headIndex === this.#items.length) {
      this.#items.length = 0
      this.#headIndex = 0
    } else if (this.#headIndex >= compactAtIndex && 2 * this.#headIndex >= this.#items.length) {
      this.#items = this.#items.slice(this.#headIndex)
      this.#headIndex = 0
    }
    return item
  }
}

/** Settled entries that a queue may hold before it is compacted. */
const compactAtIndex = 64

export class InFlightTable<Request> {
  readonly #awaiting = new Queue<InFlightEntry<Request>>()
  readonly #flushes = new Queue<InFlightEntry<Request>>()
  #nextCorrelationId: number

  constructor(firstCorrelationId = 0) {
    this.#nextCorrelationId = firstCorrelationId
  }

  get size(): number {
    return this.#awaiting.size + this.#flushes.size
  }

  /** The oldest entry that expects a response: the next response is its. */
  get awaited(): InFlightEntry<Request> | undefined {
    return this.#awaiting.head
  }

  /** The entry whose deadline is first. */
  get oldest(): InFlightEntry<Request> | undefined {
    const awaited = this.#awaiting.head
    const flush = this.#flushes.head
    if (awaited === undefined || flush === undefined) return awaited ?? flush
    return awaited.deadlineAtMs <= flush.deadlineAtMs ? awaited : flush
  }

  add(request: Request, expectsResponse: boolean, deadlineAtMs: number): InFlightEntry<Request> {
    const correlationId = this.#nextCorrelationId
    this.#nextCorrelationId = correlationId === correlationIdMax ? 0 : correlationId + 1
    const entry = { correlationId, request, deadlineAtMs, trace: null }
    if (expectsResponse) this.#awaiting.push(entry)
    else this.#flushes.push(entry)
    return entry
  }

  /** Settles the oldest entry that expects a response, if the id is its; else nothing changes. */
  settle(correlationId: number): InFlightEntry<Request> | undefined {
    return this.#awaiting.head?.correlationId === correlationId ? this.#awaiting.shift() : undefined
  }

  /** Settles the oldest entry that expects none: its bytes have left, in order. */
  flush(): InFlightEntry<Request> | undefined {
    return this.#flushes.shift()
  }

  /** Settles the oldest entry of all, in order of deadlines; undefined = the table is empty. */
  drop(): InFlightEntry<Request> | undefined {
    return this.oldest === this.#awaiting.head ? this.#awaiting.shift() : this.#flushes.shift()
  }
}
