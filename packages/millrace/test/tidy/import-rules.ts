// Rules about who imports whom: the arrows between the folders of the library, the public doors
// between packages, declared dependencies, and files that nothing reaches any more.

import { posix } from 'node:path'
import type { RepositoryFile, Violation } from './repository.ts'
import { child, nameOf, parseSource, type SyntaxNode, walk } from './syntax.ts'

export interface Import {
  readonly from: string
  readonly line: number
  readonly specifier: string
  readonly typeOnly: boolean
  /** The file it names, from the repository's root; null for packages and for Node's modules. */
  readonly target: string | null
}

const isCode = (path: string): boolean => /\.(ts|mjs|js)$/.test(path)

/** The source of a compiled file, where a path names one. */
const sourceOf = (path: string): string =>
  path.replace(/^(packages\/[^/]+)\/dist\/(.*)\.js$/, '$1/$2.ts')

const isTypeOnly = (node: SyntaxNode): boolean => {
  if (node.importKind === 'type' || node.exportKind === 'type') return true
  const specifiers = (node.specifiers ?? []) as SyntaxNode[]
  return specifiers.length > 0 && specifiers.every((one) => one.importKind === 'type')
}

/**
 * What a node refers to: an import, a re-export, `import('…')`, `new URL('…', import.meta.url)`.
 */
const specifierOf = (node: SyntaxNode): string | undefined => {
  const callee = child(node, 'callee')
  const isUrl = node.type === 'NewExpression' && nameOf(callee) === 'URL'
  if (isUrl || (node.type === 'CallExpression' && callee?.type === 'Import')) {
    const first = (node.arguments as SyntaxNode[])[0]
    if (first?.type !== 'StringLiteral') return undefined
    return isUrl && !String(first.value).startsWith('.') ? undefined : nameOf(first)
  }
  if (node.type === 'TSImportType') return nameOf(child(node, 'argument'))
  const isStatement = /^(Import|ExportNamed|ExportAll)Declaration$/.test(node.type)
  return isStatement ? nameOf(child(node, 'source')) : undefined
}

export const collectImports = (files: readonly RepositoryFile[]): Import[] => {
  const found: Import[] = []
  for (const { path, text } of files) {
    if (!isCode(path) || path.endsWith('.d.ts')) continue
    walk(parseSource(path, text).program, (node) => {
      const specifier = specifierOf(node)
      if (specifier === undefined) return
      const target = specifier.startsWith('.')
        ? sourceOf(posix.join(posix.dirname(path), specifier))
        : null
      const line = node.loc.start.line
      found.push({ from: path, line, specifier, typeOnly: isTypeOnly(node), target })
    })
  }
  return found
}

const below = {
  runtime: [],
  protocol: ['runtime'],
  engine: ['runtime', 'protocol'],
  net: ['runtime', 'protocol'],
  cluster: ['runtime', 'protocol', 'net'],
  producer: ['runtime', 'protocol', 'net', 'engine', 'cluster'],
  senders: ['runtime', 'protocol', 'producer'],
  admin: ['runtime', 'protocol', 'net', 'cluster', 'producer'],
  diagnose: ['runtime', 'protocol', 'net', 'cluster', 'producer'],
  broker: ['runtime', 'protocol'],
  testing: ['runtime', 'protocol', 'net', 'broker', 'producer'],
} as const satisfies Record<string, readonly string[]>

const library = /^packages\/millrace\/src\/(?:([^/]+)\/)?[^/].*$/

/** The folder of the library that a file is in; `door` for index.ts and testing.ts. */
const layerOf = (path: string): string | null => {
  const match = library.exec(path)
  return match === null ? null : (match[1] ?? 'door')
}

const isPorts = (path: string): boolean => path === 'packages/millrace/src/engine/ports.ts'

/** What is wrong with one import inside the library; doors may import what they expose. */
const arrowMessage = ({ from, target, typeOnly }: Import): string | null => {
  const source = layerOf(from)
  const used = target === null ? null : layerOf(target)
  if (source === null || used === null || source === 'door' || source === used) return null
  if (used === 'door') return `${source}/ must not import the door ${target}`
  if (source === 'cluster' && used === 'engine' && isPorts(target ?? '')) {
    return typeOnly ? null : 'cluster/ sees types of engine/ports.ts only: use `import type`'
  }
  const allowed: readonly string[] = below[source as keyof typeof below] ?? []
  if (allowed.includes(used)) return null
  return `${source}/ must not import ${used}/ (it may import: ${allowed.join(', ') || 'nothing'})`
}

const packageOf = (path: string): string | null => /^packages\/[^/]+/.exec(path)?.[0] ?? null

const publicDoors = /^(millrace|millrace\/testing|@millrace\/[a-z0-9-]+)$/

/** Packages meet at their public doors; inside the library nobody uses its own door. */
const doorMessage = ({ from, specifier, target }: Import): string | null => {
  const folder = packageOf(from)
  if (folder === null) return null
  if (target !== null) {
    return packageOf(target) === folder ? null : 'leaves its package: use the public door'
  }
  const isOurs = /^(millrace(\/|$)|@millrace\/)/.test(specifier)
  if (isOurs && !publicDoors.test(specifier)) return `${specifier} is not a public door`
  const isOwnDoor = from.startsWith('packages/millrace/src/') && isOurs
  return isOwnDoor ? 'the library must not import its own door' : null
}

type Manifest = Readonly<Record<string, Readonly<Record<string, string>> | undefined>> & {
  readonly name?: string
}

const declared = (manifest: Manifest | undefined, kinds: readonly string[]): string[] =>
  kinds.flatMap((kind) => Object.keys(manifest?.[kind] ?? {}))

const runtimeKinds = ['dependencies', 'peerDependencies', 'optionalDependencies']

/** What scripts/bundle.mjs puts into our bundle, so that users need not install it. */
const inlined = ['@bufbuild/protobuf']

/** A package declares what its sources import; its tests may also use development dependencies. */
const dependencyMessage = (one: Import, manifests: Map<string, Manifest>): string | null => {
  const folder = packageOf(one.from)
  if (folder === null || one.target !== null || /^(node:|#|file:|data:)/.test(one.specifier)) {
    return null
  }
  const name = /^(@[^/]+\/)?[^/]+/.exec(one.specifier)?.[0] ?? one.specifier
  const own = manifests.get(folder)
  const isTest = one.from.startsWith(`${folder}/test/`)
  const known = declared(own, isTest ? [...runtimeKinds, 'devDependencies'] : runtimeKinds)
  if (isTest) known.push(...declared(manifests.get(''), ['devDependencies']))
  // Types alone come from the development dependencies; nothing of them is left when it is built.
  if (one.typeOnly || inlined.includes(name)) known.push(...declared(own, ['devDependencies']))
  return name === own?.name || known.includes(name)
    ? null
    : `${name} is not declared as a dependency`
}

const readManifests = (files: readonly RepositoryFile[]): Map<string, Manifest> =>
  new Map(
    files
      .filter(({ path }) => /^(packages\/[^/]+\/)?package\.json$/.test(path))
      .map(({ path, text }) => [path.replace(/\/?package\.json$/, ''), JSON.parse(text)]),
  )

export const checkImports = (files: readonly RepositoryFile[]): Violation[] => {
  const manifests = readManifests(files)
  return collectImports(files).flatMap((one) => {
    const messages = [arrowMessage(one), doorMessage(one), dependencyMessage(one, manifests)]
    return messages
      .filter((message) => message !== null)
      .map((message) => ({ path: one.from, line: one.line, message }))
  })
}

/**
 * Sources named by their compiled paths: the doors in package.json, which are bundles in dist/
 * itself, and the files that scripts run.
 */
const namedSources = ({ path, text }: RepositoryFile): string[] => {
  if (path === 'package-lock.json') return []
  const found = text.matchAll(
    /(packages\/[\w-]+\/)?(?:[\w.-]+\/)*?dist\/((?:(?:src|test)\/)?[\w./-]+)\.js/g,
  )
  const inSources = (rest: string): string => (/^(src|test)\//.test(rest) ? rest : `src/${rest}`)
  return [...found].map(
    ([, folder, rest]) => `${folder ?? `${packageOf(path)}/`}${inSources(rest ?? '')}.ts`,
  )
}

/** The scripts that a page loads, by the sources that they are compiled from. */
const pageScripts = ({ path, text }: RepositoryFile): string[] =>
  path.endsWith('.html')
    ? [...text.matchAll(/<script\b[^>]*\bsrc="\.\/([\w./-]+)\.js"/g)].map(
        ([, name]) => `${posix.join(posix.dirname(path), name!)}.ts`,
      )
    : []

const isRoot = (path: string): boolean =>
  path.endsWith('.test.ts') || !/^packages\/[^/]+\/(src|test)\//.test(path)

/**
 * Code under src/ and test/ that neither a door, nor a script, nor a test reaches. A helper in a
 * test folder that is run as a process of its own, by people or by a test, is alive when another
 * file names it: `load-program.ts`, or in quotes without its ending.
 */
export const checkDeadFiles = (files: readonly RepositoryFile[]): Violation[] => {
  const edges = new Map<string, string[]>()
  for (const { from, target } of collectImports(files)) {
    if (target !== null) edges.set(from, [...(edges.get(from) ?? []), target])
  }
  const alive = new Set<string>()
  const visit = (path: string): void => {
    if (alive.has(path)) return
    alive.add(path)
    for (const next of edges.get(path) ?? []) visit(next)
  }
  for (const file of files) {
    if (isRoot(file.path)) visit(file.path)
    if (isRoot(file.path) && !file.path.endsWith('.md'))
      for (const one of namedSources(file)) visit(one)
    for (const one of pageScripts(file)) visit(one)
  }
  const isNamed = (path: string): boolean => {
    const stem = posix.basename(path, posix.extname(path))
    const names = [`${stem}.`, `'${stem}'`]
    return (
      path.includes('/test/') &&
      files.some((other) => other.path !== path && names.some((name) => other.text.includes(name)))
    )
  }
  return files
    .filter(({ path }) => /^packages\/[^/]+\/(src|test)\/.*\.(ts|mjs|js)$/.test(path))
    .filter(({ path }) => !path.endsWith('.d.ts'))
    .filter(({ path }) => !alive.has(path) && !isNamed(path))
    .map(({ path }) => ({ path, line: 0, message: 'nothing uses this file' }))
}
