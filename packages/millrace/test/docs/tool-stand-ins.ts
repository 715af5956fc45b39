// `tsx` and `jest` in the shell blocks of the documentation (see command-stand-in.ts): they compile
// a file of the page and run it with Node. The real ones run the same pages in an empty folder:
// test/package/projects/first-steps.ts.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { compileBlocks } from './doc-programs.ts'

/** The globals of Jest that the pages use. */
const jestGlobals = `
import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
const expect = (value: unknown) => ({
  toBe: (expected: unknown) => equal(value, expected),
  toEqual: (expected: unknown) => deepEqual(value, expected),
})
`

const runCompiled = async (file: string, prelude: string, printed: 'inherit' | 'ignore') => {
  const code = prelude + readFileSync(file, 'utf8')
  const [program] = await compileBlocks([{ place: file, code }], process.cwd())
  const child = spawn(process.execPath, [program!], { stdio: ['ignore', printed, 'inherit'] })
  const [exitCode] = await once(child, 'close')
  return Number(exitCode ?? 1)
}

/** `tsx FILE` */
export const tsx = async ([file = '']: readonly string[]): Promise<void> => {
  process.exitCode = await runCompiled(file, '', 'inherit')
}

/** `jest FILE` */
export const jest = async ([file = '']: readonly string[]): Promise<void> => {
  process.exitCode = await runCompiled(file, jestGlobals, 'ignore')
  process.stdout.write(`${process.exitCode === 0 ? 'PASS' : 'FAIL'} ./${file}\n`)
}
