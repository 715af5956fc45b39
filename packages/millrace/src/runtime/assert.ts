// Owns the assertions for invariants of millrace. Callers: most folders of src. Invariant: a failed
// assertion is a defect of millrace, never of the caller; the caller of this code converts it into
// a KafkaError with code INTERNAL.

/** An invariant of millrace does not hold. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError'
}

/** Throws an InvariantError if the condition is false. `message` states what should be true. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(`Invariant broken: ${message}`)
}
