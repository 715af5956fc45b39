// Serializes messages of code that @bufbuild/protobuf generated: the descriptor of a value's type
// provides the schema, and that library, an optional peer dependency loaded on first use, writes
// the bytes. Imported files are schemas of their own, with the import's name as the subject, as in
// Confluent's clients. Caller: protobuf.ts.

import { typeError } from '../client/registry-text.ts'
import type { SchemaInput, SchemaReference, SchemaRegistry } from '../client/schema-registry.ts'
import { shown } from '../values/field-path.ts'
import { writeIndexes } from '../wire-format.ts'
import { commonFiles } from './protobuf-common.ts'
import { compileProtobuf, findMessage } from './protobuf-file.ts'
import type { GeneratedTypes, OwnSchema, SchemaText } from './schema-format.ts'

/** The fields of a `DescFile` that this file reads. */
interface GeneratedFile {
  readonly name: string
  readonly proto: object
  readonly dependencies: readonly GeneratedFile[]
  readonly messages: readonly GeneratedMessage[]
}

/** A message's descriptor, as generated: a `GenMessage` of `@bufbuild/protobuf`. */
export interface GeneratedMessage {
  /** Distinguishes it from descriptors of enums and files. */
  readonly kind: 'message'
  /** The full name of the message type: `shop.Order`. */
  readonly typeName: string
  /** The name within the file: `Order`. */
  readonly name: string
  /** The file that declares it. */
  readonly file: GeneratedFile
  /** The message that it is nested in. */
  readonly parent: GeneratedMessage | undefined
  /** The messages that are nested in it. */
  readonly nestedMessages: readonly GeneratedMessage[]
}

const indexesOf = (message: GeneratedMessage): number[] => {
  const { parent, file } = message
  const siblings = parent === undefined ? file.messages : parent.nestedMessages
  const index = siblings.findIndex(({ typeName }) => typeName === message.typeName)
  return parent === undefined ? [index] : [...indexesOf(parent), index]
}

/** Files that registries know without a reference. */
const isCommon = (name: string): boolean =>
  name.startsWith('google/protobuf/') || commonFiles.has(name)

/** The library omits the extension of a file's name. */
const importName = ({ name }: GeneratedFile): string => `${name}.proto`

const textOf = async (file: GeneratedFile): Promise<string> => {
  const [{ toBinary }, { FileDescriptorProtoSchema }] = await Promise.all([
    import('@bufbuild/protobuf'),
    import('@bufbuild/protobuf/wkt'),
  ])
  const bytes = toBinary(FileDescriptorProtoSchema, file.proto as never)
  return Buffer.from(bytes).toString('base64')
}

type Place = Pick<SchemaInput, 'normalize'> & { readonly autoRegister?: boolean | undefined }

const inputOf = async (
  file: GeneratedFile,
  registry: SchemaRegistry,
  place: Place,
): Promise<SchemaInput> => {
  const references: SchemaReference[] = []
  for (const dependency of file.dependencies) {
    const name = importName(dependency)
    if (isCommon(name)) continue
    const input = await inputOf(dependency, registry, place)
    if (place.autoRegister) await registry.register(name, input)
    references.push({ name, subject: name, version: await registry.versionOf(name, input) })
  }
  const { normalize } = place
  return { schema: await textOf(file), schemaType: 'PROTOBUF', references, normalize }
}

class GeneratedType implements OwnSchema<object> {
  readonly recordName: string
  readonly #message: GeneratedMessage

  constructor(message: GeneratedMessage) {
    this.#message = message
    this.recordName = message.typeName
  }

  input(registry: SchemaRegistry, place: Place): Promise<SchemaInput> {
    return inputOf(this.#message.file, registry, place)
  }

  async writer() {
    const { toBinary } = await import('@bufbuild/protobuf')
    const message = this.#message
    return {
      recordName: this.recordName,
      prefix: writeIndexes(indexesOf(message)),
      write: (value: object) => toBinary(message as never, value as never) as Uint8Array,
    }
  }

  /** The indexes of the message in the registry's version of the file, where they may differ. */
  async prefixIn(text: SchemaText): Promise<Uint8Array> {
    const { indexes } = findMessage(await compileProtobuf(text), this.recordName)
    return writeIndexes(indexes)
  }
}

/** The option `messages`. */
export class GeneratedMessages implements GeneratedTypes<object> {
  readonly #types: ReadonlyMap<unknown, GeneratedType>

  constructor(messages: readonly GeneratedMessage[]) {
    this.#types = new Map(messages.map((one) => [one.typeName, new GeneratedType(one)]))
  }

  /** Throws a TypeError for a value that is not one of the messages. */
  of(value: object): OwnSchema<object> {
    const { $typeName } = (value ?? {}) as { $typeName?: unknown }
    const found = this.#types.get($typeName)
    if (found !== undefined) return found
    const names = [...this.#types.keys()].join(', ')
    const got = typeof $typeName === 'string' ? shown($typeName) : shown(value)
    throw typeError(`the value must be a message of ${names} (made by create()), got ${got}`)
  }
}
