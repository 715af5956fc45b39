// Joins the compiled modules of each package into one file per door: `dist/src/index.js` becomes
// `dist/index.js`. Loading 150 small modules takes several times as long as loading one large one,
// and each adds a file, a map and a declaration to every install. Names, comments that document and
// the order of the code stay, so stack traces read as before; nothing is minified. What two doors
// share is a chunk of its own, so that a class is the same class behind both. Called by build.mjs,
// and by pack.mjs for the declarations.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { packages, readJson, root, Trouble } from './workspace.mjs'

/**
 * Packages of which a few files go into our bundle, since they are large and we use little of them.
 * They are development dependencies then; their licences are shipped beside the bundle.
 */
const inlined = ['@bufbuild/protobuf']

const stringsOf = (value) =>
  typeof value === 'string' ? [value] : Object.values(value ?? {}).flatMap(stringsOf)

/** The doors of a package with this ending: names of files in `dist/`, without the ending. */
export const doorsOf = (folder, ending) => {
  const { exports, files = [] } = readJson(join(root, folder, 'package.json'))
  const found = [...stringsOf(exports), ...files].map(
    (path) => /^(?:\.\/)?dist\/([\w-]+?)(\.d\.ts|\.js)$/.exec(path) ?? [],
  )
  const names = found.filter(([, , type]) => type === ending).map(([, name]) => name)
  return [...new Set(names)]
}

const packageOf = (specifier) => /^(@[^/]+\/)?[^/]+/.exec(specifier)[0]

/** What stays an import: Node's modules, and what npm installs with the package. */
const isExternal = (folder) => {
  const manifest = readJson(join(root, folder, 'package.json'))
  const installed = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })
  return (specifier) => {
    if (/^(\.|\/|[A-Za-z]:)/.test(specifier)) return false
    if (specifier.startsWith('node:') || installed.includes(packageOf(specifier))) return true
    if (inlined.includes(packageOf(specifier))) return false
    throw new Trouble(`${folder} imports ${specifier}, which it does not depend on.`)
  }
}

/** The package of a module that is not ours. */
const foreignPackage = (id) =>
  /^.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(id)?.[1].replace('\\', '/')

/** The comment that a file opens with: where the package says whose it is. */
const openingComment = (path) => /^(?:\/\/.*\n)+/.exec(readFileSync(path, 'utf8'))?.[0] ?? ''

/** What must be told about the foreign modules in a bundle; null where there are none. */
const licences = (chunks) => {
  const modules = chunks.flatMap(({ moduleIds = [] }) => moduleIds)
  const foreign = modules.filter((id) => foreignPackage(id) !== undefined)
  if (foreign.length === 0) return null
  const names = [...new Set(foreign.map(foreignPackage))].sort().map((name) => {
    const { version, license } = readJson(join(root, 'node_modules', name, 'package.json'))
    return `${name} ${version}: ${license}`
  })
  const comments = [...new Set(foreign.map(openingComment))].sort()
  return ['Parts of these packages are in the files here.', ...names, ...comments].join('\n\n')
}

const writeIfChanged = (path, text) => {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

/** Writes what a bundler made into a package's `dist`, and removes what it made there before. */
export const writeChunks = (folder, chunks, ending) => {
  const dist = join(root, folder, 'dist')
  for (const { fileName, code } of chunks) writeIfChanged(join(dist, fileName), code)
  const names = new Set(chunks.map(({ fileName }) => fileName))
  if (!existsSync(join(dist, 'chunks'))) return
  for (const name of readdirSync(join(dist, 'chunks'))) {
    const isOfKind = name.endsWith('.d.ts') === (ending === '.d.ts')
    if (isOfKind && !names.has(`chunks/${name}`)) rmSync(join(dist, 'chunks', name))
  }
}

/** The settings of the bundler for one package's doors, code or declarations. */
export const bundleInput = (folder, ending) => ({
  cwd: root,
  platform: 'node',
  external: isExternal(folder),
  input: Object.fromEntries(
    doorsOf(folder, ending).map((name) => [name, join(root, folder, 'dist/src', name + ending)]),
  ),
})

const bundlePackage = async (rolldown, folder) => {
  const bundle = await rolldown(bundleInput(folder, '.js'))
  const { output } = await bundle.generate({
    format: 'esm',
    chunkFileNames: 'chunks/[name].js',
    comments: { legal: true, annotation: true, jsdoc: true },
  })
  await bundle.close()
  writeChunks(folder, output, '.js')
  const text = licences(output)
  if (text !== null) writeIfChanged(join(root, folder, 'dist/THIRD-PARTY-LICENSES.txt'), text)
}

/** Bundles every package that has such doors. It must be compiled. */
export const bundleAll = async () => {
  const { rolldown } = await import('rolldown')
  for (const folder of packages()) {
    if (doorsOf(folder, '.js').length > 0) await bundlePackage(rolldown, folder)
  }
}

/** Whether what the last build bundled is still there. */
export const isBundled = (folder) =>
  doorsOf(folder, '.js').every((name) => existsSync(join(root, folder, `dist/${name}.js`)))
