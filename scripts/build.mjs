// Builds all packages into their dist folders: TypeScript's own incremental build, then the files
// that are not TypeScript (test data) beside the compiled ones, and what has lost its source is
// removed. At last each package's entry points are bundled: what `import 'millrace'` loads, here
// and wherever it is installed.

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleAll, isBundled } from './bundle.mjs'
import { ensureInstalled } from './install.mjs'
import { fail, filesUnder, packages, readJson, root, runNode, ScriptError } from './workspace.mjs'

/** Where the state of the sources at the last good build is kept. */
const stampPath = join(root, '.cache/build-stamp.json')

const isCompiled = (path) => /\.ts$/.test(path) && !/\.d\.ts$/.test(path)

/** The files in dist that come from a source file; the folder is the package's. */
const outputsOf = (folder, source) => {
  const output = `${folder}/dist${source.slice(folder.length)}`
  if (!isCompiled(source)) return [output]
  const stem = output.slice(0, -'.ts'.length)
  return ['.js', '.js.map', '.d.ts', '.d.ts.map'].map((extension) => stem + extension)
}

const sourcesOf = (folder) => [...filesUnder(`${folder}/src`), ...filesUnder(`${folder}/test`)]

/**
 * TypeScript trusts its record of the last build, so what was deleted by hand must be made known.
 */
const forgetIncompleteBuild = (folder) => {
  const complete = sourcesOf(folder)
    .filter(isCompiled)
    .every((source) => existsSync(join(root, outputsOf(folder, source)[0])))
  if (!complete) rmSync(join(root, folder, 'dist/.tsbuildinfo'), { force: true })
}

const removeStale = (folder) => {
  const expected = new Set(sourcesOf(folder).flatMap((source) => outputsOf(folder, source)))
  for (const part of ['src', 'test']) {
    for (const path of filesUnder(`${folder}/dist/${part}`)) {
      if (!expected.has(path)) rmSync(join(root, path))
    }
  }
}

const copyOthers = (folder) => {
  for (const source of sourcesOf(folder)) {
    if (isCompiled(source)) continue
    const target = join(root, outputsOf(folder, source)[0])
    const from = join(root, source)
    const same =
      existsSync(target) &&
      statSync(target).size === statSync(from).size &&
      readFileSync(target).equals(readFileSync(from))
    if (same) continue
    mkdirSync(dirname(target), { recursive: true })
    copyFileSync(from, target)
  }
}

/** Size and time of everything that a build depends on. */
const sourceState = () => {
  const paths = ['package-lock.json', 'tsconfig.json', 'tsconfig.base.json']
  paths.push('scripts/build.mjs', 'scripts/bundle.mjs')
  for (const folder of packages()) {
    paths.push(`${folder}/package.json`, `${folder}/tsconfig.json`)
    paths.push(...filesUnder(`${folder}/src`), ...filesUnder(`${folder}/test`))
  }
  const state = { node: process.versions.node.split('.')[0] }
  for (const path of paths) {
    const { size, mtimeMs } = statSync(join(root, path))
    state[path] = `${size} ${mtimeMs}`
  }
  return state
}

/** Why a build is needed; null when the last good one is of these very sources. */
export const whyBuild = () => {
  for (const folder of packages()) {
    if (!existsSync(join(root, folder, 'dist/.tsbuildinfo'))) return `${folder} is not built yet`
    if (!isBundled(folder)) return `${folder} is not bundled yet`
  }
  const built = readJson(stampPath)
  if (built === null) return 'it is not known what the last build was made from'
  const now = sourceState()
  for (const path of new Set([...Object.keys(now), ...Object.keys(built)])) {
    if (now[path] !== built[path]) return `${path} has changed`
  }
  return null
}

/** Builds everything, or throws after TypeScript has said what is wrong. */
export const build = async () => {
  const state = sourceState()
  rmSync(stampPath, { force: true })
  for (const folder of packages()) forgetIncompleteBuild(folder)
  const code = await runNode('node_modules/typescript/bin/tsc', ['-b'])
  if (code !== 0) throw new ScriptError('The build failed: TypeScript has found the errors above.')
  for (const folder of packages()) {
    removeStale(folder)
    copyOthers(folder)
  }
  await bundleAll()
  mkdirSync(dirname(stampPath), { recursive: true })
  writeFileSync(stampPath, JSON.stringify(state))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await ensureInstalled().then(build).catch(fail)
}
