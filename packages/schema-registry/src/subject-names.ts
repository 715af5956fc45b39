// Which subject of the registry a record's schema belongs to: Confluent's three strategies, as
// functions for the option `subject`.

import type { SerializerContext } from 'millrace'

/** What the option `subject` decides by. */
export interface SubjectContext extends SerializerContext {
  /** The name of the schema's type (`shop.Order`), where it is known without the registry. */
  readonly recordName: string | undefined
  /** The key or value to be serialized. */
  readonly value: unknown
}

/** Names the subject of a record's key or value. */
export type SubjectName = (context: SubjectContext) => string

const nameOf = ({ recordName, topic }: SubjectContext): string => {
  if (recordName !== undefined) return recordName
  throw new TypeError(`a subject by record must have schema or messages (topic ${topic})`)
}

/** `orders-value`, `orders-key`: the default. */
export const topicNameStrategy: SubjectName = ({ topic, field }) => `${topic}-${field}`

/** `shop.Order`: the same schema in every topic. */
export const recordNameStrategy: SubjectName = nameOf

/** `orders-shop.Order`: several types in one topic. */
export const topicRecordNameStrategy: SubjectName = (context) =>
  `${context.topic}-${nameOf(context)}`
