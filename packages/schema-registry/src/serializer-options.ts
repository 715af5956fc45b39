// The options that the serializers of all formats share; each format adds its own. option-check.ts
// checks them. Callers: formats/, schema-serializer.ts, and subject-cache.ts.

import type { SchemaReference, SchemaRegistry } from './client/schema-registry.ts'
import type { SubjectName } from './subject-names.ts'
import type { SchemaIdPlace } from './wire-format.ts'

/** The options that the serializers of all formats share. */
export interface SchemaSerializerOptions {
  /** The registry; all serializers share one client. */
  readonly registry: SchemaRegistry
  /** The schema to write with; by default the latest version of the subject. */
  readonly schema?: string | object | undefined
  /** The schemas that the schema references. */
  readonly references?: readonly SchemaReference[] | undefined
  /** Registers a schema that is not registered; by default such a schema is an error. */
  readonly autoRegister?: boolean | undefined
  /** Writes with the subject's latest schema even if `schema` or `messages` is set. */
  readonly useLatest?: boolean | undefined
  /** Lets the registry ignore differences in formatting when it compares schemas. */
  readonly normalize?: boolean | undefined
  /**
   * The subject's name, `topicNameStrategy` (the default: `'orders-value'`), `recordNameStrategy`,
   * `topicRecordNameStrategy`, or a function.
   */
  readonly subject?: string | SubjectName | undefined
  /**
   * `'prefix'` (the default): the schema's id in front of the bytes. `'header'`: its GUID in a
   * header.
   */
  readonly schemaIdIn?: SchemaIdPlace | undefined
  /**
   * Writes even if the latest schema has rules for writers (encryption, checks), which are not
   * applied. By default such a schema is rejected.
   */
  readonly ignoreRules?: boolean | undefined
  /**
   * How long a latest schema is used before it is requested again, in milliseconds; 5 minutes by
   * default.
   */
  readonly latestMaxAgeMs?: number | undefined
}
