// Owns the built-in serializers: functions that convert a key or a value into bytes or text, at
// once or with a promise. Caller: typed topics; the producer itself accepts bytes and text.
// Invariant: a failure affects one record only.

import type { RecordData } from '../engine/record.ts'
import { type ErrorCode, KafkaError } from '../protocol/kafka-error.ts'
import { isPromise, messageOf, readable } from '../runtime/value-kinds.ts'
import { toJsonText } from './json-text.ts'
import { type StandardSchema, validate } from './standard-schema.ts'

/** The second argument of a serializer. */
export interface SerializerContext {
  /** The topic of the record. */
  readonly topic: string
  /** The field that is serialized. */
  readonly field: 'key' | 'value'
  /** The record of the caller; typed topics always set it. */
  readonly record?: object | undefined
  /**
   * Adds a header after the record's own, before the serializer returns or its promise resolves.
   * Typed topics always set it.
   */
  addHeader?(name: string, value: RecordData): void
}

/** Converts a value into bytes or text, at once or with a promise. */
export type Serializer<Value> = (
  value: Value,
  context: SerializerContext,
) => RecordData | null | Promise<RecordData | null>

/** Returns text unchanged. */
export const textSerializer: Serializer<string> = (value) => value

/** Returns bytes unchanged. */
export const bytesSerializer: Serializer<Uint8Array> = (value) => value

/** A function of one argument: a serializer is called with its context, too. */
const toJson: Serializer<unknown> = (value) => toJsonText(value)

/**
 * JSON, checked by a schema if one is given: any schema that implements Standard Schema (zod,
 * valibot, arktype, …). The output of the schema is sent. A `Map` becomes an object, a `Set` an
 * array, and a bigint keeps its digits. A record with a value that JSON would empty or drop (NaN,
 * bytes, a promise, an instance without fields) is rejected with the field's name.
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
  const validates = readable(() => typeof schema['~standard'].validate === 'function')
  if (validates !== true) {
    throw new KafkaError(
      'INVALID_ARGUMENT',
      'jsonSerializer: the schema must implement Standard Schema',
    )
  }
  return (value) => {
    const checked = validate(schema, value)
    return isPromise(checked) ? checked.then(toJsonText) : toJsonText(checked)
  }
}

/** Errors of a schema registry keep their code, because the value is not the cause. */
const codeOf = (cause: unknown): ErrorCode => {
  const isRegistry = cause instanceof KafkaError && cause.code.startsWith('SCHEMA_REGISTRY_')
  return isRegistry ? cause.code : 'SERIALIZATION_FAILED'
}

/** The error of a serializer, as the error of the record. */
export const serializationError = (cause: unknown, context: SerializerContext): KafkaError => {
  const message = messageOf(cause)
  return new KafkaError(
    codeOf(cause),
    `the ${context.field} of a record for topic ${context.topic}: ${message}`,
    { topic: context.topic, cause, kind: cause instanceof KafkaError ? cause.kind : undefined },
  )
}
