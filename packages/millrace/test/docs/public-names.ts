// Every public name of a package with its docstring, read from the sources: the names that an entry
// point exports, and the members of its classes, interfaces and object types. Caller:
// docstrings.test.ts. A member without a docstring has the one of
// the member that it implements, as editors show it.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { findRoot } from '../tidy/repository.ts'
import { child, childrenOf, nameOf, parseSource, type SyntaxNode } from '../tidy/syntax.ts'

export interface PublicName {
  /** `Producer`, or `Producer.send` for a member. */
  readonly name: string
  /** `packages/millrace/src/producer/producer.ts:60` */
  readonly place: string
  /** The text of its docstring, without stars; null = it has none. */
  readonly doc: string | null
  readonly kind: 'class' | 'function' | 'constant' | 'type' | 'member'
}

interface Declaration {
  readonly file: string
  readonly node: SyntaxNode
  /** The node that its docstring stands before: the export, where it is one. */
  readonly carrier: SyntaxNode
}

const bodyOf = (file: string): SyntaxNode[] =>
  parseSource(file, readFileSync(file, 'utf8')).program.body as unknown as SyntaxNode[]

interface BlockComment {
  readonly type: string
  readonly value: string
}

const isIgnoring = ({ value }: BlockComment): boolean => value.includes('biome-ignore')

const docOf = (carrier: SyntaxNode): string | null => {
  const before = (carrier.leadingComments ?? []) as readonly BlockComment[]
  const last = before.filter((one) => !isIgnoring(one)).at(-1)
  if (last?.type !== 'CommentBlock' || !last.value.startsWith('*')) return null
  const lines = last.value.slice(1).split('\n')
  return lines
    .map((line) => line.replace(/^\s*\* ?/, ''))
    .join('\n')
    .trim()
}

/** What a statement declares, whether it exports it or not. */
const declaredBy = (statement: SyntaxNode): SyntaxNode[] => {
  const node = child(statement, 'declaration') ?? statement
  const isList = node.type === 'VariableDeclaration'
  return isList ? (node.declarations as SyntaxNode[]) : [node]
}

const specifiersOf = (statement: SyntaxNode): SyntaxNode[] =>
  (statement.specifiers ?? []) as SyntaxNode[]

const sourceOf = (file: string, statement: SyntaxNode): string | null => {
  const source = nameOf(child(statement, 'source'))
  return source?.startsWith('.') ? join(dirname(file), source) : null
}

/** Where a name of a file is declared, through imports and re-exports; null = in a package. */
const findDeclaration = (file: string, name: string): Declaration | null => {
  const body = bodyOf(file)
  for (const statement of body) {
    const node = declaredBy(statement).find((one) => nameOf(child(one, 'id')) === name)
    // Of overloads the first one carries the docstring.
    if (node !== undefined) return { file, node, carrier: statement }
  }
  for (const statement of body) {
    for (const specifier of specifiersOf(statement)) {
      const isExport = statement.type === 'ExportNamedDeclaration'
      const here = nameOf(child(specifier, isExport ? 'exported' : 'local'))
      const there = nameOf(child(specifier, isExport ? 'local' : 'imported'))
      if (here !== name || there === undefined) continue
      const source = sourceOf(file, statement)
      if (source !== null) return findDeclaration(source, there)
      if (isExport && there !== name) return findDeclaration(file, there)
    }
  }
  return null
}

const isPrivate = (member: SyntaxNode): boolean =>
  /Private/.test(member.type) ||
  member.type === 'StaticBlock' ||
  member.accessibility === 'private' ||
  member.accessibility === 'protected' ||
  member.computed === true

/** Members by name; of overloads the first. Skips symbols and private members. */
const membersOf = (node: SyntaxNode): Map<string, SyntaxNode> => {
  const annotation = child(node, 'typeAnnotation')
  const holder = child(node, 'body') ?? annotation
  const list = holder?.body ?? (annotation?.type === 'TSTypeLiteral' ? annotation.members : [])
  const members = new Map<string, SyntaxNode>()
  for (const member of Array.isArray(list) ? (list as SyntaxNode[]) : []) {
    const name = isPrivate(member) ? undefined : nameOf(child(member, 'key'))
    if (name !== undefined && !members.has(name)) members.set(name, member)
  }
  return members
}

const typeNameOf = (type: SyntaxNode): string | undefined =>
  nameOf(child(type, 'expression')) ?? nameOf(child(type, 'typeName'))

const typeArgumentsOf = (type: SyntaxNode): SyntaxNode[] =>
  (child(type, 'typeParameters') ?? child(type, 'typeArguments'))?.params as SyntaxNode[]

/** The types that a declaration is made of: what it extends, implements, or picks from. */
const basesOf = (node: SyntaxNode): SyntaxNode[] => {
  const named = [...((node.implements ?? []) as SyntaxNode[]), ...((node.extends ?? []) as [])]
  const alias = child(node, 'typeAnnotation')
  const superClass = child(node, 'superClass')
  return [...named, alias, superClass].filter((one) => one !== undefined)
}

/** The docstring that a member has in a type, or in one of those that the type is made of. */
const inheritedDoc = (file: string, type: SyntaxNode, member: string): string | null => {
  if (type.type === 'TSIntersectionType') {
    return firstDoc(childrenOf(type).map((one) => inheritedDoc(file, one, member)))
  }
  const name = type.type === 'Identifier' ? nameOf(type) : typeNameOf(type)
  if (name === undefined) return null
  if (name === 'Pick' || name === 'Omit') {
    const [from] = typeArgumentsOf(type)
    return from === undefined ? null : inheritedDoc(file, from, member)
  }
  const declaration = findDeclaration(file, name)
  return declaration === null ? null : memberDoc(declaration, member)
}

const firstDoc = (docs: readonly (string | null)[]): string | null =>
  docs.find((doc) => doc !== null) ?? null

const memberDoc = ({ file, node }: Declaration, member: string): string | null => {
  const own = membersOf(node).get(member)
  const doc = own === undefined ? null : docOf(own)
  return doc ?? firstDoc(basesOf(node).map((type) => inheritedDoc(file, type, member)))
}

const kindOf = (node: SyntaxNode): PublicName['kind'] => {
  if (node.type === 'ClassDeclaration') return 'class'
  if (/Function/.test(node.type)) return 'function'
  if (node.type !== 'VariableDeclarator') return 'type'
  return child(node, 'init')?.type === 'ArrowFunctionExpression' ? 'function' : 'constant'
}

const describe = (root: string, exported: string, declaration: Declaration): PublicName[] => {
  const { file, node, carrier } = declaration
  const placeOf = (one: SyntaxNode): string => `${relative(root, file)}:${one.loc.start.line}`
  const own: PublicName = {
    name: exported,
    place: placeOf(node),
    doc: docOf(carrier),
    kind: kindOf(node),
  }
  const members = [...membersOf(node)].map(
    ([name, member]): PublicName => ({
      name: `${exported}.${name}`,
      place: placeOf(member),
      doc: memberDoc(declaration, name),
      kind: 'member',
    }),
  )
  return [own, ...members]
}

/** What is passed on from another package is documented there. */
const isForeign = (statement: SyntaxNode): boolean => {
  const source = child(statement, 'source')?.value
  return typeof source === 'string' && !source.startsWith('.')
}

/** All names that an entry point (`packages/x/src/index.ts`) exports, each with its members. */
export const publicNames = (entryPoint: string): PublicName[] => {
  const root = findRoot()
  const file = join(root, entryPoint)
  const names: PublicName[] = []
  for (const statement of bodyOf(file)) {
    if (isForeign(statement)) continue
    if (statement.type === 'ExportAllDeclaration') {
      names.push(...publicNames(relative(root, sourceOf(file, statement) ?? file)))
    }
    if (statement.type !== 'ExportNamedDeclaration') continue
    const exported = specifiersOf(statement)
      // The names of a namespace are counted where it lists them.
      .filter((one) => one.type !== 'ExportNamespaceSpecifier')
      .map((one) => nameOf(child(one, 'exported')))
    const declared = child(statement, 'declaration') === undefined ? [] : declaredBy(statement)
    for (const name of [...exported, ...declared.map((one) => nameOf(child(one, 'id')))]) {
      if (name === undefined) continue
      const declaration = findDeclaration(file, name)
      if (declaration === null) throw new Error(`${entryPoint}: where is ${name} declared?`)
      names.push(...describe(root, name, declaration))
    }
  }
  return names
}

/** The entry points of all packages: their index.ts, and the library's testing.ts. */
export const publicEntryPoints = (): string[] => {
  const packages = readdirSync(join(findRoot(), 'packages')).sort()
  return packages
    .flatMap((name) => [`packages/${name}/src/index.ts`, `packages/${name}/src/testing.ts`])
    .filter((entryPoint) => existsSync(join(findRoot(), entryPoint)))
}
