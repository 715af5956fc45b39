// Owns the headers of requests and responses. Version 1 of the request header contains a client id;
// version 2, for flexible versions of an API, adds tagged fields. Callers: net/response-reader.ts,
// the in-process cluster. Invariants: the client id always has a two-byte length, and the response
// to ApiVersions always has the header version 0, because both must be readable without a known
// version.

import type { Reader } from '../bytes/reader.ts'
import type { Writer } from '../bytes/writer.ts'

export interface RequestHeader {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
}

const apiVersionsKey = 18

export const encodeRequestHeader = (
  writer: Writer,
  header: RequestHeader,
  flexible: boolean,
): void => {
  writer.writeInt16(header.apiKey)
  writer.writeInt16(header.apiVersion)
  writer.writeInt32(header.correlationId)
  writer.writeNullableString(header.clientId)
  if (flexible) {
    writer.writeUnsignedVarint(0)
  }
}

/**
 * `isFlexible` returns whether a version of an API is flexible; it is also called for versions that
 * do not exist.
 */
export const decodeRequestHeader = (
  reader: Reader,
  isFlexible: (apiKey: number, apiVersion: number) => boolean,
): RequestHeader => {
  const apiKey = reader.readInt16()
  const apiVersion = reader.readInt16()
  const correlationId = reader.readInt32()
  const clientId = reader.readNullableString()
  if (isFlexible(apiKey, apiVersion)) {
    reader.skipTaggedFields()
  }
  return { apiKey, apiVersion, correlationId, clientId }
}

export const encodeResponseHeader = (
  writer: Writer,
  apiKey: number,
  correlationId: number,
  flexible: boolean,
): void => {
  writer.writeInt32(correlationId)
  if (flexible && apiKey !== apiVersionsKey) {
    writer.writeUnsignedVarint(0)
  }
}

/** Returns the correlation id. `apiKey` and `flexible` are those of the request. */
export const decodeResponseHeader = (reader: Reader, apiKey: number, flexible: boolean): number => {
  const correlationId = reader.readInt32()
  if (flexible && apiKey !== apiVersionsKey) {
    reader.skipTaggedFields()
  }
  return correlationId
}
