// Compiles a .proto file and its imports with protobufjs. Files that belong to Protobuf or to
// registries need no reference. It keeps no state. Callers: protobuf.ts, protobuf-reader.ts,
// generated-message.ts, and testing/.

import type { NamespaceBase, Root, Type } from 'protobufjs'
import { typeError } from '../client/registry-text.ts'
import { commonFiles } from './protobuf-common.ts'
import type { SchemaText } from './schema-format.ts'

type Protobuf = typeof import('protobufjs')

/** A message as the file declares it. */
export interface MessageOutline {
  readonly name: string
  readonly messages: readonly MessageOutline[]
}

/** A compiled file. */
export interface ProtobufFile {
  readonly protobuf: Protobuf
  readonly root: Root
  readonly packageName: string
  /** The messages of the file itself, without those of its imports, in their order. */
  readonly messages: readonly MessageOutline[]
}

export const isMessage = (protobuf: Protobuf, one: unknown): one is Type =>
  one instanceof protobuf.Type

const outline = (protobuf: Protobuf, space: NamespaceBase): MessageOutline[] =>
  space.nestedArray
    .filter((one): one is Type => isMessage(protobuf, one))
    .map((one) => ({ name: one.name, messages: outline(protobuf, one) }))

interface ParsedFile {
  readonly name: string
  readonly text: string
  readonly imports: readonly string[]
  readonly packageName: string
  readonly messages: readonly MessageOutline[]
}

const parseAlone = (protobuf: Protobuf, name: string, text: string): ParsedFile => {
  // Parsed alone, so that messages of imports are not counted.
  const parsed = protobuf.parse(text)
  const packageName = parsed.package ?? ''
  const space = packageName === '' ? parsed.root : parsed.root.lookup(packageName)
  const messages = space === null ? [] : outline(protobuf, space as NamespaceBase)
  const imports = [...(parsed.imports ?? []), ...(parsed.weakImports ?? [])]
  return { name, text, imports, packageName, messages }
}

/** The text of a file that needs no reference, or protobufjs's own object; null = unknown. */
const commonFile = (protobuf: Protobuf, name: string): string | object | null =>
  commonFiles.get(name) ?? protobuf.common.get(name)?.nested ?? null

class Imports {
  readonly #protobuf: Protobuf
  readonly #done = new Set<string>()
  readonly missing: string[] = []
  readonly root: Root

  constructor(protobuf: Protobuf, given: readonly string[]) {
    this.#protobuf = protobuf
    this.root = new protobuf.Root()
    for (const name of given) this.#done.add(name)
  }

  add(names: readonly string[]): void {
    for (const name of names) {
      if (this.#done.has(name)) continue
      this.#done.add(name)
      const common = commonFile(this.#protobuf, name)
      if (common === null) this.missing.push(name)
      else if (typeof common === 'object') this.root.addJSON(common as never)
      else {
        this.add(this.#protobuf.parse(common).imports ?? [])
        this.#protobuf.parse(common, this.root)
      }
    }
  }
}

/** Throws if the text is not a .proto file, or if it uses a type that no import declares. */
export const compileProtobuf = async ({ schema, imports }: SchemaText): Promise<ProtobufFile> => {
  const { default: protobuf } = await import('protobufjs')
  const texts: (readonly [string, string])[] = [...imports, ['', schema]]
  const files = texts.map(([name, text]) => parseAlone(protobuf, name, text))
  const common = new Imports(
    protobuf,
    imports.map(([name]) => name),
  )
  common.add(files.flatMap((file) => file.imports))
  const { root } = common
  for (const { text } of files) protobuf.parse(text, root)
  try {
    root.resolveAll()
  } catch (error) {
    if (common.missing.length === 0) throw error
    const names = common.missing.map((name) => JSON.stringify(name)).join(', ')
    throw typeError(`the .proto file imports ${names}: no reference has this name`)
  }
  const { packageName, messages } = files.at(-1)!
  return { protobuf, root, packageName, messages }
}

/** A message of a file: its type, and its indexes, which count messages only. */
export interface FoundMessage {
  readonly type: Type
  readonly indexes: readonly number[]
}

/** Finds `shop.Order`, `Order.Line`, or the first message. Throws a TypeError. */
export const findMessage = (file: ProtobufFile, messageType: string | undefined): FoundMessage => {
  const { root, packageName, messages } = file
  const first = messages[0]?.name
  const wanted = messageType ?? first
  if (wanted === undefined) throw typeError('the .proto file has no message')
  const name = wanted.startsWith('.') ? wanted.slice(1) : wanted
  const prefix = `${packageName}.`
  const names = (name.startsWith(prefix) ? name.slice(prefix.length) : name).split('.')
  const indexes: number[] = []
  let level = messages
  for (const one of names) {
    const index = level.findIndex((message) => message.name === one)
    if (index < 0) throw typeError(`the .proto file has no message ${wanted}`)
    indexes.push(index)
    level = level[index]!.messages
  }
  const fullName = packageName === '' ? names.join('.') : prefix + names.join('.')
  return { type: root.lookupType(`.${fullName}`), indexes }
}

/** The message at these indexes. Throws a TypeError. */
export const messageAt = (file: ProtobufFile, indexes: readonly number[]): FoundMessage => {
  const names: string[] = []
  let level = file.messages
  for (const index of indexes) {
    const message = level[index]
    if (message === undefined) {
      throw typeError(`the .proto file has no message at the indexes ${indexes.join('.')}`)
    }
    names.push(message.name)
    level = message.messages
  }
  return findMessage(file, names.join('.'))
}
