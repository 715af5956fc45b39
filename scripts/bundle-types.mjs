// Joins the declarations of each package's entry points, as bundle.mjs does with the code: what no
// entry point shows is skipped. Called by pack.mjs only, for in the repository the sources tell
// the types.

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bundleInput, entryPointsOf, writeChunks } from './bundle.mjs'
import { compiledPath } from './run-tests.mjs'
import { readJson, root } from './workspace.mjs'

const disposable = '/// <reference lib="esnext.disposable" />\n'

/** What a user of the package may have or not. */
const optionalPeers = (folder) => {
  const { peerDependenciesMeta = {} } = readJson(join(root, folder, 'package.json'))
  return Object.keys(peerDependenciesMeta).filter((name) => peerDependenciesMeta[name].optional)
}

/**
 * A project without @types/node, or without another optional peer, can use the types all the same:
 * what comes from Node's modules, or from the peer, is `any` there. And a project does not have to
 * name the library of `await using` by hand.
 */
const withoutDemands = (code, folder) => {
  const isBuffer = /\bBuffer\b/.test(code.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, ''))
  const imports = isBuffer ? `import { Buffer } from "node:buffer";\n${code}` : code
  const names = ['node:', ...optionalPeers(folder).map((name) => `${name}"`)].join('|')
  const optional = new RegExp(`^(?=(?:import|export) [^;\\n]* from "(?:${names}))`, 'gm')
  const ignored = imports.replaceAll(optional, '// @ts-ignore\n')
  return /\b[aA]syncDispos(e|able)\b/.test(ignored) ? disposable + ignored : ignored
}

const tools = async () => {
  const path = join(root, compiledPath('packages/millrace/test/package/tools.ts'))
  const { importTool } = await import(pathToFileURL(path).href)
  const { rolldown } = await importTool('rolldown/dist/index.mjs')
  const { dts } = await importTool('rolldown-plugin-dts/dist/index.mjs')
  return { rolldown, dts }
}

const generate = async ({ rolldown, dts }, folder, input) => {
  const plugins = [dts({ dtsInput: true, tsconfig: false })]
  const bundle = await rolldown({ ...input, plugins, checks: { pluginTimings: false } })
  const { output } = await bundle.generate({ format: 'esm', chunkFileNames: 'chunks/[name].js' })
  await bundle.close()
  return output.map(({ fileName, code }) => ({ fileName, code: withoutDemands(code, folder) }))
}

/** A module of the CommonJS build: the same declarations by another file name. */
const inCommonJs = ({ fileName, code }) => ({
  fileName: fileName.replace(/\.d\.ts$/, '.d.cts'),
  code: code.replaceAll(/(\bfrom "\.{1,2}\/[^"]+)\.js"/g, '$1.cjs"'),
})

/** What `import` of an entry point shows: the types of `require`, so that both are one type. */
const reexport = (name, hasDefault) => ({
  fileName: `${name}.d.ts`,
  code: `export * from "./${name}.cjs";\n${
    hasDefault ? `export { default } from "./${name}.cjs";\n` : ''
  }`,
})

const hasDefault = (chunks, name) => {
  const { code } = chunks.find(({ fileName }) => fileName === `${name}.d.ts`)
  return /^export \{[^}]*\bas default\b/m.test(code)
}

/**
 * Writes the declarations of a package's entry points into its `dist`. The package must be
 * compiled. One set serves both builds: a class with private fields would be another type in each.
 */
export const bundleTypes = async (folder) => {
  const names = entryPointsOf(folder, '.d.ts')
  if (names.length === 0) return
  const chunks = await generate(await tools(), folder, bundleInput(folder, '.d.ts'))
  writeChunks(folder, chunks.map(inCommonJs), '.d.cts')
  const wrappers = names.map((name) => reexport(name, hasDefault(chunks, name)))
  writeChunks(folder, wrappers, '.d.ts')
}

/** The declarations of each entry point as one text, by its name. */
export const entryPointTypes = async (folder) => {
  const made = await tools()
  const { input, ...rest } = bundleInput(folder, '.d.ts')
  const texts = {}
  for (const [name, path] of Object.entries(input)) {
    const [{ code }] = await generate(made, folder, { ...rest, input: { [name]: path } })
    texts[name] = code
  }
  return texts
}
