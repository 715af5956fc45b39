// Owns the requests of one connection that were written and are not settled, and their correlation
// ids. Kafka responds in the order of the requests, so a response belongs to the oldest entry or is
// malformed. Callers: Connection adds and drops entries, ResponseReader settles them.
//
//   add ─┬─ expects a response ──→ [awaiting]  oldest … newest ──settle()──→ settled
//        └─ expects none (acks 0) → [flushes] oldest … newest ──flush()──→ settled
//
// Invariants: each entry is removed exactly once. Both queues have the order of writing. All
// requests have the same time limit, so this is also the order of their deadlines.

/** Correlation ids go from 0 to this number, then start at 0 again. */
export const correlationIdMax = 2 ** 31 - 1

export interface InFlightEntry<Request> {
  readonly correlationId: number
  readonly request: Request
  /** On the connection's clock. */
  readonly deadlineAtMs: number
  /** Data that an observer of requests stores with the entry. */
  trace: object | null
}

/** A first-in, first-out queue that does not move the remaining items at each removal. */
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

/** Removed entries that a queue may hold before it is compacted. */
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

  /** The oldest entry that expects a response: the next response belongs to it. */
  get awaited(): InFlightEntry<Request> | undefined {
    return this.#awaiting.head
  }

  /** The entry with the earliest deadline. */
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

  /**
   * Removes the oldest entry that expects a response if the id matches; otherwise changes nothing.
   */
  settle(correlationId: number): InFlightEntry<Request> | undefined {
    return this.#awaiting.head?.correlationId === correlationId ? this.#awaiting.shift() : undefined
  }

  /** Removes the oldest entry that expects no response: its bytes were accepted, in order. */
  flush(): InFlightEntry<Request> | undefined {
    return this.#flushes.shift()
  }

  /**
   * Removes the oldest entry of both queues, in the order of deadlines; undefined = there is none.
   */
  drop(): InFlightEntry<Request> | undefined {
    return this.oldest === this.#awaiting.head ? this.#awaiting.shift() : this.#flushes.shift()
  }
}
