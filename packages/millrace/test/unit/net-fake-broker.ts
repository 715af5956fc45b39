// A broker written by hand for the tests of net/: it cuts requests out of the stream by itself,
// reads their header, and returns what a test says. It shares no code with what it tests, apart
// from the transport it listens on.

import type { Address, ByteStream, Listener, ListenTransport } from '../../src/runtime/transport.ts'

export interface FakeRequest {
  readonly apiKey: number
  readonly version: number
  readonly correlationId: number
  readonly clientId: string
  /** What follows the header's client id (with the tagged fields of a flexible header). */
  readonly rest: Buffer
  readonly stream: ByteStream
}

const int16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

/**
 * A frame: size, correlation id, body. A flexible header's tagged fields belong to the body here.
 */
export const responseFrame = (correlationId: number, body: Uint8Array): Buffer =>
  Buffer.concat([int32(4 + body.length), int32(correlationId), body])

const compactString = (text: string): Buffer =>
  Buffer.concat([Buffer.from([text.length + 1]), Buffer.from(text)])

export type Ranges = readonly (readonly [apiKey: number, min: number, max: number])[]

export interface VersionsResponse {
  readonly version: number
  readonly ranges: Ranges
  readonly errorCode?: number
  readonly throttleTimeMs?: number
  readonly features?: readonly (readonly [name: string, level: number])[]
  readonly featuresEpoch?: number
}

/** The body of an ApiVersions response, in the layout of the version. */
export const versionsBody = (response: VersionsResponse): Buffer => {
  const { version, ranges } = response
  const isFlexible = version >= 3
  const parts = [int16(response.errorCode ?? 0)]
  parts.push(isFlexible ? Buffer.from([ranges.length + 1]) : int32(ranges.length))
  for (const [apiKey, min, max] of ranges) {
    parts.push(int16(apiKey), int16(min), int16(max))
    if (isFlexible) parts.push(Buffer.from([0]))
  }
  if (version >= 1) parts.push(int32(response.throttleTimeMs ?? 0))
  if (isFlexible) parts.push(versionsTags(response))
  return Buffer.concat(parts)
}

const versionsTags = (response: VersionsResponse): Buffer => {
  if (response.features === undefined) return Buffer.from([0])
  const epoch = Buffer.alloc(8)
  epoch.writeBigInt64BE(BigInt(response.featuresEpoch ?? 1))
  const levels = response.features.map(([name, level]) =>
    Buffer.concat([compactString(name), int16(level), int16(1), Buffer.from([0])]),
  )
  const features = Buffer.concat([Buffer.from([levels.length + 1]), ...levels])
  return Buffer.concat([Buffer.from([2, 1, 8]), epoch, Buffer.from([2, features.length]), features])
}

export const apiVersionsKey = 18

/** What the fake serves unless a test says otherwise. */
export const rangesServed: Ranges = [
  [0, 0, 13],
  [3, 0, 13],
  [apiVersionsKey, 0, 4],
]

export class FakeBroker {
  readonly requests: FakeRequest[] = []
  readonly streams: ByteStream[] = []
  /** The error with which each stream closed on the broker's side. */
  readonly closed: (Error | undefined)[] = []
  /** What to do with a request that is not ApiVersions; by default it is left withoutResponse. */
  onRequest: (request: FakeRequest) => void = () => {}
  /** What to do with ApiVersions. */
  onVersions: (request: FakeRequest) => void = (request) => {
    const { version } = request
    if (version > 4) {
      const refusal = { version: 0, errorCode: 35, ranges: [[apiVersionsKey, 0, 4]] as Ranges }
      this.respond(request, versionsBody(refusal))
    } else this.respond(request, versionsBody({ version, ranges: rangesServed }))
  }
  #listener: Listener | undefined

  async listen(transport: ListenTransport, address: Address): Promise<Address> {
    this.#listener = await transport.listen(address, (stream) => this.#accept(stream))
    return this.#listener.address
  }

  async close(): Promise<void> {
    for (const stream of this.streams) stream.destroy()
    await this.#listener?.close()
  }

  respond(request: FakeRequest, body: Uint8Array): void {
    request.stream.write([responseFrame(request.correlationId, body)])
  }

  /** The requests that are not ApiVersions. */
  get payloads(): readonly FakeRequest[] {
    return this.requests.filter((request) => request.apiKey !== apiVersionsKey)
  }

  #accept(stream: ByteStream) {
    this.streams.push(stream)
    let bytes = Buffer.alloc(0)
    return {
      onData: (arrived: Uint8Array) => {
        bytes = Buffer.concat([bytes, arrived])
        while (bytes.length >= 4 && bytes.length >= 4 + bytes.readInt32BE(0)) {
          const end = 4 + bytes.readInt32BE(0)
          this.#onFrame(bytes.subarray(4, end), stream)
          bytes = bytes.subarray(end)
        }
      },
      onClose: (error?: Error) => {
        this.closed.push(error)
      },
    }
  }

  #onFrame(frame: Buffer, stream: ByteStream): void {
    const clientIdEnd = 10 + frame.readInt16BE(8)
    const request: FakeRequest = {
      apiKey: frame.readInt16BE(0),
      version: frame.readInt16BE(2),
      correlationId: frame.readInt32BE(4),
      clientId: frame.toString('utf8', 10, clientIdEnd),
      rest: Buffer.from(frame.subarray(clientIdEnd)),
      stream,
    }
    this.requests.push(request)
    if (request.apiKey === apiVersionsKey) this.onVersions(request)
    else this.onRequest(request)
  }
}
