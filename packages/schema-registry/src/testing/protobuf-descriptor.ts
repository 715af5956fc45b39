// Converts a Protobuf schema between its two forms: the text of a .proto file, and a
// FileDescriptorProto in base64, which some clients send and request (`format=serialized`). It uses
// protobufjs's descriptors. Callers: registry-routes.ts and schema-content.ts.

import { compileProtobuf } from '../formats/protobuf-file.ts'
import type { SchemaText } from '../formats/schema-format.ts'

interface FieldDescriptor {
  name: string
  number: number
  label?: number | string
  type?: number | string
  typeName?: string
  oneofIndex?: number
  proto3Optional?: boolean
  defaultValue?: string
  options?: { packed?: boolean }
}

interface EnumDescriptor {
  name: string
  options?: { allowAlias?: boolean }
  value?: { name: string; number: number }[]
}

interface MessageDescriptor {
  name: string
  field?: FieldDescriptor[]
  nestedType?: MessageDescriptor[]
  enumType?: EnumDescriptor[]
  oneofDecl?: { name: string }[]
  options?: { mapEntry?: boolean }
}

interface FileDescriptor {
  name?: string
  package?: string
  syntax?: string
  dependency?: string[]
  messageType?: MessageDescriptor[]
  enumType?: EnumDescriptor[]
}

const load = async () => {
  const [{ default: protobuf }, { default: descriptor }] = await Promise.all([
    import('protobufjs'),
    import('protobufjs/ext/descriptor.js'),
  ])
  return { protobuf, File: (descriptor as unknown as Descriptors).FileDescriptorProto }
}

interface Descriptors {
  readonly FileDescriptorProto: {
    decode(bytes: Uint8Array): object
    encode(message: object): { finish(): Uint8Array }
    toObject(message: object, options: object): FileDescriptor
    fromObject(object: object): object
  }
}

/** Whether a schema is a descriptor in base64 and not the text of a file. */
export const isDescriptor = (schema: string): boolean =>
  /^[A-Za-z0-9+/\s]{8,}={0,2}\s*$/.test(schema)

/** The index is the number of FieldDescriptorProto.Type. */
const typeNames = [
  '',
  'double',
  'float',
  'int64',
  'uint64',
  'int32',
  'fixed64',
  'fixed32',
  'bool',
  'string',
  'group',
  'message',
  'bytes',
  'uint32',
  'enum',
  'sfixed32',
  'sfixed64',
  'sint32',
  'sint64',
]

const required = 2
const repeated = 3

const typeOf = ({ type, typeName }: FieldDescriptor): string =>
  typeName !== undefined && typeName !== '' ? typeName : typeNames[Number(type)]!

const enumText = ({ name, value = [], options }: EnumDescriptor): string => {
  const alias = options?.allowAlias === true ? '  option allow_alias = true;\n' : ''
  const values = value.map((one) => `  ${one.name} = ${one.number};\n`)
  return `enum ${name} {\n${alias}${values.join('')}}\n`
}

const indented = (text: string): string => text.replaceAll(/^(?=.)/gm, '  ')

const fieldText = (
  field: FieldDescriptor,
  nested: readonly MessageDescriptor[],
  isProto3: boolean,
): string => {
  const { name, number, label, defaultValue, options, proto3Optional } = field
  const entry = nested.find(
    (one) => one.options?.mapEntry === true && typeOf(field).endsWith(`.${one.name}`),
  )
  const settings = [
    ...(defaultValue ? [`default = ${defaultText(field)}`] : []),
    ...(options?.packed !== undefined ? [`packed = ${options.packed}`] : []),
  ]
  const tail = ` ${name} = ${number}${settings.length > 0 ? ` [${settings.join(', ')}]` : ''};\n`
  if (entry !== undefined) {
    const [key, value] = entry.field!
    return `map<${typeOf(key!)}, ${typeOf(value!)}>${tail}`
  }
  const rule =
    label === repeated
      ? 'repeated '
      : label === required
        ? 'required '
        : proto3Optional === true || (!isProto3 && field.oneofIndex === undefined)
          ? 'optional '
          : ''
  return `${rule}${typeOf(field)}${tail}`
}

const defaultText = ({ type, defaultValue }: FieldDescriptor): string =>
  type === 9 || type === 12 ? JSON.stringify(defaultValue) : defaultValue!

const messageText = (message: MessageDescriptor, isProto3: boolean): string => {
  const { name, field = [], nestedType = [], enumType = [], oneofDecl = [] } = message
  const lines: string[] = []
  for (const one of field) {
    if (one.oneofIndex === undefined || one.proto3Optional === true) {
      lines.push(fieldText(one, nestedType, isProto3))
    }
  }
  oneofDecl.forEach((oneof, index) => {
    const members = field.filter((one) => one.oneofIndex === index && one.proto3Optional !== true)
    if (members.length === 0) return
    const inner = members.map((one) => fieldText({ ...one, label: 1 }, nestedType, true)).join('')
    lines.push(`oneof ${oneof.name} {\n${indented(inner)}}\n`)
  })
  const nested = nestedType.filter((one) => one.options?.mapEntry !== true)
  lines.push(...nested.map((one) => messageText(one, isProto3)), ...enumType.map(enumText))
  return `message ${name} {\n${indented(lines.join(''))}}\n`
}

/** The .proto file for a descriptor, without options and services. */
export const descriptorText = async (base64: string): Promise<string> => {
  const { File } = await load()
  const message = File.decode(Buffer.from(base64, 'base64'))
  const file = File.toObject(message, { longs: Number, bytes: String, defaults: false })
  const isProto3 = file.syntax === 'proto3'
  return [
    `syntax = "${isProto3 ? 'proto3' : 'proto2'}";\n`,
    ...(file.package ? [`package ${file.package};\n`] : []),
    ...(file.dependency ?? []).map((name) => `import "${name}";\n`),
    ...(file.messageType ?? []).map((one) => messageText(one, isProto3)),
    ...(file.enumType ?? []).map(enumText),
  ].join('')
}

/** The oneofs of optional fields must follow all others. */
const orderOneofs = (message: MessageDescriptor): void => {
  const { field = [], oneofDecl = [] } = message
  const isSynthetic = (index: number): boolean =>
    field.some((one) => one.oneofIndex === index && one.proto3Optional === true)
  const order = [...oneofDecl.keys()].sort(
    (a, b) => Number(isSynthetic(a)) - Number(isSynthetic(b)),
  )
  message.oneofDecl = order.map((index) => oneofDecl[index]!)
  for (const one of field) {
    if (one.oneofIndex !== undefined) one.oneofIndex = order.indexOf(one.oneofIndex)
  }
  for (const nested of message.nestedType ?? []) orderOneofs(nested)
}

/** The name that the compiler gives to the message of a map's entries. */
const entryName = (field: string): string => {
  const words = field.split('_').map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
  return `${words.join('')}Entry`
}

/** Descriptors contain full type names with a leading dot; protobufjs writes short names. */
const qualify = (
  message: MessageDescriptor,
  scope: string,
  lookUp: (name: string, scope: string) => string,
): void => {
  const own = `${scope}.${message.name}`
  const nested = message.nestedType ?? []
  for (const field of message.field ?? []) {
    const { typeName } = field
    if (!typeName) continue
    const entry = nested.find((one) => one.options?.mapEntry === true && one.name === typeName)
    if (entry === undefined) field.typeName = lookUp(typeName, own)
    else {
      for (const part of entry.field ?? []) {
        if (part.typeName) part.typeName = lookUp(part.typeName, own)
      }
      entry.name = entryName(field.name)
      field.typeName = `${own}.${entry.name}`
    }
  }
  for (const one of nested) if (one.options?.mapEntry !== true) qualify(one, own, lookUp)
}

/** The FileDescriptorProto of a .proto file, in base64. */
export const serializedText = async (text: SchemaText, name: string): Promise<string> => {
  const { protobuf, File } = await load()
  const compiled = await compileProtobuf(text)
  const parsed = protobuf.parse(text.schema)
  const set = (
    compiled.root as unknown as { toDescriptor(edition: string): { file: object[] } }
  ).toDescriptor(/syntax\s*=\s*"proto3"/.test(text.schema) ? 'proto3' : 'proto2')
  const files = set.file.map((one) => File.toObject(one, { enums: Number }))
  const file = files.find((one) => (one.package ?? '') === compiled.packageName) ?? {}
  const own = new Set(compiled.messages.map((one) => one.name))
  const enums = new Set(enumNamesOf(parsed.root, compiled.packageName))
  file.messageType = compiled.messages.flatMap((one) =>
    (file.messageType ?? []).filter(({ name }) => name === one.name && own.has(name)),
  )
  file.enumType = (file.enumType ?? []).filter(({ name }) => enums.has(name))
  file.name = name
  file.dependency = [...(parsed.imports ?? [])]
  const scope = compiled.packageName === '' ? '' : `.${compiled.packageName}`
  const lookUp = (type: string, from: string): string => {
    const space = compiled.root.lookup(from.slice(1)) as { lookup(name: string): unknown } | null
    const found = space?.lookup(type) as { fullName?: string } | null | undefined
    return found?.fullName ?? type
  }
  for (const message of file.messageType) {
    qualify(message, scope, lookUp)
    orderOneofs(message)
  }
  return Buffer.from(File.encode(File.fromObject(file)).finish()).toString('base64')
}

const enumNamesOf = (root: object, packageName: string): string[] => {
  const space =
    packageName === '' ? root : (root as { lookup(n: string): object }).lookup(packageName)
  const { nestedArray } = space as { nestedArray: { name: string; values?: object }[] }
  return nestedArray.filter(({ values }) => values !== undefined).map(({ name }) => name)
}
