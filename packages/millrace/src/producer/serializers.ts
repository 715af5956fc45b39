// Serializers: functions that make bytes or text of a key or a value, at once or as a promise. A
// failure concerns the one record. Used by typed topics; the producer itself takes bytes and text.

import type { Data } from '../engine/record.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { type StandardSchema, validate } from './standard-schema.ts'

/** What a serializer is told besides the value. */
export interface SerializerContext {
  /** The topic of the record. */
  readonly topic: string
  /** Which part of the record it makes. */
  readonly field: 'key' | 'value'
}

/** Makes bytes or text of a value. May be slow, then it answers a promise. */
export type Serializer<Value> = (
  value: Value,
  context: SerializerContext,
) => Data | null | Promise<Data | null>

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
    return checked instanceof Promise ? checked.then(toJson) : toJson(checked)
  }
}

/** What a serializer threw, as the error of the record. */
export const serializationError = (cause: unknown, context: SerializerContext): KafkaError => {
  const words = cause instanceof Error ? cause.message : String(cause)
  return new KafkaError(
    'SERIALIZATION_FAILED',
    `the ${context.field} of a record for topic ${context.topic}: ${words}`,
    { topic: context.topic, cause, kind: cause instanceof KafkaError ? cause.kind : undefined },
  )
}
