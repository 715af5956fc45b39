// Joins the compiled modules of each package into one file per entry point: `dist/src/index.js`
// becomes `dist/index.js` for `import`, and `dist/index.cjs` for `require`. Loading 150 small
// modules takes several times as long as loading one large one, and each adds a file, a map and a
// declaration to every install. Names and the order of the code stay, so stack traces read as
// before; nothing is minified. Doc comments are left to the declarations. What two entry points
// share is a chunk of its own, so that a class is the same class in both. Called by build.mjs, and
// by bundle-types.mjs for the declarations.

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { packages, readJson, root, ScriptError } from './workspace.mjs'

/**
 * Packages of which a few files go into our bundle: we use little of a large one, or loading a
 * CommonJS file of its own takes longer than all of its code. They are development dependencies
 * then; their licences are shipped beside the bundle.
 */
const inlined = ['@bufbuild/protobuf', 'crc-32']

const stringsOf = (value) =>
  typeof value === 'string' ? [value] : Object.values(value ?? {}).flatMap(stringsOf)

/**
 * The entry points of a package that have a file of this type: names of files in `dist/`, without
 * the extension.
 */
export const entryPointsOf = (folder, ending) => {
  const { exports, files = [] } = readJson(join(root, folder, 'package.json'))
  const found = [...stringsOf(exports), ...files].map(
    (path) => /^(?:\.\/)?dist\/([\w-]+?)(\.d\.c?ts|\.c?js)$/.exec(path) ?? [],
  )
  const names = found.filter(([, , type]) => type === ending).map(([, name]) => name)
  return [...new Set(names)]
}

const packageOf = (specifier) => /^(@[^/]+\/)?[^/]+/.exec(specifier)[0]

/** A file that is CommonJS in both builds: it stays a file of its own. */
const isCommonJsFile = (specifier) => /^\.\/[\w-]+\.cjs$/.test(specifier)

/** What stays an import: Node's modules, and what npm installs with the package. */
const isExternal = (folder) => {
  const manifest = readJson(join(root, folder, 'package.json'))
  const installed = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })
  return (specifier) => {
    if (isCommonJsFile(specifier)) return true
    if (/^(\.|\/|[A-Za-z]:)/.test(specifier)) return false
    if (specifier.startsWith('node:') || installed.includes(packageOf(specifier))) return true
    if (inlined.includes(packageOf(specifier))) return false
    throw new ScriptError(`${folder} imports ${specifier}, which it does not depend on.`)
  }
}

/** The package of a module that is not ours. */
const foreignPackage = (id) =>
  /^.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(id)?.[1].replace('\\', '/')

/** The comment that a file opens with: where the package says whose it is. */
const openingComment = (path) =>
  /^(?:\/\/.*\n)+|^\/\*[\s\S]*?\*\//.exec(readFileSync(path, 'utf8'))?.[0] ?? ''

/** The license texts of the foreign modules in a bundle; null where there are none. */
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

const extensionOf = (fileName) => /(\.d)?\.c?[jt]s$/.exec(fileName)?.[0]

/**
 * Writes what a bundler made into a package's `dist`, and removes the chunks of an earlier build
 * that have the same extension.
 */
export const writeChunks = (folder, chunks, extension) => {
  const dist = join(root, folder, 'dist')
  for (const { fileName, code } of chunks) writeIfChanged(join(dist, fileName), code)
  const names = new Set(chunks.map(({ fileName }) => fileName))
  if (!existsSync(join(dist, 'chunks'))) return
  for (const name of readdirSync(join(dist, 'chunks'))) {
    if (extensionOf(name) !== extension || names.has(`chunks/${name}`)) continue
    rmSync(join(dist, 'chunks', name))
  }
}

/** The settings of the bundler for one package's entry points, code or declarations. */
export const bundleInput = (folder, ending) => ({
  cwd: root,
  platform: 'node',
  // No comment with the path of each module: a fiftieth of the package.
  experimental: { attachDebugInfo: 'none' },
  external: isExternal(folder),
  input: Object.fromEntries(
    entryPointsOf(folder, ending).map((name) => [
      name,
      join(root, folder, 'dist/src', name + ending),
    ]),
  ),
})

/**
 * Code whose characters all have one byte in V8. A single other one ("…" in a message) doubles the
 * memory of the whole file, and import takes 4 % longer.
 */
const escaped = (code) =>
  code.replace(/[^\0-\xff]/g, (character) => {
    const digits = character.charCodeAt(0).toString(16)
    return `\\u${digits.padStart(4, '0')}`
  })

const comments = { legal: true, annotation: true, jsdoc: false }

const generate = async (rolldown, input, options) => {
  const bundle = await rolldown(input)
  const { output } = await bundle.generate({ comments, ...options })
  await bundle.close()
  return output.map((chunk) => ({ ...chunk, code: escaped(chunk.code) }))
}

const generateEsModules = (rolldown, folder) =>
  generate(rolldown, bundleInput(folder, '.js'), {
    format: 'esm',
    chunkFileNames: 'chunks/[name].js',
  })

/**
 * The modules that `require` of the first entry point loads. In CommonJS a use of what another
 * chunk exports is a property access, so all of them are one chunk: the hot path stays within it.
 */
const libraryModules = async (rolldown, input) => {
  const index = { index: input.input.index }
  const output = await generate(rolldown, { ...input, input: index }, { format: 'esm' })
  return new Set(output.find(({ isEntry }) => isEntry).moduleIds)
}

const generateCommonJs = async (rolldown, folder) => {
  const input = bundleInput(folder, '.js')
  const library = await libraryModules(rolldown, input)
  const isAlone = Object.keys(input.input).length === 1
  const groups = isAlone ? [] : [{ name: 'library', test: (id) => library.has(id) }]
  return generate(rolldown, input, {
    format: 'cjs',
    banner: "'use strict';",
    esModule: true,
    exports: 'named',
    entryFileNames: '[name].cjs',
    chunkFileNames: 'chunks/[name].cjs',
    minifyInternalExports: false,
    // A bundler, and a test runner that has its own `require`, sees `require`, but not `import()`.
    dynamicImportInCjs: false,
    codeSplitting: { groups },
  })
}

const copyCommonJsFiles = (folder) => {
  const dist = join(root, folder, 'dist')
  for (const name of readdirSync(join(dist, 'src'))) {
    if (isCommonJsFile(`./${name}`)) copyFileSync(join(dist, 'src', name), join(dist, name))
  }
}

const bundlePackage = async (rolldown, folder) => {
  copyCommonJsFiles(folder)
  const output = await generateEsModules(rolldown, folder)
  writeChunks(folder, output, '.js')
  if (entryPointsOf(folder, '.cjs').length > 0) {
    writeChunks(folder, await generateCommonJs(rolldown, folder), '.cjs')
  }
  const text = licences(output)
  if (text !== null) writeIfChanged(join(root, folder, 'dist/THIRD-PARTY-LICENSES.txt'), text)
}

/** Bundles every package that has entry points. It must be compiled. */
export const bundleAll = async () => {
  const { rolldown } = await import('rolldown')
  for (const folder of packages()) {
    if (entryPointsOf(folder, '.js').length > 0) await bundlePackage(rolldown, folder)
  }
}

/** Whether what the last build bundled is still there. */
export const isBundled = (folder) =>
  ['.js', '.cjs'].every((extension) =>
    entryPointsOf(folder, extension).every((name) =>
      existsSync(join(root, folder, 'dist', name + extension)),
    ),
  )
