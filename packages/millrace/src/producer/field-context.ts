// Owns the second argument of a serializer, and the headers that serializers add to a record.
// Caller: typed topics, for each record. Invariant: the caller's record is not changed.

import type { ProducerRecord, RecordData, RecordHeaders } from '../engine/record.ts'
import type { SerializerContext } from './serializers.ts'

type AddedHeader = readonly [name: string, value: RecordData]

/** One field of one record. */
export class FieldContext implements SerializerContext {
  readonly topic: string
  readonly field: 'key' | 'value'
  readonly record: object
  /** Null while no header was added, which is usual. */
  added: AddedHeader[] | null = null

  constructor(topic: string, field: 'key' | 'value', record: object) {
    this.topic = topic
    this.field = field
    this.record = record
  }

  addHeader(name: string, value: RecordData): void {
    this.added ??= []
    this.added.push([name, value])
  }
}

const pairsOf = (headers: RecordHeaders): AddedHeader[] => {
  if (Array.isArray(headers)) return headers as AddedHeader[]
  return Object.entries(headers).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one): AddedHeader => [name, one as RecordData]),
  )
}

/**
 * The headers of the record, then those of the serializers: consumers read the last one of a name.
 */
export const withHeaders = (
  headers: ProducerRecord['headers'],
  contexts: readonly (FieldContext | null)[],
): ProducerRecord['headers'] => {
  const added = contexts.flatMap((context) => context?.added ?? [])
  // The producer rejects headers that are not an object.
  if (added.length === 0 || (typeof headers !== 'object' && headers !== undefined)) return headers
  return [...pairsOf(headers ?? {}), ...added]
}
