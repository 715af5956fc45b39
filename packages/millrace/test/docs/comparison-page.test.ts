// The comparison with other clients: what it says of Millrace names the tests that hold it.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { findRoot, readRepository } from '../tidy/repository.ts'
import { docsPath } from './doc-programs.ts'

/** What is not a test file: suites, and what is Millrace's by not being there. */
const others = new Set(['–', 'test', 'simulator', 'soak', 'package', 'docs'])

test('each row names test files that exist', async () => {
  const text = await readFile(join(docsPath, 'comparison.md'), 'utf8')
  const files = readRepository(findRoot())
    .map(({ path }) => basename(path))
    .filter((name) => name.endsWith('.test.ts'))
  const rows = text.split('\n').filter((line) => line.startsWith('| ') && !line.includes('---'))
  assert.ok(rows.length > 30)
  for (const row of rows) {
    const cells = row.split(' | ').map((cell) => cell.replaceAll(/^\||\|$/g, '').trim())
    assert.equal(cells.length, 7, row)
    for (const name of cells.at(-1)!.split(', ')) {
      if (others.has(name)) continue
      const file = name.replaceAll('`', '')
      assert.ok(
        files.some((one) => one.startsWith(file)),
        `${row}: no test file ${name}`,
      )
    }
  }
})
