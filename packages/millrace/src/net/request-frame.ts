// Owns the layout of a request's frame: size, request header (version 1, or 2 for flexible
// versions), body. Caller: Connection, for each request, so this code affects throughput.
// Invariant: the chunks of a large body are not copied. A small request becomes one buffer, because
// copying it costs less than a vectored write.

/** The parts of a frame. */
export interface FrameRequest {
  readonly apiKey: number
  readonly version: number
  readonly flexible: boolean
  readonly chunks: readonly Uint8Array[]
}

/** A request up to this size is copied into one buffer. */
const coalesceBytesMax = 8 * 1024

/** size int32, apiKey int16, version int16, correlationId int32, length of the client id int16. */
const fixedHeaderBytes = 14
const sizeFieldBytes = 4
const frameBytesMax = 2 ** 31 - 1

export class RequestFramer {
  readonly #clientId: Uint8Array

  constructor(clientId: string) {
    this.#clientId = new TextEncoder().encode(clientId)
  }

  /**
   * The frame as chunks: one for a small request, otherwise the header and the chunks of the body.
   */
  frame(request: FrameRequest, correlationId: number): Uint8Array[] {
    const { chunks } = request
    // A flexible header ends with a section of tagged fields. It is empty here: one zero byte.
    const headerBytes = fixedHeaderBytes + this.#clientId.length + (request.flexible ? 1 : 0)
    let totalBytes = headerBytes
    for (let index = 0; index < chunks.length; index++) totalBytes += chunks[index]!.length
    if (totalBytes > frameBytesMax) throw new RangeError(`A request of ${totalBytes} bytes`)
    if (totalBytes > coalesceBytesMax) {
      const header = Buffer.allocUnsafe(headerBytes)
      this.#writeHeader(header, request, correlationId, totalBytes)
      return [header, ...chunks]
    }
    const frame = Buffer.allocUnsafe(totalBytes)
    this.#writeHeader(frame, request, correlationId, totalBytes)
    let offset = headerBytes
    for (let index = 0; index < chunks.length; index++) {
      const chunk = chunks[index]!
      frame.set(chunk, offset)
      offset += chunk.length
    }
    return [frame]
  }

  #writeHeader(
    target: Buffer,
    request: FrameRequest,
    correlationId: number,
    totalBytes: number,
  ): void {
    target.writeInt32BE(totalBytes - sizeFieldBytes, 0)
    target.writeInt16BE(request.apiKey, 4)
    target.writeInt16BE(request.version, 6)
    target.writeInt32BE(correlationId, 8)
    target.writeInt16BE(this.#clientId.length, 12)
    target.set(this.#clientId, fixedHeaderBytes)
    if (request.flexible) target[fixedHeaderBytes + this.#clientId.length] = 0
  }
}
