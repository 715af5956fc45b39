// Splits a stream of bytes into requests: four bytes of size, and then that many bytes. Each
// connection has its own; node-connection.ts owns it. A frame that arrives in one chunk is a view
// of the chunk; a larger one is copied to a buffer of its own. The receiver owns the bytes in both
// cases.

import { KafkaError } from '../protocol/kafka-error.ts'

const sizeBytes = 4
const noBytes: Uint8Array = new Uint8Array(0)

export class FrameAssembler {
  readonly #frameBytesMax: number
  readonly #onFrame: (frame: Uint8Array) => void
  /** The first bytes of an incomplete size field. */
  #sizePart: Uint8Array = noBytes
  /** The incomplete frame; null = between frames. */
  #frame: Buffer | null = null
  #filled = 0

  constructor(frameBytesMax: number, onFrame: (frame: Uint8Array) => void) {
    this.#frameBytesMax = frameBytesMax
    this.#onFrame = onFrame
  }

  /** Throws MALFORMED_RESPONSE if a size is out of bounds; push must not be called again then. */
  push(bytes: Uint8Array): void {
    let rest = this.#continueFrame(bytes)
    if (this.#sizePart.byteLength > 0 && rest.byteLength > 0) {
      const joined = new Uint8Array(this.#sizePart.byteLength + rest.byteLength)
      joined.set(this.#sizePart)
      joined.set(rest, this.#sizePart.byteLength)
      this.#sizePart = noBytes
      rest = joined
    }
    while (rest.byteLength >= sizeBytes) {
      const size = this.#sizeAt(rest)
      const body = rest.subarray(sizeBytes)
      if (body.byteLength < size) {
        this.#frame = Buffer.allocUnsafeSlow(size)
        this.#frame.set(body)
        this.#filled = body.byteLength
        return
      }
      rest = body.subarray(size)
      this.#onFrame(body.subarray(0, size))
    }
    if (rest.byteLength > 0) this.#sizePart = rest
  }

  /** Adds bytes to the incomplete frame; returns the rest. */
  #continueFrame(bytes: Uint8Array): Uint8Array {
    const frame = this.#frame
    if (frame === null) return bytes
    const missing = frame.byteLength - this.#filled
    if (bytes.byteLength < missing) {
      frame.set(bytes, this.#filled)
      this.#filled += bytes.byteLength
      return noBytes
    }
    frame.set(bytes.subarray(0, missing), this.#filled)
    this.#frame = null
    this.#filled = 0
    this.#onFrame(frame)
    return bytes.subarray(missing)
  }

  #sizeAt(bytes: Uint8Array): number {
    const size = new DataView(bytes.buffer, bytes.byteOffset, sizeBytes).getInt32(0)
    if (size < 0 || size > this.#frameBytesMax) {
      throw new KafkaError('MALFORMED_RESPONSE', `A request of ${size} bytes`)
    }
    return size
  }
}
