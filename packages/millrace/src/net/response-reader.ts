// Owns the matching of a connection's bytes with its requests: it splits the stream into responses
// and gives each to the oldest request in flight. Caller: Connection. Invariant: after a
// MalformedResponseError nothing more may be read, because the position of the next response is
// unknown.

import { decodeResponseHeader } from '../protocol/api/header.ts'
import { Reader } from '../protocol/bytes/reader.ts'
import type { RawRequest } from './connection-contract.ts'
import { FrameSplitter, MalformedFrameError } from './frame-splitter.ts'
import type { InFlightEntry, InFlightTable } from './in-flight-table.ts'

/**
 * Limit of a response during the handshake. Bytes of TLS, HTTP and other protocols look like a
 * longer response.
 */
const handshakeResponseBytesMax = 1024 * 1024

/** A response has at least a correlation id. */
const responseBytesMin = 4

/** The bytes of the peer are not the expected response. */
export class MalformedResponseError extends Error {
  override readonly name = 'MalformedResponseError'
  /** The API whose response was expected; undefined = no response was expected. */
  readonly api: string | undefined
  /** The value at the position of the size; null = the size was valid. */
  readonly sizeField: number | null

  constructor(message: string, context: { api?: string; sizeField?: number; cause?: unknown }) {
    super(message, 'cause' in context ? { cause: context.cause } : undefined)
    this.api = context.api
    this.sizeField = context.sizeField ?? null
  }
}

export class ResponseReader {
  readonly #splitter: FrameSplitter
  readonly #table: InFlightTable<RawRequest>
  readonly #responseBytesMax: number

  /** `responseBytesMax` applies after the handshake. */
  constructor(table: InFlightTable<RawRequest>, responseBytesMax: number) {
    this.#table = table
    this.#responseBytesMax = responseBytesMax
    this.#splitter = new FrameSplitter(Math.min(handshakeResponseBytesMax, responseBytesMax))
  }

  endHandshake(): void {
    this.#splitter.setFrameBytesMax(this.#responseBytesMax)
  }

  /**
   * Reads the bytes that arrived. `take` gets the request and the body of each response and returns
   * whether to continue. Throws a MalformedResponseError, and any error that `take` throws.
   */
  read(bytes: Uint8Array, take: (entry: InFlightEntry<RawRequest>, body: Uint8Array) => boolean) {
    this.#splitter.push(bytes)
    for (;;) {
      const frame = this.#takeFrame()
      if (frame === null) return
      const { entry, body } = this.#match(frame)
      if (!take(entry, body)) return
    }
  }

  #takeFrame(): Uint8Array | null {
    try {
      return this.#splitter.take()
    } catch (error) {
      if (!(error instanceof MalformedFrameError)) throw error
      const { sizeField, message } = error
      throw new MalformedResponseError(`the response begins with ${message}`, { sizeField })
    }
  }

  #match(frame: Uint8Array): { entry: InFlightEntry<RawRequest>; body: Uint8Array } {
    const awaited = this.#table.awaited
    if (awaited === undefined) {
      throw new MalformedResponseError(`${frame.length} bytes arrived without a request`, {})
    }
    const { apiName: api, apiKey, flexible } = awaited.request
    if (frame.length < responseBytesMin) {
      throw new MalformedResponseError(`a response of ${frame.length} bytes`, { api })
    }
    const reader = new Reader(frame)
    let correlationId: number
    try {
      correlationId = decodeResponseHeader(reader, apiKey, flexible)
    } catch (cause) {
      throw new MalformedResponseError('the header of the response is cut short', { api, cause })
    }
    const entry = this.#table.settle(correlationId)
    if (entry === undefined) {
      const expected = `expected the response to request ${awaited.correlationId}`
      throw new MalformedResponseError(`${expected}, got the one to ${correlationId}`, { api })
    }
    return { entry, body: frame.subarray(reader.offset) }
  }
}
