// Serializers: functions that make bytes or text of a key or a value, at once or as a promise. A
// failure concerns the one record. Used by typed topics; the producer itself takes bytes and text.

import type { RecordData } from '../engine/record.ts'
import { type ErrorCode, KafkaError } from '../protocol/kafka-error.ts'
import { isPromise, messageOf } from '../runtime/value-kinds.ts'
import { type StandardSchema, validate } from './standard-schema.ts'

/** What a serializer receives besides the value. */
export interface SerializerContext {
  /** The topic of the record. */
  readonly topic: string
  /** Which part of the record it makes. */
  readonly field: 'key' | 'value'
  /** The record as the caller gave it; typed topics always set it. */
  readonly record?: object | undefined
  /**
   * Adds a header behind the record's own, before the serializer returns or its promise resolves.
   * Typed topics always set it.
   */
  addHeader?(name: string, value: RecordData): void
}

/** Makes bytes or text of a value, at once or as a promise. */
export type Serializer<Value> = (
  value: Value,
  context: SerializerContext,
) => RecordData | null | Promise<RecordData | null>

/** Text as it is. */
export const textSerializer: Serializer<string> = (value) => value

/** Bytes as they are. */
export const bytesSerializer: Serializer<Uint8Array> = (value) => value

const toJson = (value: unknown): string => {
  const json: string | undefined = JSON.stringify(value)
  if (json === undefined) throw new TypeError(`JSON has no form for ${typeof value}`)
  return json
}

/**
 * JSON, checked by a schema where one is given: any that keeps to Standard Schema (zod, valibot,
 * arktype, …). What the schema makes of the value is what is sent.
 *
 * @example
 * typedTopics(producer, { orders: { value: jsonSerializer(z.object({ id: z.string() })) } })
 */
export function jsonSerializer<Value = unknown>(): Serializer<Value>
export function jsonSerializer<Input, Output>(
  schema: StandardSchema<Input, Output>,
): Serializer<Input>
export function jsonSerializer(schema?: StandardSchema): Serializer<unknown> {
  if (schema === undefined) return toJson
  if (typeof schema?.['~standard']?.validate !== 'function') {
    throw new KafkaError(
      'INVALID_ARGUMENT',
      'jsonSerializer: the schema does not keep to Standard Schema',
    )
  }
  return (value) => {
    const checked = validate(schema, value)
    return isPromise(checked) ? checked.then(toJson) : toJson(checked)
  }
}

/** Failures of a schema registry keep their code: they are not the value's fault. */
const codeOf = (cause: unknown): ErrorCode => {
  const isRegistry = cause instanceof KafkaError && cause.code.startsWith('SCHEMA_REGISTRY_')
  return isRegistry ? cause.code : 'SERIALIZATION_FAILED'
}

/** What a serializer threw, as the error of the record. */
export const serializationError = (cause: unknown, context: SerializerContext): KafkaError => {
  const message = messageOf(cause)
  return new KafkaError(
    codeOf(cause),
    `the ${context.field} of a record for topic ${context.topic}: ${message}`,
    { topic: context.topic, cause, kind: cause instanceof KafkaError ? cause.kind : undefined },
  )
}
