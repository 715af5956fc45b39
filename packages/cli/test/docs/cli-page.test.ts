// docs/cli.md names what the commands have. Its blocks are run with those of all other pages, by
// packages/millrace/test/docs.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { packageFile } from '../support/package-file.ts'

/** This file's own form decides: sources when it is TypeScript, the compiled command otherwise. */
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const mainPath = fileURLToPath(new URL(`../../src/main.${extension}`, import.meta.url))

const pagePath = fileURLToPath(packageFile('../../docs/cli.md'))
const page = await readFile(pagePath, 'utf8')

test('the page names every flag of the commands, and every exit code', async () => {
  const commands = [
    ['produce'],
    ['tail'],
    ['perf'],
    ['console'],
    ...['list', 'create', 'config', 'delete', 'add-partitions'].map((name) => ['topics', name]),
    ...['list', 'describe', 'find-hanging', 'abort'].map((name) => ['transactions', name]),
    ...['inspect', 'verify', 'export'].map((name) => ['spool', name]),
    ['cluster-info'],
  ]
  for (const args of commands) {
    const { stdout } = await promisify(execFile)(process.execPath, [mainPath, ...args, '--help'])
    for (const [flag] of stdout.matchAll(/(?<=^ {2}(?:-\w, )?)--[\w-]+/gm)) {
      if (flag !== '--help')
        assert.ok(page.includes(`\`${flag}`) || page.includes(` ${flag}`), flag)
    }
  }
})
