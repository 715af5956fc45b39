// The quick projects of users: test runners, compilers and bundlers that load the packed packages
// and send with them. `npm run projects` runs all of them (scripts/projects.mjs).

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { findRoot } from '../tidy/repository.ts'
import { ProjectFolders, projects, supportRows } from './projects/run-projects.ts'

describe('a project that installs the packed packages', () => {
  let folders: ProjectFolders

  before(async () => {
    folders = await ProjectFolders.create()
  })
  after(() => folders.remove())

  for (const project of projects.filter(({ quick }) => quick)) {
    it(`sends: ${project.name}`, () => folders.run(project))
  }
})

it('docs/support.md lists every project, and no other', async () => {
  const page = await readFile(join(findRoot(), 'docs/support.md'), 'utf8')
  const rows = page.split('\n').filter((line) => line.endsWith('`npm run projects` |'))
  assert.deepEqual(rows, supportRows())
})
