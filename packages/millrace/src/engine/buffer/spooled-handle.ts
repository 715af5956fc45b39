// Owns the handle of a record that was added to the spool. If its caller cancels, the record is
// delivered nevertheless. Callers: Accumulator creates it; RecordCancellation and Engine check for
// it. Invariant: one object serves all records.

export class SpooledHandle {
  /** No flush() of the engine waits for it: the spool's own flush does. */
  readonly flushGeneration = -1

  joinEarlierFlush(): void {}
}

export const spooledHandle = new SpooledHandle()
