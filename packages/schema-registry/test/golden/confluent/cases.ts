// The cases of the golden bytes, with the tags of their values (`{ "$long": "…" }`) turned into
// what callers of this package give. Used by the golden test; regenerate.mjs has its own reader.

import { readFileSync } from 'node:fs'
import type { SchemaType } from '../../../src/index.ts'

export interface GoldenReference {
  readonly name: string
  readonly schema: unknown
  /** The names of those before it that it refers to itself. */
  readonly references?: readonly string[]
  /** Only other references refer to it, not the schema. */
  readonly isIndirect?: boolean
}

export interface GoldenCase {
  readonly name: string
  readonly schemaType: SchemaType
  readonly schema: unknown
  readonly references?: readonly GoldenReference[]
  readonly messageType?: string
  readonly value: unknown
}

/** What another serializer wrote. */
export interface GoldenBytes {
  /** With the id in front. */
  readonly prefix: string
  /** The header's value, and the bytes without the id. */
  readonly header: string
  readonly payload: string
}

export interface Golden {
  readonly name: string
  readonly id: number
  readonly guid: string
  readonly javascript?: GoldenBytes
  readonly python?: GoldenBytes
}

/** What Confluent's Java serializers wrote. */
export interface JavaGolden extends GoldenBytes {
  readonly name: string
  readonly id: number
}

/** What Apicurio's Java serializers wrote, with the id in front. */
export interface ApicurioGolden {
  readonly name: string
  readonly prefix: string
}

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8')

export const goldenCases: readonly GoldenCase[] = JSON.parse(read('cases.json'))
export const goldens: readonly Golden[] = JSON.parse(read('golden.json'))

/** Java writes some cases that the others can't. */
export const javaCases: readonly GoldenCase[] = [
  ...goldenCases,
  ...JSON.parse(read('../confluent-java/cases.json')),
]
export const javaGoldens: readonly JavaGolden[] = JSON.parse(read('../confluent-java/golden.json'))

export const apicurioGoldens: readonly ApicurioGolden[] = JSON.parse(
  read('../apicurio/golden.json'),
)

export const textOf = (schema: unknown, { schemaType }: GoldenCase): string =>
  schemaType === 'PROTOBUF' ? String(schema) : JSON.stringify(schema)

/** A value as a caller of this package gives it. */
export const revived = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(revived)
  if (typeof value !== 'object' || value === null) return value
  const [[tag, content] = ['', '']] = Object.entries(value)
  if (tag === '$long') return BigInt(content)
  if (tag === '$number') return Number(content)
  if (tag === '$bytes') return Buffer.from(content, 'hex')
  if (tag === '$date' || tag === '$timestamp') return new Date(content)
  if (tag === '$decimal') return content
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, revived(one)]))
}
