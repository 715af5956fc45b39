// Owns the compilation of a schema and version into functions that read and write messages. It is
// done once per message and version, at first use; reading and writing then create no closure and
// look up nothing by name. Caller: api.ts. Invariants, which are Kafka's rules: a field that the
// version lacks gets its default when read; when written it must have its default or be ignorable.
// A tagged field is written only if it differs from its default; unknown tags are skipped. A null
// that the version does not allow is malformed when read, and a usage error when written.

import { describeValue } from '../../runtime/value-kinds.ts'
import type { Reader } from '../bytes/reader.ts'
import { Writer } from '../bytes/writer.ts'
import { KafkaError } from '../kafka-error.ts'
import type { Codec } from './codec.ts'
import { primitiveCodec } from './codec.ts'
import type { FieldSchema } from './message.ts'
import { propertyName } from './message.ts'
import { holdsVersion, parseVersionRange } from './version-range.ts'

type Struct = Record<string, unknown>

interface CompiledField {
  readonly property: string
  readonly codec: Codec
  readonly nullable: boolean
}

interface TaggedField extends CompiledField {
  readonly tag: number
}

interface CompiledStruct {
  /** The path of a message or an element, for errors. */
  readonly path: string
  readonly version: number
  /** Fields that are not tagged, in order. */
  readonly fields: readonly CompiledField[]
  /** Tagged fields, by tag. */
  readonly tagged: readonly TaggedField[]
  /** Fields that the version lacks and whose value must not be lost. */
  readonly withheld: readonly CompiledField[]
  readonly flexible: boolean
  /**
   * Every property with its default, in the order of the schema: each message starts as a copy, so
   * all messages have one object shape.
   */
  readonly template: Struct
}

const versionsHold = (text: string | undefined, version: number): boolean =>
  text !== undefined && holdsVersion(parseVersionRange(text), version)

const rejectNull = (path: string, property: string): never => {
  throw new KafkaError('INVALID_ARGUMENT', `${path}.${property} must not be null in this version`)
}

const readTagged = (struct: CompiledStruct, reader: Reader, value: Struct): void => {
  const count = reader.readTaggedFieldCount()
  for (let index = 0; index < count; index += 1) {
    const tag = reader.readUnsignedVarint()
    const size = reader.readUnsignedVarint()
    const field = struct.tagged.find((candidate) => candidate.tag === tag)
    if (field === undefined) {
      reader.skip(size)
    } else {
      const outerLimit = reader.enter(size)
      value[field.property] = field.codec.read(reader)
      reader.leave(outerLimit)
    }
  }
}

const writeTagged = (struct: CompiledStruct, writer: Writer, value: Struct): void => {
  const present = struct.tagged.filter((field) => {
    const property = value[field.property]
    return property !== undefined && !field.codec.isDefault(property)
  })
  writer.writeUnsignedVarint(present.length)
  for (const { tag, codec, nullable, property } of present) {
    if (value[property] === null && !nullable) {
      rejectNull(struct.path, property)
    }
    // The size precedes the field and has a variable width, so the field is written separately.
    const part = new Writer(64)
    codec.write(part, value[property])
    writer.writeUnsignedVarint(tag)
    writer.writeUnsignedVarint(part.size)
    writer.writeRaw(part.finish())
  }
}

const checkWithheld = (struct: CompiledStruct, value: Struct): void => {
  for (const { property, codec } of struct.withheld) {
    const withheld = value[property]
    if (withheld !== undefined && !codec.isDefault(withheld)) {
      throw new KafkaError(
        'UNSUPPORTED_VERSION',
        `${struct.path}.${property} cannot be encoded in version ${struct.version}`,
      )
    }
  }
}

const structCodec = (struct: CompiledStruct): Codec => {
  const { fields, template, flexible, path } = struct
  const hasWithheld = struct.withheld.length > 0
  const properties = fields.map((field) => field.property)
  const reads = fields.map((field) => field.codec.read)
  const everyField = [...fields, ...struct.tagged, ...struct.withheld]
  return {
    defaultValue: Object.freeze({ ...template }),
    sizeMin: fields.reduce((size, field) => size + field.codec.sizeMin, 0) + (flexible ? 1 : 0),
    read: (reader) => {
      const value: Struct = { ...template }
      for (let index = 0; index < reads.length; index += 1) {
        value[properties[index]!] = reads[index]!(reader)
      }
      if (flexible) {
        readTagged(struct, reader, value)
      }
      return value
    },
    write: (writer, input) => {
      if (typeof input !== 'object' || input === null) {
        const got = describeValue(input)
        throw new KafkaError('INVALID_ARGUMENT', `${path} must be an object, got ${got}`)
      }
      const value = input as Struct
      for (let index = 0; index < fields.length; index += 1) {
        const { property, codec, nullable } = fields[index]!
        const given = value[property]
        const chosen = given === undefined ? codec.defaultValue : given
        if (chosen === null && !nullable) {
          rejectNull(path, property)
        }
        codec.write(writer, chosen)
      }
      if (hasWithheld) {
        checkWithheld(struct, value)
      }
      if (flexible) {
        writeTagged(struct, writer, value)
      }
    },
    isDefault: (input) =>
      typeof input === 'object' &&
      input !== null &&
      everyField.every(({ property, codec }) => {
        const value = (input as Struct)[property]
        return value === undefined || codec.isDefault(value)
      }),
  }
}

const nullableStructCodec = (codec: Codec, nullByDefault: boolean): Codec => ({
  defaultValue: nullByDefault ? null : codec.defaultValue,
  sizeMin: 1,
  read: (reader) => (reader.readInt8() < 0 ? null : codec.read(reader)),
  write: (writer, value) => {
    writer.writeInt8(value === null ? -1 : 1)
    if (value !== null) {
      codec.write(writer, value)
    }
  },
  isDefault: nullByDefault ? (value) => value === null : codec.isDefault,
})

const noElements = Object.freeze([])

const arrayCodec = (
  element: Codec,
  { flexible, nullable, nullByDefault, path }: ArrayContext,
): Codec => {
  // In Kafka every element of an array takes at least one byte in versions that have the array. An
  // element without bytes would make every count plausible.
  const elementSizeMin = Math.max(1, element.sizeMin)
  return {
    defaultValue: nullByDefault ? null : noElements,
    sizeMin: flexible ? 1 : 4,
    isDefault: nullByDefault
      ? (value) => value === null
      : (value) => Array.isArray(value) && value.length === 0,
    read: (reader) => {
      const count = flexible
        ? reader.readCompactArrayCount(elementSizeMin)
        : reader.readArrayCount(elementSizeMin)
      if (count < 0) {
        return nullable ? null : reader.fail('null where an array must be')
      }
      const values: unknown[] = []
      for (let index = 0; index < count; index += 1) {
        values.push(element.read(reader))
      }
      return values
    },
    write: (writer, value) => {
      if (value !== null && !Array.isArray(value)) {
        const got = describeValue(value)
        throw new KafkaError('INVALID_ARGUMENT', `${path} must be an array, got ${got}`)
      }
      const count = value === null ? null : value.length
      if (flexible) {
        writer.writeCompactArrayCount(count)
      } else {
        writer.writeArrayCount(count)
      }
      for (let index = 0; index < (count ?? 0); index += 1) {
        element.write(writer, (value as unknown[])[index])
      }
    },
  }
}

interface ArrayContext {
  readonly flexible: boolean
  readonly nullable: boolean
  readonly nullByDefault: boolean
  readonly path: string
}

interface Place {
  readonly path: string
  readonly version: number
  readonly flexible: boolean
}

/** The field for the elements of an array: their default is that of their type. */
const elementOf = ({ name, versions, entityType }: FieldSchema, type: string): FieldSchema =>
  entityType === undefined ? { name, type, versions } : { name, type, versions, entityType }

const fieldCodec = (field: FieldSchema, place: Place): Codec => {
  const { version, flexible } = place
  const nullable = versionsHold(field.nullableVersions, version)
  const path = `${place.path}.${propertyName(field.name)}`
  const nullByDefault = field.default === null
  if (field.type.startsWith('[]')) {
    const type = field.type.slice(2)
    const element =
      primitiveCodec(type, {
        field: elementOf(field, type),
        flexible,
        nullable: false,
      }) ?? compileStruct(field.fields ?? [], { path: `${path}[]`, version, flexible })
    return arrayCodec(element, { flexible, nullable, nullByDefault, path })
  }
  const primitive = primitiveCodec(field.type, { field, flexible, nullable })
  if (primitive !== undefined) {
    return primitive
  }
  if (field.fields === undefined) {
    throw new TypeError(`${path}: no such type as ${field.type}`)
  }
  const struct = compileStruct(field.fields, { path, version, flexible })
  // A version that lacks the field still has its default, null.
  return nullable || nullByDefault ? nullableStructCodec(struct, nullByDefault) : struct
}

/** The codec of a struct in one version. */
export const compileStruct = (schemas: readonly FieldSchema[], place: Place): Codec => {
  const fields: CompiledField[] = []
  const tagged: TaggedField[] = []
  const withheld: CompiledField[] = []
  const template: Struct = {}
  for (const schema of schemas) {
    const present = versionsHold(schema.versions, place.version)
    const codec = fieldCodec(schema, place)
    const field: CompiledField = {
      property: propertyName(schema.name),
      codec,
      nullable: versionsHold(schema.nullableVersions, place.version),
    }
    template[field.property] = codec.defaultValue
    if (present && place.flexible && versionsHold(schema.taggedVersions, place.version)) {
      tagged.push({ ...field, tag: schema.tag ?? -1 })
    } else if (present) {
      fields.push(field)
    } else if (schema.ignorable !== true) {
      withheld.push(field)
    }
  }
  tagged.sort((left, right) => left.tag - right.tag)
  return structCodec({ ...place, fields, tagged, withheld, template })
}
