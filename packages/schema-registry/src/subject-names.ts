// Names the subject of the registry for a record's schema: Confluent's three strategies, as
// functions for the option `subject`. They must return the names that Confluent's clients use.
// Callers: schema-serializer.ts and applications.

import type { SerializerContext } from 'millrace'
import { typeError } from './client/registry-text.ts'

/** The argument of a function for the option `subject`. */
export interface SubjectContext extends SerializerContext {
  /** The name of the schema's type (`shop.Order`), if it is known without the registry. */
  readonly recordName: string | undefined
  /** The key or value to be serialized. */
  readonly value: unknown
}

/** Returns the subject's name for a record's key or value. */
export type SubjectName = (context: SubjectContext) => string

const nameOf = ({ recordName, topic }: SubjectContext): string => {
  if (recordName !== undefined) return recordName
  throw typeError(`a subject by record must have schema or messages (topic ${topic})`)
}

/** `orders-value` or `orders-key`: the default. */
export const topicNameStrategy: SubjectName = ({ topic, field }) => `${topic}-${field}`

/** `shop.Order`: the same schema in every topic. */
export const recordNameStrategy: SubjectName = nameOf

/** `orders-shop.Order`: several types in one topic. */
export const topicRecordNameStrategy: SubjectName = (context) =>
  `${context.topic}-${nameOf(context)}`
