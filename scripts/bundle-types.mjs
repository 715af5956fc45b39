// Joins the declarations of each package's doors, as bundle.mjs does with the code: what the doors
// do not show is left out. Called by pack.mjs only, for in the repository the sources tell the
// types.

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bundleInput, doorsOf, writeChunks } from './bundle.mjs'
import { compiledPath } from './run-tests.mjs'
import { root } from './workspace.mjs'

const disposable = '/// <reference lib="esnext.disposable" />\n'

/**
 * A project without @types/node can use the types all the same: what comes from Node's modules is
 * `any` there. And nobody has to name the library of `await using` by hand.
 */
const withoutDemands = (code) => {
  const isBuffer = /\bBuffer\b/.test(code.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, ''))
  const imports = isBuffer ? `import { Buffer } from "node:buffer";\n${code}` : code
  const ignored = imports.replaceAll(/^(?=import [^;]* from "node:)/gm, '// @ts-ignore\n')
  return /\b[aA]syncDispos(e|able)\b/.test(ignored) ? disposable + ignored : ignored
}

const tools = async () => {
  const path = join(root, compiledPath('packages/millrace/test/package/tools.ts'))
  const { importTool } = await import(pathToFileURL(path).href)
  const { rolldown } = await importTool('rolldown/dist/index.mjs')
  const { dts } = await importTool('rolldown-plugin-dts/dist/index.mjs')
  return { rolldown, dts }
}

const generate = async ({ rolldown, dts }, input) => {
  const plugins = [dts({ dtsInput: true, tsconfig: false })]
  const bundle = await rolldown({ ...input, plugins, checks: { pluginTimings: false } })
  const { output } = await bundle.generate({ format: 'esm', chunkFileNames: 'chunks/[name].js' })
  await bundle.close()
  return output.map(({ fileName, code }) => ({ fileName, code: withoutDemands(code) }))
}

/** Writes the declarations of a package's doors into its `dist`. The package must be compiled. */
export const bundleTypes = async (folder) => {
  if (doorsOf(folder, '.d.ts').length === 0) return
  writeChunks(folder, await generate(await tools(), bundleInput(folder, '.d.ts')), '.d.ts')
}

/** The declarations of each door as one text, by the door's name. */
export const doorTypes = async (folder) => {
  const made = await tools()
  const { input, ...rest } = bundleInput(folder, '.d.ts')
  const texts = {}
  for (const [name, path] of Object.entries(input)) {
    const [{ code }] = await generate(made, { ...rest, input: { [name]: path } })
    texts[name] = code
  }
  return texts
}
