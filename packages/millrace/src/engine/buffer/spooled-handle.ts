// The handle of a record that went into the spool, for a caller that cancels: the record is
// delivered all the same. Callers: Accumulator makes it, RecordCancellation and Engine know it.

export class SpooledHandle {
  /** No flush() call of the engine's waits for it: the spool's own does. */
  readonly flushGeneration = -1

  joinEarlierFlush(): void {}
}

export const spooledHandle = new SpooledHandle()
