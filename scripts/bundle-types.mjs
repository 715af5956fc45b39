// Joins the declarations of each package's doors, as bundle.mjs does with the code: what the doors
// do not show is left out. Called by pack.mjs only, for in the repository the sources tell the
// types.

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bundleInput, doorsOf, writeChunks } from './bundle.mjs'
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
 * what comes from Node's modules, or from the peer, is `any` there. And nobody has to name the
 * library of `await using` by hand.
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

/** Writes the declarations of a package's doors into its `dist`. The package must be compiled. */
export const bundleTypes = async (folder) => {
  if (doorsOf(folder, '.d.ts').length === 0) return
  const chunks = await generate(await tools(), folder, bundleInput(folder, '.d.ts'))
  writeChunks(folder, chunks, '.d.ts')
}

/** The declarations of each door as one text, by the door's name. */
export const doorTypes = async (folder) => {
  const made = await tools()
  const { input, ...rest } = bundleInput(folder, '.d.ts')
  const texts = {}
  for (const [name, path] of Object.entries(input)) {
    const [{ code }] = await generate(made, folder, { ...rest, input: { [name]: path } })
    texts[name] = code
  }
  return texts
}
