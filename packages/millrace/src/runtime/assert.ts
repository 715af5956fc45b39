// Assertions for our own invariants. A failed one is a defect of millrace, never of the caller: the
// layers above turn it into a KafkaError with code INTERNAL (the runtime knows no Kafka).

/** One of our own invariants does not hold. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError'
}

/** Throws an InvariantError unless the condition holds. `message` states what should be true. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(`Invariant broken: ${message}`)
}
