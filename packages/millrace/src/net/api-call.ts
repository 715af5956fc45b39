// Owns the conversion of one request object to the bytes that a connection sends, and of the
// response bytes to an object. Caller: Connection.request, for every API except Produce, whose
// bytes the engine encodes. Invariant: the handler of a call is called exactly once.

import { Reader } from '../protocol/bytes/reader.ts'
import { Writer } from '../protocol/bytes/writer.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import type { Api, Input } from '../protocol/schema/api.ts'
import { assert } from '../runtime/assert.ts'
import { messageOf } from '../runtime/value-kinds.ts'
import type { RawRequest } from './connection-contract.ts'

/** Called once: with the error, or with the response. */
export type CallHandler<Response> = (error: KafkaError | null, response: Response | null) => void

export interface CallOwner {
  /** The response cannot be decoded: closes the connection and returns the error. */
  onMalformed(reason: string, api: string, cause: unknown): KafkaError
  throttle(throttleTimeMs: number): void
}

const throttleTimeOf = (response: unknown): number => {
  if (typeof response !== 'object' || response === null) return 0
  if (!('throttleTimeMs' in response)) return 0
  return typeof response.throttleTimeMs === 'number' ? response.throttleTimeMs : 0
}

/**
 * Throws if the request cannot be encoded. With version -1 no bytes are created: it is never sent.
 */
export const makeCall = <Request, Response>(
  api: Api<Request, Response>,
  version: number,
  request: Input<Request>,
  owner: CallOwner,
  handler: CallHandler<Response>,
): RawRequest => {
  const writer = new Writer()
  if (version >= 0) api.encodeRequest(writer, request, version)
  const onResponse = (body: Uint8Array | null): void => {
    assert(body !== null, 'a request that expects a response gets one')
    let response: Response
    try {
      response = api.decodeResponse(new Reader(body), version)
    } catch (cause) {
      const reason = messageOf(cause)
      handler(owner.onMalformed(reason, api.name, cause), null)
      return
    }
    owner.throttle(throttleTimeOf(response))
    handler(null, response)
  }
  return {
    apiKey: api.key,
    apiName: api.name,
    version,
    flexible: api.isFlexible(version),
    chunks: [writer.finish()],
    expectsResponse: true,
    onResponse,
    onFailure: (error) => handler(error, null),
  }
}
