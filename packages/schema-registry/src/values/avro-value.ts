// Converts a caller's value to avsc's value for a schema, or rejects it with the field's path. avsc
// alone would write a Map as an empty map and a Date as a record of defaults, and would drop
// unknown fields. Unions are wrapped here, so that this file chooses the branch. The converters are
// made once per schema. Caller: formats/avro.ts.

import { types as utilTypes } from 'node:util'
import type { Type, types } from 'avsc'
import type { LogicalType } from './avro-logical.ts'
import {
  bytesOf,
  type Convert,
  checkFields,
  convertItems,
  emptyFor,
  enter,
  type FieldPath,
  isPlain,
  isRecord,
  placeOf,
  readField,
  reject,
  shown,
  textOf,
  wholeNumber,
} from './field-path.ts'

const longMin = -(2n ** 63n)
const longMax = 2n ** 63n - 1n
/** The largest number that avsc writes. */
const numberMax = 9_007_199_254_740_990
const floatMax = 3.4028234663852886e38

/** Text is not accepted as a number: in a union with `string` it would change its type. */
const wholeOf = (value: unknown): bigint | undefined =>
  typeof value === 'string' ? undefined : wholeNumber(value)

const intOf: Convert = (value, path) => {
  if (typeof value === 'number' && (value | 0) === value) return value | 0
  const whole = wholeOf(value)
  const fits = whole !== undefined && BigInt.asIntN(32, whole) === whole
  return fits ? Number(whole) : reject(path, 'an int', value)
}

const exactLongOf: Convert = (value, path) => {
  const whole = wholeOf(value)
  if (whole !== undefined && whole >= longMin && whole <= longMax) return whole
  const isUnsafe = typeof value === 'number' && Number.isInteger(value)
  return reject(path, isUnsafe ? 'a bigint (a number is exact only within ±2^53)' : 'a long', value)
}

/** Thrown for a long that only the exact, slower form of the schema can write. */
export class NeedsExactLongs extends Error {}

const longOf: Convert = (value, path) => {
  if (Number.isInteger(value) && Math.abs(value as number) <= numberMax)
    return (value as number) + 0
  const whole = exactLongOf(value, path) as bigint
  const number = Number(whole)
  if (Math.abs(number) <= numberMax) return number
  throw new NeedsExactLongs()
}

const floatOf: Convert = (value, path) => {
  if (typeof value !== 'number') return reject(path, 'a float', value)
  const fits = !Number.isFinite(value) || Math.abs(value) <= floatMax
  return fits ? value : reject(path, 'a float of 32 bits', value)
}

const bytesOrReject: Convert = (value, path) => bytesOf(value) ?? reject(path, 'bytes', value)

const simple: Readonly<Record<string, Convert>> = {
  null: (value, path) => (value === null ? null : reject(path, 'null', value)),
  boolean: (value, path) => (typeof value === 'boolean' ? value : reject(path, 'a boolean', value)),
  int: intOf,
  long: longOf,
  'abstract:long': exactLongOf,
  float: floatOf,
  double: (value, path) => (typeof value === 'number' ? value : reject(path, 'a double', value)),
  bytes: bytesOrReject,
  string: textOf,
}

/** Creates the converters of types, once per type, because types may refer to themselves. */
export class AvroConverters {
  readonly #made = new Map<Type, Convert>()
  readonly #logical: ReadonlyMap<Type, LogicalType>

  /** `logical`: the avsc types that this package converts as logical types. */
  constructor(logical: ReadonlyMap<Type, LogicalType>) {
    this.#logical = logical
  }

  of(type: Type): Convert {
    const made = this.#made.get(type)
    if (made !== undefined) return made
    let convert: Convert | undefined
    const later: Convert = (value, path) => convert!(value, path)
    this.#made.set(type, later)
    const plain = this.#make(type)
    const logical = this.#logical.get(type)
    convert =
      logical === undefined ? plain : (value, path) => plain(logical.toAvro(value, path), path)
    this.#made.set(type, convert)
    return convert
  }

  #make(type: Type): Convert {
    const { typeName } = type
    if (Object.hasOwn(simple, typeName)) return simple[typeName]!
    if (typeName === 'record' || typeName === 'error') return this.#record(type as types.RecordType)
    if (typeName === 'array') return this.#array(type as types.ArrayType)
    if (typeName === 'map') return this.#map(type as types.MapType)
    if (typeName.startsWith('union:')) return this.#union(type as types.UnwrappedUnionType)
    if (typeName === 'enum') return enumOf(type as types.EnumType)
    if (typeName === 'fixed') return fixedOf(type as types.FixedType)
    // A logical type of the caller: avsc calls its class.
    return (value, path) => (type.isValid(value) ? value : reject(path, `a ${type}`, value))
  }

  #record(type: types.RecordType): Convert {
    const fields = type.fields.map((field) => ({
      name: field.name,
      convert: this.of(field.type),
      hasDefault: field.defaultValue() !== undefined,
    }))
    const names = new Map(fields.map((field) => [field.name, field]))
    const name = type.name ?? 'the record'
    const empty = emptyFor(names)
    return (value, path) => {
      if (!isRecord(value)) return reject(path, `an object with the fields of ${name}`, value)
      const converted = empty()
      let found = 0
      for (const field of fields) {
        const content = readField(value, field.name)
        if (content !== undefined) found++
        else if (field.hasDefault) continue
        enter(path, field.name)
        converted[field.name] = field.convert(content, path)
        path.pop()
      }
      checkFields(value, name, names, path, found)
      return converted
    }
  }

  #array(type: types.ArrayType): Convert {
    const convert = this.of(type.itemsType)
    return (value, path) => {
      if (Array.isArray(value)) return convertItems(value, convert, path)
      if (utilTypes.isSet(value)) return convertItems([...value], convert, path)
      return reject(path, 'an array', value)
    }
  }

  #map(type: types.MapType): Convert {
    const convert = this.of(type.valuesType)
    return (value, path) => {
      const converted: Record<string, unknown> = Object.create(null)
      for (const [key, content] of entriesOf(value, path)) {
        enter(path, String(key))
        converted[textOf(key, path) as string] = convert(content, path)
        path.pop()
      }
      return converted
    }
  }

  #union(type: types.UnwrappedUnionType): Convert {
    const branches = type.types.map((branch) => ({
      name: branch.branchName ?? branch.typeName,
      typeName: branch.typeName,
      convert: this.of(branch),
    }))
    // If avsc takes union values unwrapped, a map may have a key that equals a branch's name.
    const isAmbiguous = isAmbiguousUnion(type.types)
    const wrap = type.typeName === 'union:wrapped'
    const match: Convert = (value, path) => firstMatching(branches, value, path, wrap)
    return (value, path) => {
      const named = wrappedBranch(value, branches)
      if (named === undefined) return match(value, path)
      const depth = path.length
      if (!isAmbiguous) {
        try {
          return match(value, path)
        } catch (error) {
          if (error instanceof NeedsExactLongs) throw error
          path.length = depth
        }
      }
      const content = named.convert(Object.values(value as object)[0], path)
      return wrap ? wrapped(named.name, content) : content
    }
  }
}

/** The form in which avsc takes a value of an ambiguous union; null stays null. */
const wrapped = (name: string, content: unknown): unknown =>
  name === 'null' ? null : { [name]: content }

interface Branch {
  readonly name: string
  readonly typeName: string
  readonly convert: Convert
}

/** `{ 'shop.Paid': { … } }`: the form in which a caller names the branch. */
const wrappedBranch = (value: unknown, branches: readonly Branch[]): Branch | undefined => {
  if (typeof value !== 'object' || !isRecord(value)) return undefined
  const keys = Object.keys(value)
  return keys.length === 1 ? branches.find(({ name }) => name === keys[0]) : undefined
}

const isStructure = ({ typeName }: Branch): boolean => /^(record|error|map)$/.test(typeName)

/**
 * Selects the first branch that the value fits. An object that fits several records is rejected,
 * because the choice would change its meaning.
 */
const firstMatching = (
  branches: readonly Branch[],
  value: unknown,
  path: FieldPath,
  wrap: boolean,
): unknown => {
  const depth = path.length
  let match: { readonly branch: Branch; readonly content: unknown } | undefined
  let failure: unknown
  let failures = 0
  for (const branch of branches) {
    if ((branch.name === 'null') !== (value === null)) continue
    if (match !== undefined && !(isStructure(branch) && isStructure(match.branch))) continue
    if (branch.name === 'float' && losesDigits(branches, value)) continue
    try {
      const content = branch.convert(value, path)
      if (match !== undefined) return rejectSeveral(match.branch, value, path)
      match = { branch, content }
    } catch (error) {
      if (error instanceof NeedsExactLongs || error instanceof SeveralBranches) throw error
      path.length = depth
      failure = error
      failures++
    }
  }
  if (match !== undefined) return wrap ? wrapped(match.branch.name, match.content) : match.content
  if (failures === 1 && value !== undefined) throw failure
  return reject(path, `one of ${branches.map(({ name }) => name).join(', ')}`, value)
}

class SeveralBranches extends TypeError {}

const rejectSeveral = (first: Branch, value: unknown, path: FieldPath): never => {
  const form = `{ ${JSON.stringify(first.name)}: … }`
  const what = `${placeOf(path)} must be of one branch only (name it: ${form})`
  throw new SeveralBranches(`${what}, got ${shown(value)}`)
}

const losesDigits = (branches: readonly Branch[], value: unknown): boolean =>
  typeof value === 'number' &&
  !Object.is(Math.fround(value), value) &&
  branches.some(({ name }) => name === 'double')

const bucketOf = ({ typeName }: Type): string => {
  if (/^(int|abstract:long|long|float|double)$/.test(typeName)) return 'number'
  if (/^(bytes|fixed)$/.test(typeName)) return 'bytes'
  if (/^(string|enum)$/.test(typeName)) return 'text'
  return /^(map|record|error)$/.test(typeName) ? 'object' : typeName
}

/** Whether avsc reads and writes a union's values with the name of their branch. */
export const isAmbiguousUnion = (branches: readonly Type[]): boolean => {
  const buckets = branches.filter((type) => !type.typeName.startsWith('logical:')).map(bucketOf)
  return new Set(buckets).size < buckets.length
}

const entriesOf = (value: unknown, path: FieldPath): Iterable<[unknown, unknown]> => {
  if (utilTypes.isMap(value)) return value
  if (!isRecord(value)) return reject(path, 'a Map or an object', value)
  const entries = Object.entries(value)
  const isLost = entries.length === 0 && !isPlain(value)
  return isLost ? reject(path, 'a Map or an object', value) : entries
}

const enumOf = (type: types.EnumType): Convert => {
  const symbols = new Set<unknown>(type.symbols)
  const expectation = `one of ${type.symbols.slice(0, 20).join(', ')}`
  return (value, path) => (symbols.has(value) ? value : reject(path, expectation, value))
}

const fixedOf = (type: types.FixedType): Convert => {
  return (value, path) => {
    const bytes = bytesOf(value)
    const expectation = `bytes of length ${type.size}`
    return bytes?.length === type.size ? bytes : reject(path, expectation, value)
  }
}
