// Writes packages/*/api.md, the report of what each package shows: its declarations without their
// comments, entry point by entry point. A test compares them with the code, so a change of the
// public surface is seen where it is reviewed. And docs/api/, the reference made of the docstrings.
// npm run build, then npm run api.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { entryPointsOf } from './bundle.mjs'
import { entryPointTypes } from './bundle-types.mjs'
import { compiledPath } from './run-tests.mjs'
import { fail, packages, readJson, root, say } from './workspace.mjs'

/** The packages that have types to show. */
export const reportedPackages = () =>
  packages().filter((folder) => entryPointsOf(folder, '.d.ts').length > 0)

export const reportPath = (folder) => join(root, folder, 'api.md')

/** One exported name a line, so that a change shows as the one line that it is. */
const exportsByLine = (code) =>
  code.replace(/^export \{(.*)\};?$/m, (_, names) => {
    const sorted = names.split(',').map((name) => name.trim())
    if (names.trim() === '') return 'export {};'
    const plain = (name) => name.replace(/^type /, '')
    sorted.sort((a, b) => (plain(a) < plain(b) ? -1 : 1))
    return `export {\n${sorted.map((name) => `  ${name},`).join('\n')}\n};`
  })

const withoutComments = (code) =>
  code
    .replaceAll(/^[ \t]*\/\*\*[\s\S]*?\*\/[ \t]*\n/gm, '')
    .replaceAll(/^[ \t]*\/\/.*\n/gm, '')
    .replaceAll(/\n{2,}/g, '\n')
    .trim()

/** The report of a compiled package. */
export const apiReport = async (folder) => {
  const { name } = readJson(join(root, folder, 'package.json'))
  const texts = await entryPointTypes(folder)
  const sections = Object.entries(texts).map(([entryPoint, code]) => {
    const title = entryPoint === 'index' ? name : `${name}/${entryPoint}`
    return `## ${title}\n\n\`\`\`ts\n${exportsByLine(withoutComments(code))}\n\`\`\`\n`
  })
  const head = '<!-- Made by npm run api from the declarations: change the code instead. -->'
  return `# What ${name} shows\n\n${head}\n\n${sections.join('\n')}`
}

const main = async () => {
  for (const folder of reportedPackages()) {
    writeFileSync(reportPath(folder), await apiReport(folder))
    say(`${folder}/api.md is written.`)
  }
  const generator = join(root, compiledPath('packages/millrace/test/docs/api-reference.ts'))
  const { apiReference } = await import(pathToFileURL(generator).href)
  mkdirSync(join(root, 'docs/api'), { recursive: true })
  for (const [path, text] of apiReference()) writeFileSync(join(root, path), text)
  say('docs/api/ is written.')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main().catch(fail)
