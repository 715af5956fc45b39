// What the serializers of all formats take. The formats add options of their own.

import type { SchemaReference, SchemaRegistry } from './client/schema-registry.ts'
import type { SubjectName } from './subject-names.ts'
import type { SchemaIdPlace } from './wire-format.ts'

/** What the serializers of all formats take. */
export interface SchemaSerializerOptions {
  /** Where schemas come from; shared by all serializers. */
  readonly registry: SchemaRegistry
  /** The schema to write with; without it, the latest one of the subject. */
  readonly schema?: string | object | undefined
  /** What the schema refers to. */
  readonly references?: readonly SchemaReference[] | undefined
  /** Registers the schema where it is not; by default one that is not registered is an error. */
  readonly autoRegister?: boolean | undefined
  /** Writes with the subject's latest schema although `schema` or `messages` is given. */
  readonly useLatest?: boolean | undefined
  /** Lets the registry ignore differences of writing when it looks a schema up or registers it. */
  readonly normalize?: boolean | undefined
  /**
   * A name, `topicNameStrategy` (the default: `'orders-value'`), `recordNameStrategy`,
   * `topicRecordNameStrategy`, or a function of your own.
   */
  readonly subject?: string | SubjectName | undefined
  /** In front of the bytes, or the schema's GUID in a record header. `'prefix'` by default. */
  readonly schemaIdIn?: SchemaIdPlace | undefined
  /**
   * Writes although the latest schema has rules for writers (encryption, checks), which are not
   * carried out. By default such a schema is rejected.
   */
  readonly ignoreRules?: boolean | undefined
  /** Milliseconds that the latest schema is used before it is asked for again; 5 minutes. */
  readonly latestMaxAgeMs?: number | undefined
}
