// Owns the decoding of Produce responses. The engine encodes the requests as bytes and gets the
// responses as objects. Caller: NodeLink. Invariant: a response that cannot be decoded is returned
// as an error, never thrown.

import { type ProduceResponse, produceApi } from '../protocol/api/00-produce.ts'
import { Reader } from '../protocol/bytes/reader.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import { messageOf } from '../runtime/value-kinds.ts'
import { malformedResponse, produceError } from './response-errors.ts'

/** The decoded response of the broker, or the error. */
export const readProduceResponse = (
  body: Uint8Array,
  version: number,
  broker: string,
): ProduceResponse | KafkaError => {
  try {
    const response = produceApi.decodeResponse(new Reader(body), version)
    return produceError(response, broker) ?? response
  } catch (cause) {
    const reason = messageOf(cause)
    return malformedResponse('Produce', broker, reason, { cause })
  }
}
