// The bound of the dead letters that wait for a file or a function. Callers: FileTarget,
// FunctionTarget.

import { KafkaError } from '../../protocol/kafka-error.ts'

export class PendingBytes {
  readonly #bytesMax: number
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Throws BUFFER_FULL past the bound; one of any size is always taken. */
  take(bytes: number): void {
    if (this.#bytes > 0 && this.#bytes + bytes > this.#bytesMax) {
      const message =
        `Dead letters that wait must be at most ${this.#bytesMax} bytes (bufferMemoryBytes), ` +
        `got ${this.#bytes + bytes}`
      throw new KafkaError('BUFFER_FULL', message)
    }
    this.#bytes += bytes
  }

  giveBack(bytes: number): void {
    this.#bytes -= bytes
  }
}
