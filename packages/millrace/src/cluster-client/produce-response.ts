// Owns the decoding of Produce responses. The engine encodes the requests as bytes and gets the
// responses as objects. The usual response, in which every partition has an offset and no error, is
// read without the schema, for speed; the schema reads every other response. Caller: NodeLink.
// Invariants: a response that cannot be decoded is returned as an error, never thrown; both ways of
// reading give equal objects (a property test compares them).

import { type ProduceResponse, produceApi, topicIdFrom } from '../protocol/api/00-produce.ts'
import { Reader } from '../protocol/bytes/reader.ts'
import { errorNumber } from '../protocol/errors.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import { messageOf } from '../runtime/value-kinds.ts'
import { malformedResponse, produceError } from './response-errors.ts'

/** The decoded response of the broker, or the error. Its name is formatted for an error only. */
export const readProduceResponse = (
  body: Uint8Array,
  version: number,
  broker: { readonly name: string },
): ProduceResponse | KafkaError => {
  try {
    const response =
      readAcknowledgements(body, version) ?? produceApi.decodeResponse(new Reader(body), version)
    return produceError(response, broker) ?? response
  } catch (cause) {
    const reason = messageOf(cause)
    return malformedResponse('Produce', broker.name, reason, { cause })
  }
}

type TopicResponse = ProduceResponse['responses'][number]
type PartitionResponse = TopicResponse['partitionResponses'][number]

/** The size of a partition's part: its fields, and one byte for each that is empty. */
const partBytes = 4 + 2 + 3 * 8 + 3

/** How a compact array without elements, and a null string or no tagged fields, begin. */
const emptyArray = 1
const absent = 0

const noTopicId = new Uint8Array(16)
const noLeader = Object.freeze({ leaderId: -1, leaderEpoch: -1 })

/**
 * The response if it has the usual form: no error, no named record, no tagged field. Null = another
 * form, an older version, or malformed.
 */
export const readAcknowledgements = (body: Uint8Array, version: number): ProduceResponse | null => {
  if (!produceApi.isFlexible(version)) return null
  try {
    const reader = new Reader(body)
    const topicCount = reader.readCompactArrayCount(1)
    if (topicCount < 0) return null
    const responses: TopicResponse[] = []
    while (responses.length < topicCount) {
      const hasId = version >= topicIdFrom
      const name = hasId ? '' : reader.readCompactString()
      const topicId = hasId ? reader.readUuid() : noTopicId
      const partitionResponses = readParts(reader)
      if (partitionResponses === null || reader.readUint8() !== absent) return null
      responses.push({ name, topicId, partitionResponses })
    }
    const throttleTimeMs = reader.readInt32()
    return reader.readUint8() === absent ? { responses, throttleTimeMs, nodeEndpoints: [] } : null
  } catch {
    return null
  }
}

const readParts = (reader: Reader): PartitionResponse[] | null => {
  const count = reader.readCompactArrayCount(partBytes)
  if (count < 0) return null
  const parts: PartitionResponse[] = []
  while (parts.length < count) {
    const index = reader.readInt32()
    const errorCode = reader.readInt16()
    if (errorCode !== errorNumber.NONE) return null
    const baseOffset = reader.readInt64()
    const logAppendTimeMs = reader.readInt64()
    const logStartOffset = reader.readInt64()
    const hasErrors = reader.readUint8() !== emptyArray
    const hasMessage = reader.readUint8() !== absent
    if (hasErrors || hasMessage || reader.readUint8() !== absent) return null
    parts.push({
      index,
      errorCode,
      baseOffset,
      logAppendTimeMs,
      logStartOffset,
      recordErrors: [],
      errorMessage: null,
      currentLeader: noLeader,
    })
  }
  return parts
}
