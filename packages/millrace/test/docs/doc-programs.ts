// Programs out of `ts` and `js` blocks: compiled (types are stripped, `await using` becomes what
// Node 20 knows), with imports of the library that lead to the code that is tested, and of packages
// that need a cloud to stand-ins. Addresses are the stage's business (doc-stage.ts).

import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { findRoot } from '../tidy/repository.ts'
import type { DocBlock } from './doc-blocks.ts'

/** This file's own form decides: sources when it is TypeScript, the compiled library otherwise. */
export const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'

const libraryUrl = (entryPoint: string): string =>
  new URL(`../../src/${entryPoint}.${extension}`, import.meta.url).href

const entryPoints: Readonly<Record<string, string>> = {
  millrace: libraryUrl('index'),
  'millrace/layers': libraryUrl('layers'),
  'millrace/testing': libraryUrl('testing'),
}

/** The file behind `millrace` or `millrace/testing`. */
export const entryPointPath = (name: string): string => fileURLToPath(entryPoints[name]!)

const standInsUrl = new URL(`./stand-in-modules.${extension}`, import.meta.url).href
const cloudPackages: ReadonlySet<string> = new Set([
  'aws-msk-iam-sasl-signer-js',
  '@aws-crypto/sha256-js',
  '@aws-sdk/credential-providers',
  '@smithy/protocol-http',
  '@smithy/signature-v4',
  'socks',
])

/** The entry point of another package of the repository; it is built, as the library is. */
const neighbourUrl = (name: string, entry: string): string =>
  pathToFileURL(join(findRoot(), 'packages', name, `dist/src/${entry}.js`)).href

/** Where an import leads: the code that is tested, or what is installed for the tests. */
const importUrl = (specifier: string): string => {
  const [, neighbour, entry = 'index'] = /^@millrace\/([a-z-]+)(?:\/(\w+))?$/.exec(specifier) ?? []
  if (neighbour !== undefined) return neighbourUrl(neighbour, entry)
  if (cloudPackages.has(specifier)) return standInsUrl
  return entryPoints[specifier] ?? import.meta.resolve(specifier)
}

const imported = /(\bfrom |\bimport )(['"])((?!node:)[@a-z][\w@/.-]*)\2/g

/** The code with imports that lead somewhere from any folder. */
export const withImports = (code: string): string =>
  code.replace(imported, (_, word, quote, name) => word + quote + importUrl(name) + quote)

const execute = promisify(execFile)

const compilerOptions = [
  ['--target', 'es2022'],
  ['--module', 'nodenext'],
  ['--outDir', 'out'],
  ['--rootDir', 'in'],
  ['--types', ''],
  ['--noCheck', '--verbatimModuleSyntax', '--ignoreConfig'],
].flat()

/**
 * Compiles blocks in one go into a folder; the paths of the programs, one for each block. Rejects
 * with the compiler's message where one is not TypeScript.
 */
export const compileBlocks = async (
  blocks: readonly Pick<DocBlock, 'place' | 'code'>[],
  folder: string,
): Promise<string[]> => {
  const nameOf = (index: number): string => `block-${index}`
  await mkdir(join(folder, 'in'), { recursive: true })
  for (const [index, { place, code }] of blocks.entries()) {
    const text = `// ${place}\nexport {}\n${withImports(code)}`
    await writeFile(join(folder, 'in', `${nameOf(index)}.mts`), text)
  }
  const compiler = join(findRoot(), 'node_modules', 'typescript', 'bin', 'tsc')
  const sources = blocks.map((_, index) => join('in', `${nameOf(index)}.mts`))
  try {
    await execute(process.execPath, [compiler, ...compilerOptions, ...sources], { cwd: folder })
  } catch (error) {
    throw new Error(`A block does not compile:\n${(error as { stdout: string }).stdout}`)
  }
  return blocks.map((_, index) => join(folder, 'out', `${nameOf(index)}.mjs`))
}

const runTimeoutMs = 120_000

interface Ended {
  readonly killed: boolean
  readonly stdout: string
  readonly stderr: string
}

/** The environment of the process, less what makes a child of a test write in its format. */
export const childEnvironment = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => {
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env
  return { ...environment, ...more }
}

/** Runs a command to its end; rejects with what it said where it fails, or does not end. */
export const runToEnd = async (
  command: string,
  args: readonly string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv },
): Promise<string> => {
  const { cwd, env } = options
  const settings = { cwd, env: childEnvironment(env), timeout: runTimeoutMs }
  try {
    const { stdout, stderr } = await execute(command, args, settings)
    return `${stdout}${stderr}`
  } catch (error) {
    const { killed, stdout, stderr } = error as Ended
    const how = killed ? `it did not end within ${runTimeoutMs / 1000} s` : 'it failed'
    throw new Error(`${how}:\n${stdout}${stderr}`)
  }
}

/** Runs a program to its end, and returns what it printed; rejects with its text where it fails. */
export const runProgram = async (
  path: string,
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Promise<string> => {
  try {
    return await runToEnd(process.execPath, [path], { cwd, env })
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${await readFile(path, 'utf8')}`)
  }
}

export const docsPath = join(findRoot(), 'docs')
export const readmePath = join(findRoot(), 'README.md')
