// The requests of one connection that were written and are not settled yet. It gives out
// correlation ids, and knows which request is next: Kafka answers in the order of the requests, so
// an answer either belongs to the oldest entry or to nobody.
//
//   add ─┬─ expects an answer ──→ [answers]  oldest … newest ──answer()──→ settled
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

/** Settled entries that a queue keeps room for before it is compacted. */
const compactAtIndex = 64

export class InFlightTable<Request> {
  readonly #answers = new Queue<InFlightEntry<Request>>()
  readonly #flushes = new Queue<InFlightEntry<Request>>()
  #nextCorrelationId: number

  constructor(firstCorrelationId = 0) {
    this.#nextCorrelationId = firstCorrelationId
  }

  get size(): number {
    return this.#answers.size + this.#flushes.size
  }

  /** The oldest entry that expects an answer: the next answer is its. */
  get awaited(): InFlightEntry<Request> | undefined {
    return this.#answers.head
  }

  /** The entry whose deadline is first. */
  get oldest(): InFlightEntry<Request> | undefined {
    const answer = this.#answers.head
    const flush = this.#flushes.head
    if (answer === undefined || flush === undefined) return answer ?? flush
    return answer.deadlineAtMs <= flush.deadlineAtMs ? answer : flush
  }

  add(request: Request, expectsAnswer: boolean, deadlineAtMs: number): InFlightEntry<Request> {
    const correlationId = this.#nextCorrelationId
    this.#nextCorrelationId = correlationId === correlationIdMax ? 0 : correlationId + 1
    const entry = { correlationId, request, deadlineAtMs }
    if (expectsAnswer) this.#answers.push(entry)
    else this.#flushes.push(entry)
    return entry
  }

  /** Settles the oldest entry that expects an answer, if the id is its; else nothing changes. */
  answer(correlationId: number): InFlightEntry<Request> | undefined {
    return this.#answers.head?.correlationId === correlationId ? this.#answers.shift() : undefined
  }

  /** Settles the oldest entry that expects none: its bytes have left, in order. */
  flush(): InFlightEntry<Request> | undefined {
    return this.#flushes.shift()
  }

  /** Settles the oldest entry of all, in order of deadlines; undefined = the table is empty. */
  drop(): InFlightEntry<Request> | undefined {
    return this.oldest === this.#answers.head ? this.#answers.shift() : this.#flushes.shift()
  }
}
