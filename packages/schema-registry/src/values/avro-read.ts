// Converts avsc's values to those that the caller receives: longs become numbers, or bigints if a
// number would lose digits; logical types are converted; unions are unwrapped if the value alone
// identifies the branch. The converters are made once per schema. Caller: formats/avro.ts.

import type { Type, types } from 'avsc'
import type { LogicalType } from './avro-logical.ts'
import { isAmbiguousUnion } from './avro-value.ts'

type Read = (value: unknown) => unknown

const longOf: Read = (value) => {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

/** Creates the readers of types, once per type, because types may refer to themselves. */
export class AvroReaders {
  readonly #made = new Map<Type, Read>()
  readonly #logical: ReadonlyMap<Type, LogicalType>

  constructor(logical: ReadonlyMap<Type, LogicalType>) {
    this.#logical = logical
  }

  of(type: Type): Read {
    const made = this.#made.get(type)
    if (made !== undefined) return made
    let read: Read | undefined
    this.#made.set(type, (value) => read!(value))
    const plain = this.#make(type)
    const logical = this.#logical.get(type)
    read = logical === undefined ? plain : (value) => logical.fromAvro(plain(value))
    this.#made.set(type, read)
    return read
  }

  #make(type: Type): Read {
    const { typeName } = type
    if (typeName === 'abstract:long') return longOf
    if (typeName === 'record' || typeName === 'error') {
      const fields = (type as types.RecordType).fields.map(
        (field) => [field.name, this.of(field.type)] as const,
      )
      return (value) => {
        const from = value as Record<string, unknown>
        return Object.fromEntries(fields.map(([name, read]) => [name, read(from[name])]))
      }
    }
    if (typeName === 'array') {
      const read = this.of((type as types.ArrayType).itemsType)
      return (value) => (value as unknown[]).map(read)
    }
    if (typeName === 'map') {
      const read = this.of((type as types.MapType).valuesType)
      return (value) =>
        Object.fromEntries(Object.entries(value as object).map(([key, one]) => [key, read(one)]))
    }
    if (typeName.startsWith('union:')) return this.#union(type as types.UnwrappedUnionType)
    return (value) => value
  }

  #union(type: types.UnwrappedUnionType): Read {
    const readers = new Map(
      type.types.map((branch) => [branch.branchName ?? branch.typeName, this.of(branch)]),
    )
    const isAmbiguous = isAmbiguousUnion(type.types)
    return (value) => {
      if (value === null) return null
      const [[name, content] = ['', null]] = Object.entries(value as object)
      const read = readers.get(name)!(content)
      return isAmbiguous ? { [name]: read } : read
    }
  }
}
