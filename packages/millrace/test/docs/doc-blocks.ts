// The code blocks of a Markdown page, made into programs: `ts` and `js` blocks are compiled (types
// are stripped, `await using` becomes what Node 20 knows), their imports of the library lead to the
// code that is tested, and broker addresses (`localhost:9092` and any other `host:9092`) to the
// cluster of the test. A block opened with ```ts no-run is compiled only: it needs what a test has
// not.

import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { findRoot } from '../tidy/repository.ts'

export interface DocBlock {
  /** `layers.md:34`: where the block's code begins. */
  readonly place: string
  readonly runs: boolean
  readonly code: string
}

const opening = /^```(ts|js|typescript|javascript)\b(.*)$/
const closing = /^```\s*$/

/** Throws where a block is not closed. */
export const blocksOf = (page: string, text: string): DocBlock[] => {
  const blocks: DocBlock[] = []
  const lines = text.split('\n')
  for (let index = 0; index < lines.length; index++) {
    const opened = opening.exec(lines[index]!)
    if (opened === null) continue
    const start = index + 1
    while (++index < lines.length && !closing.test(lines[index]!)) {}
    if (index >= lines.length) throw new Error(`${page}:${start}: the code block is not closed`)
    blocks.push({
      place: `${page}:${start + 1}`,
      runs: !/\bno-run\b/.test(opened[2]!),
      code: `${lines.slice(start, index).join('\n')}\n`,
    })
  }
  return blocks
}

/** This file's own form decides: sources when it is TypeScript, the compiled library otherwise. */
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const libraryUrl = (door: string): string =>
  new URL(`../../src/${door}.${extension}`, import.meta.url).href

const doors: Readonly<Record<string, string>> = {
  millrace: libraryUrl('index'),
  'millrace/testing': libraryUrl('testing'),
}

/** The door of a package beside the library; it is built, as the library that it imports is. */
const neighbourUrl = (name: string): string =>
  pathToFileURL(join(findRoot(), 'packages', name, 'dist/src/index.js')).href

/** Where a block's import leads: the code that is tested, or what is installed for the tests. */
const importUrl = (specifier: string): string => {
  const door = doors[specifier]
  if (door !== undefined) return door
  const neighbour = /^@millrace\/([a-z-]+)$/.exec(specifier)?.[1]
  return neighbour === undefined ? installedUrl(specifier) : neighbourUrl(neighbour)
}

/** What is not installed stays as it is: a block that runs fails on it, one that does not may. */
const installedUrl = (specifier: string): string => {
  try {
    return import.meta.resolve(specifier)
  } catch {
    return specifier
  }
}

const imported = /(\bfrom |\bimport )(['"])((?!node:)[@a-z][\w@/.-]*)\2/g

const connected = (code: string, broker: string, registry: string): string =>
  code
    .replace(imported, (_, word, quote, name) => word + quote + importUrl(name) + quote)
    .replace(/[\w.-]+:9092\b/g, broker)
    .replace(/[\w.-]+:8081\b/g, registry)

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
 * Compiles the blocks in one go into a folder (`registry` takes the place of `localhost:8081`); the
 * paths of the programs, one for each block. Rejects with the compiler's words where one is no
 * TypeScript.
 */
export const compileBlocks = async (
  blocks: readonly DocBlock[],
  folder: string,
  broker: string,
  registry = 'localhost:1',
): Promise<string[]> => {
  const nameOf = (index: number): string => `block-${index}`
  await mkdir(join(folder, 'in'))
  for (const [index, { place, code }] of blocks.entries()) {
    const text = `// ${place}\nexport {}\n${connected(code, broker, registry)}`
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

const runTimeoutMs = 60_000

/**
 * Runs a program to its end; rejects with what it said where it fails, or does not end by itself.
 */
export const runProgram = async (path: string): Promise<string> => {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  try {
    const { stdout } = await execute(process.execPath, [path], { env, timeout: runTimeoutMs })
    return stdout
  } catch (error) {
    const { killed, stdout, stderr } = error as { killed: boolean; stdout: string; stderr: string }
    const how = killed ? `it did not end within ${runTimeoutMs / 1000} s` : 'it failed'
    throw new Error(`${how}:\n${stdout}${stderr}\n${await readFile(path, 'utf8')}`)
  }
}

export const docsPath = join(findRoot(), 'docs')
export const readmePath = join(findRoot(), 'README.md')
