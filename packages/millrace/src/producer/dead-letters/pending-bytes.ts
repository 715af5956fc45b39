// Owns the limit of the dead letters that wait for a file or a function. Callers: FileTarget,
// FunctionTarget. Invariant: while nothing waits, a dead letter of any size is accepted.

import { KafkaError } from '../../protocol/kafka-error.ts'

export class PendingBytes {
  readonly #bytesMax: number
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Throws BUFFER_FULL above the limit; a single one of any size is accepted. */
  take(bytes: number): void {
    if (this.#bytes > 0 && this.#bytes + bytes > this.#bytesMax) {
      const message =
        `Dead letters that wait must be at most ${this.#bytesMax} bytes (bufferMemoryBytes), ` +
        `got ${this.#bytes + bytes}`
      throw new KafkaError('BUFFER_FULL', message)
    }
    this.#bytes += bytes
  }

  release(bytes: number): void {
    this.#bytes -= bytes
  }
}
