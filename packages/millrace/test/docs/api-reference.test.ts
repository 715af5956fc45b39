// The API reference has every public name: `npm run api` writes it anew.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { findRoot } from '../tidy/repository.ts'
import { apiReference } from './api-reference.ts'

const namesIn = (text: string): string[] =>
  [...(text.match(/^### .*|^- \*\*`\w+`\*\*/gm) ?? [])].sort()

for (const [path, text] of apiReference()) {
  test(`${path} has the names that the package exports`, () => {
    const written = readFileSync(join(findRoot(), path), 'utf8')
    assert.deepEqual(namesIn(written), namesIn(text), 'npm run build && npm run api')
  })
}
