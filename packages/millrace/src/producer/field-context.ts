// What a serializer receives besides the value, and the headers that serializers add to a record.
// Made for each record by typed topics.

import type { ProducerRecord, RecordData, RecordHeaders } from '../engine/record.ts'
import type { SerializerContext } from './serializers.ts'

type AddedHeader = readonly [name: string, value: RecordData]

/** Made for one field of one record. */
export class FieldContext implements SerializerContext {
  readonly topic: string
  readonly field: 'key' | 'value'
  readonly record: object
  /** None were added, as for most serializers. */
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

/** The record's own headers, then those that serializers added: readers take the last of a name. */
export const withHeaders = (
  headers: ProducerRecord['headers'],
  contexts: readonly (FieldContext | null)[],
): ProducerRecord['headers'] => {
  const added = contexts.flatMap((context) => context?.added ?? [])
  // What is not an object is left to the producer, which rejects it.
  if (added.length === 0 || (typeof headers !== 'object' && headers !== undefined)) return headers
  return [...pairsOf(headers ?? {}), ...added]
}
