// Checks whether one JSON Schema accepts every value that another accepts. It compares the usual
// keywords: types, properties, required properties, closed objects, items, enums, bounds, and
// alternatives. Keywords that it does not know count as compatible. Caller: compatibility.ts.

import type { SchemaText } from '../formats/schema-format.ts'

type Schema = Readonly<Record<string, unknown>>

/** The schemas that a schema references, by name. */
type Names = ReadonlyMap<string, Schema>

const schemaOf = (value: unknown): Schema =>
  typeof value === 'object' && value !== null ? (value as Schema) : {}

const listOf = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : value === undefined ? [] : [value]

class Side {
  readonly #root: Schema
  readonly #names: Names

  constructor({ schema, imports }: SchemaText) {
    this.#root = schemaOf(JSON.parse(schema))
    this.#names = new Map(imports.map(([name, text]) => [name, schemaOf(JSON.parse(text))]))
  }

  get root(): Schema {
    return this.#root
  }

  /** The schema that a `$ref` refers to. */
  resolve(schema: Schema, depth = 0): Schema {
    const { $ref } = schema
    if (typeof $ref !== 'string' || depth > 20) return schema
    const [name = '', pointer = ''] = $ref.split('#')
    let found: unknown = name === '' ? this.#root : this.#names.get(name)
    for (const part of pointer.split('/').slice(1)) found = schemaOf(found)[part]
    return this.resolve(schemaOf(found), depth + 1)
  }
}

const typesOf = ({ type }: Schema): Set<unknown> => {
  const types = new Set(listOf(type))
  if (types.has('number')) types.add('integer')
  return types
}

/** Keywords whose larger, or smaller, value accepts more. */
const bounds: readonly [name: string, isUpper: boolean][] = [
  ['maximum', true],
  ['exclusiveMaximum', true],
  ['maxLength', true],
  ['maxItems', true],
  ['maxProperties', true],
  ['minimum', false],
  ['exclusiveMinimum', false],
  ['minLength', false],
  ['minItems', false],
  ['minProperties', false],
]

const depthMax = 50

class Comparison {
  readonly #reader: Side
  readonly #writer: Side
  readonly problems: string[] = []

  constructor(reader: SchemaText, writer: SchemaText) {
    this.#reader = new Side(reader)
    this.#writer = new Side(writer)
    this.#compare(this.#reader.root, this.#writer.root, '#', 0)
  }

  #compare(readerSchema: Schema, writerSchema: Schema, place: string, depth: number): void {
    if (depth > depthMax) return
    const reader = this.#reader.resolve(readerSchema)
    const writer = this.#writer.resolve(writerSchema)
    this.#types(reader, writer, place)
    this.#values(reader, writer, place)
    this.#properties(reader, writer, place, depth)
    if (reader.items !== undefined && !Array.isArray(reader.items)) {
      this.#compare(schemaOf(reader.items), schemaOf(writer.items), `${place}/items`, depth + 1)
    }
    this.#alternatives(reader, writer, place)
  }

  #types(reader: Schema, writer: Schema, place: string): void {
    const read = typesOf(reader)
    if (read.size === 0) return
    const written = listOf(writer.type)
    if (written.length > 0 && written.every((type) => read.has(type))) return
    if (written.length === 0 && (writer.enum !== undefined || writer.oneOf !== undefined)) return
    this.problems.push(`${place}: the type was narrowed`)
  }

  #values(reader: Schema, writer: Schema, place: string): void {
    if (Array.isArray(reader.enum)) {
      const now = new Set(reader.enum.map((one) => JSON.stringify(one)))
      const before = writer.enum
      const isKept = Array.isArray(before) && before.every((one) => now.has(JSON.stringify(one)))
      if (!isKept) this.problems.push(`${place}: the enum was narrowed`)
    }
    for (const [name, isUpper] of bounds) {
      const [now, before] = [reader[name], writer[name]]
      if (typeof now !== 'number') continue
      const isWider = typeof before === 'number' && (isUpper ? now >= before : now <= before)
      if (!isWider) this.problems.push(`${place}: ${name} was narrowed`)
    }
    if (reader.pattern !== undefined && reader.pattern !== writer.pattern) {
      this.problems.push(`${place}: the pattern changed`)
    }
  }

  #properties(reader: Schema, writer: Schema, place: string, depth: number): void {
    const read = schemaOf(reader.properties)
    const written = schemaOf(writer.properties)
    const isWriterOpen = writer.additionalProperties !== false
    const isReaderOpen = reader.additionalProperties !== false
    for (const [name, schema] of Object.entries(read)) {
      const at = `${place}/properties/${name}`
      if (Object.hasOwn(written, name)) {
        this.#compare(schemaOf(schema), schemaOf(written[name]), at, depth + 1)
      } else if (isWriterOpen && Object.keys(schemaOf(schema)).length > 0) {
        this.problems.push(`${at}: added, although others were allowed before`)
      }
    }
    if (!isReaderOpen) {
      const lost = Object.keys(written).filter((name) => !Object.hasOwn(read, name))
      for (const name of lost) this.problems.push(`${place}/properties/${name}: removed`)
      if (isWriterOpen) this.problems.push(`${place}: additionalProperties was narrowed`)
    }
    const before = new Set(listOf(writer.required))
    for (const name of listOf(reader.required)) {
      const property = schemaOf(read[String(name)])
      if (before.has(name) || property.default !== undefined) continue
      this.problems.push(`${place}: ${String(name)} became required`)
    }
  }

  #alternatives(reader: Schema, writer: Schema, place: string): void {
    for (const name of ['oneOf', 'anyOf']) {
      const now = reader[name]
      if (!Array.isArray(now)) continue
      const before = Array.isArray(writer[name]) ? (writer[name] as unknown[]) : [writer]
      const isKept = before.every((one) =>
        now.some((branch) => {
          const [read, written] = [schemaOf(branch), schemaOf(one)]
          return JSON.stringify(read) === JSON.stringify(written) || this.#accepts(read, written)
        }),
      )
      if (!isKept) this.problems.push(`${place}/${name}: a branch was removed or narrowed`)
    }
  }

  #accepts(reader: Schema, writer: Schema): boolean {
    const count = this.problems.length
    this.#compare(reader, writer, '', depthMax - 10)
    const isAccepted = this.problems.length === count
    this.problems.length = count
    return isAccepted
  }
}

/** The reasons why `reader` does not accept everything that `writer` accepts. */
export const jsonProblems = (reader: SchemaText, writer: SchemaText): string[] =>
  new Comparison(reader, writer).problems
