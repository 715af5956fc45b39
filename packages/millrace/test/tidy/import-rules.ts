// Rules about who imports whom: the arrows between the folders of the library, the public entry
// points between packages, declared dependencies, and files that nothing reaches any more.

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
  'cluster-client': ['runtime', 'protocol', 'net'],
  spool: ['runtime', 'protocol'],
  producer: ['runtime', 'protocol', 'net', 'engine', 'cluster-client', 'spool'],
  layers: ['runtime', 'protocol', 'producer'],
  admin: ['runtime', 'protocol', 'net', 'cluster-client', 'producer'],
  diagnose: ['runtime', 'protocol', 'net', 'cluster-client', 'producer'],
  'in-process-cluster': ['runtime', 'protocol'],
  testing: ['runtime', 'protocol', 'net', 'in-process-cluster', 'producer'],
} as const satisfies Record<string, readonly string[]>

/**
 * The same between the folders of engine/. Its own files (ports, records, settings, …) are leaves,
 * which every folder may import; `engineRoots` know the folders instead.
 */
const engineBelow = {
  metrics: [],
  partitioner: [],
  batch: [],
  dispatch: ['metrics', 'batch'],
  transactions: ['metrics', 'dispatch'],
  delivery: ['batch', 'dispatch', 'transactions'],
  buffer: ['metrics', 'partitioner', 'batch', 'dispatch', 'delivery'],
} as const satisfies Record<string, readonly string[]>

/** The façade of the engine, and the files behind it that put its parts together. */
const engineRoots = ['engine.ts', 'engine-parts.ts', 'engine-readings.ts']

/** What producer/ may import of the engine: the façade, and leaves that hold no part of it. */
const engineEntryPoints = [
  'engine.ts',
  'engine-readings.ts',
  'ports.ts',
  'record.ts',
  'settings.ts',
  'deadlines.ts',
  'errors.ts',
  'metrics/engine-events.ts',
  'metrics/histogram.ts',
  'partitioner/',
]

/** Stands in for a producer, so it needs a record's check without an engine. */
const engineExceptions: Readonly<Record<string, string>> = {
  'producer/record-check.ts': 'batch/',
}

const library = /^packages\/millrace\/src\/(?:([^/]+)\/)?[^/].*$/

/** The folder of the library that a file is in; `entry point` for index.ts and testing.ts. */
const layerOf = (path: string): string | null => {
  const match = library.exec(path)
  return match === null ? null : (match[1] ?? 'entry point')
}

const isPorts = (path: string): boolean => path === 'packages/millrace/src/engine/ports.ts'

/** What is wrong with one import inside the library; entry points may import what they expose. */
const arrowMessage = ({ from, target, typeOnly }: Import): string | null => {
  const source = layerOf(from)
  const used = target === null ? null : layerOf(target)
  if (source === null || used === null || source === 'entry point' || source === used) return null
  if (used === 'entry point') return `${source}/ must not import the entry point ${target}`
  if (source === 'cluster-client' && used === 'engine' && isPorts(target ?? '')) {
    return typeOnly ? null : 'cluster-client/ sees types of engine/ports.ts only: use `import type`'
  }
  const allowed: readonly string[] = below[source as keyof typeof below] ?? []
  if (allowed.includes(used)) return null
  return `${source}/ must not import ${used}/ (it may import: ${allowed.join(', ') || 'nothing'})`
}

const inEngine = (path: string): string | null =>
  /^packages\/millrace\/src\/engine\/(.*)$/.exec(path)?.[1] ?? null

/** The folder of engine/ that a file is in; its name for the engine's own files. */
const engineFolderOf = (inside: string): string => inside.replace(/\/.*$/, '')

/** What is wrong with one import from a file of the engine to another. */
const engineArrowMessage = ({ from, target }: Import): string | null => {
  const source = inEngine(from)
  const used = target === null ? null : inEngine(target)
  if (source === null || used === null || engineRoots.includes(source)) return null
  if (engineRoots.includes(used)) return `only ${engineRoots.join(', ')} import engine/${used}`
  const folder = engineFolderOf(source)
  const usedFolder = engineFolderOf(used)
  if (folder === usedFolder || !used.includes('/')) return null
  if (!source.includes('/')) return `engine/${source} is a leaf: it must not import a folder`
  const allowed: readonly string[] = engineBelow[folder as keyof typeof engineBelow] ?? []
  if (allowed.includes(usedFolder)) return null
  const list = allowed.join(', ') || 'no folder of engine/'
  return `engine/${folder}/ must not import engine/${usedFolder}/ (it may import: ${list})`
}

/** What is wrong with one import of the engine from outside. */
const engineEntryMessage = ({ from, target }: Import): string | null => {
  const used = target === null ? null : inEngine(target)
  const outside = from.replace('packages/millrace/src/', '')
  if (used === null || !outside.startsWith('producer/')) return null
  const exception = engineExceptions[outside]
  if (exception !== undefined && used.startsWith(exception)) return null
  if (
    engineEntryPoints.some((one) => used === one || (one.endsWith('/') && used.startsWith(one)))
  ) {
    return null
  }
  return `producer/ must not import engine/${used}, a part of the engine: use engine/engine.ts`
}

const packageOf = (path: string): string | null => /^packages\/[^/]+/.exec(path)?.[0] ?? null

const publicEntryPoints =
  /^(millrace(?:\/(?:layers|testing))?|@millrace\/[a-z0-9-]+(?:\/testing)?)$/

/** Packages import public entry points; the library does not import its own. */
const entryPointMessage = ({ from, specifier, target }: Import): string | null => {
  const folder = packageOf(from)
  if (folder === null) return null
  if (target !== null) {
    return packageOf(target) === folder ? null : 'leaves its package: use the public entry point'
  }
  const isOurs = /^(millrace(\/|$)|@millrace\/)/.test(specifier)
  if (isOurs && !publicEntryPoints.test(specifier))
    return `${specifier} is not a public entry point`
  const isOwnEntryPoint = from.startsWith('packages/millrace/src/') && isOurs
  return isOwnEntryPoint ? 'the library must not import its own entry point' : null
}

type Manifest = Readonly<Record<string, Readonly<Record<string, string>> | undefined>> & {
  readonly name?: string
}

const declared = (manifest: Manifest | undefined, kinds: readonly string[]): string[] =>
  kinds.flatMap((kind) => Object.keys(manifest?.[kind] ?? {}))

const runtimeKinds = ['dependencies', 'peerDependencies', 'optionalDependencies']

/** What scripts/bundle.mjs puts into our bundle, so that users need not install it. */
const inlined = ['@bufbuild/protobuf', 'crc-32']

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
    const messages = [
      arrowMessage(one),
      engineArrowMessage(one),
      engineEntryMessage(one),
      entryPointMessage(one),
      dependencyMessage(one, manifests),
    ]
    return messages
      .filter((message) => message !== null)
      .map((message) => ({ path: one.from, line: one.line, message }))
  })
}

/**
 * The import cycles among the sources, type imports included: each is a group of files that reach
 * each other. No file stands in two of them.
 */
export const findCycles = (files: readonly RepositoryFile[]): string[][] => {
  const edges = new Map<string, Set<string>>()
  for (const { from, target } of collectImports(files)) {
    if (target === null || !/^packages\/[^/]+\/src\//.test(from)) continue
    edges.set(from, (edges.get(from) ?? new Set()).add(target))
  }
  const reach = new Map([...edges.keys()].map((path) => [path, reachable(path, edges)]))
  const cycles: string[][] = []
  const seen = new Set<string>()
  for (const [path, reached] of reach) {
    if (seen.has(path) || !reached.has(path)) continue
    const group = [...reached].filter((other) => reach.get(other)?.has(path) === true).sort()
    for (const other of group) seen.add(other)
    cycles.push(group)
  }
  return cycles
}

/** Every file that is imported from here, by however many steps. */
const reachable = (
  start: string,
  edges: ReadonlyMap<string, ReadonlySet<string>>,
): ReadonlySet<string> => {
  const reached = new Set<string>()
  const open = [start]
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    for (const next of edges.get(path) ?? []) {
      if (reached.has(next)) continue
      reached.add(next)
      open.push(next)
    }
  }
  return reached
}

/**
 * Sources named by their compiled paths: the entry points in package.json, which are bundles in
 * dist/ itself, and the files that scripts run.
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

/** A script that names a test or a program by its path needs that file. */
export const checkNamedFiles = (files: readonly RepositoryFile[]): Violation[] => {
  const paths = new Set(files.map(({ path }) => path))
  return files
    .filter(({ path }) => /^(scripts|bench)\/.*\.mjs$/.test(path))
    .flatMap(({ path, text }) =>
      [...text.matchAll(/'((?:packages|scripts|bench)\/[\w./-]+\.(?:ts|mjs|java))'/g)]
        .filter(([, named]) => !paths.has(named!))
        .map(([, named]) => ({ path, line: 0, message: `names ${named}, which does not exist` })),
    )
}

const isRoot = (path: string): boolean =>
  path.endsWith('.test.ts') || !/^packages\/[^/]+\/(src|test)\//.test(path)

/**
 * Code under src/ and test/ that neither a entry point, nor a script, nor a test reaches. A helper
 * in a test folder that is run as a process of its own, by people or by a test, is alive when
 * another file names it: `load-program.ts`, or in quotes without its ending.
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
