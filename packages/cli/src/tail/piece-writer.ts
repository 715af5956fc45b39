// Collects bytes for an output and writes them in chunks of 64 KiB. It owns the bytes that are not
// written yet. The caller must await `ready` when `isFull`, so that memory stays bounded. Callers:
// record-writer.ts and spool-command.ts.

import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { writeBytes } from '../runtime/terminal.ts'

/** The size of a chunk, approximately. */
const pieceBytes = 65_536

export class PieceWriter {
  readonly #output: Writable
  #parts: Buffer[] = []
  #bytes = 0

  constructor(output: Writable) {
    this.#output = output
  }

  /** Whether the reader closed the output, as `| head` does. */
  get isClosed(): boolean {
    return this.#output.destroyed || this.#output.errored !== null
  }

  /** Whether the output must drain before more is written. */
  get isFull(): boolean {
    return this.#output.writableNeedDrain
  }

  put(bytes: Buffer): void {
    if (bytes.length === 0) return
    this.#parts.push(bytes)
    this.#bytes += bytes.length
    if (this.#bytes >= pieceBytes) this.flush()
  }

  /** Writes the collected bytes. */
  flush(): void {
    if (this.#bytes === 0) return
    const piece = Buffer.concat(this.#parts, this.#bytes)
    this.#parts = []
    this.#bytes = 0
    if (!this.isClosed) writeBytes(this.#output, piece)
  }

  /** Resolves when the output accepts more bytes. */
  async ready(): Promise<void> {
    this.flush()
    if (this.isClosed || !this.#output.writableNeedDrain) return
    const ended = new AbortController()
    const { signal } = ended
    const closed = once(this.#output, 'close', { signal })
    try {
      await Promise.race([once(this.#output, 'drain', { signal }), closed])
    } catch {
      // The output failed; `isClosed` is true now.
    } finally {
      closed.catch(() => {})
      ended.abort()
    }
  }
}
