// Owns the bytes of a stream that are not a complete frame yet. A frame is an int32 size and that
// many bytes. Caller: ResponseReader, which pushes each chunk and takes all complete frames.
// Invariants: a frame inside one chunk is a view of it, not a copy. A frame that spans chunks is
// copied at most twice. Memory grows with the bytes received, not with the announced size. After a
// failure every call fails. The receiver of a frame may keep it, and with it the chunk.

import { assert } from '../runtime/assert.ts'

/** The stream is malformed. `sizeField` is the value at the position of the size. */
export class MalformedFrameError extends Error {
  override readonly name = 'MalformedFrameError'
  readonly sizeField: number

  constructor(message: string, sizeField: number) {
    super(message)
    this.sizeField = sizeField
  }
}

const sizeFieldBytes = 4

/** First size of the buffer for a frame that spans chunks. */
const partialBytesMin = 64 * 1024

export class FrameSplitter {
  #frameBytesMax: number
  /** The pushed bytes that were not taken yet, from #offset on. */
  #chunk: Uint8Array | null = null
  #offset = 0
  /** The size field, while only a part of it has arrived. */
  #sizeField = 0
  #sizeFieldCount = 0
  /** Size of the frame that is being collected; -1 = its size is not known yet. */
  #frameBytes = -1
  /** The part of a frame that arrived in earlier chunks. */
  #partial: Uint8Array | null = null
  #partialBytes = 0
  #failure: MalformedFrameError | null = null

  constructor(frameBytesMax: number) {
    this.#frameBytesMax = frameBytesMax
  }

  /** Sets the size limit of the following frames. */
  setFrameBytesMax(frameBytesMax: number): void {
    this.#frameBytesMax = frameBytesMax
  }

  /**
   * From this call on the bytes belong to the splitter and its frames. The caller takes all frames
   * before the next push.
   */
  push(bytes: Uint8Array): void {
    assert(this.#chunk === null, 'all frames are taken before more bytes are pushed')
    if (bytes.length === 0) return
    this.#chunk = bytes
    this.#offset = 0
  }

  /** The next frame, without its size; null = more bytes are needed. Throws MalformedFrameError. */
  take(): Uint8Array | null {
    if (this.#failure !== null) throw this.#failure
    if (this.#chunk === null) return null
    if (this.#frameBytes === -1 && !this.#takeSize(this.#chunk)) return null
    return this.#takeFrame(this.#chunk)
  }

  #takeSize(chunk: Uint8Array): boolean {
    while (this.#sizeFieldCount < sizeFieldBytes && this.#offset < chunk.length) {
      this.#sizeField = (this.#sizeField << 8) | chunk[this.#offset++]!
      this.#sizeFieldCount++
    }
    if (this.#sizeFieldCount < sizeFieldBytes) {
      this.#chunk = null
      return false
    }
    const size = this.#sizeField
    if (size < 0) this.#fail(`a negative size, ${size}`, size)
    if (size > this.#frameBytesMax) {
      this.#fail(`a size of ${size} bytes, and at most ${this.#frameBytesMax} are allowed`, size)
    }
    this.#frameBytes = size
    return true
  }

  #takeFrame(chunk: Uint8Array): Uint8Array | null {
    const frameBytes = this.#frameBytes
    const end = this.#offset + frameBytes - this.#partialBytes
    if (end > chunk.length) {
      this.#keepPartial(chunk)
      return null
    }
    let frame: Uint8Array
    if (this.#partial === null) {
      frame = chunk.subarray(this.#offset, end)
    } else {
      const whole = this.#bufferFor(frameBytes)
      whole.set(chunk.subarray(this.#offset, end), this.#partialBytes)
      frame = whole.subarray(0, frameBytes)
    }
    this.#offset = end
    if (end === chunk.length) this.#chunk = null
    this.#startFrame()
    return frame
  }

  #keepPartial(chunk: Uint8Array): void {
    const available = chunk.length - this.#offset
    if (available > 0) {
      const buffer = this.#bufferFor(this.#partialBytes + available)
      buffer.set(this.#offset === 0 ? chunk : chunk.subarray(this.#offset), this.#partialBytes)
      this.#partialBytes += available
    }
    this.#chunk = null
  }

  /**
   * The buffer of the partial frame, with at least this size. It grows to twice its size or more.
   */
  #bufferFor(bytes: number): Uint8Array {
    const present = this.#partial
    if (present !== null && present.length >= bytes) return present
    const wanted = Math.max(bytes, partialBytesMin, 2 * (present?.length ?? 0))
    const buffer = Buffer.allocUnsafeSlow(Math.min(wanted, this.#frameBytes))
    if (present !== null) buffer.set(present.subarray(0, this.#partialBytes))
    this.#partial = buffer
    return buffer
  }

  #startFrame(): void {
    this.#sizeField = 0
    this.#sizeFieldCount = 0
    this.#frameBytes = -1
    this.#partial = null
    this.#partialBytes = 0
  }

  #fail(message: string, sizeField: number): never {
    this.#failure = new MalformedFrameError(message, sizeField)
    this.#chunk = null
    throw this.#failure
  }
}
