// Every code block of the README and of the pages under docs/ runs: against the in-process cluster,
// each in a process of its own that must end by itself.

import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { startCluster } from '../../src/testing.ts'
import { blocksOf, compileBlocks, docsPath, readmePath, runProgram } from './doc-blocks.ts'
import { startDocRegistry } from './doc-registry.ts'

const withFolder = async (body: (folder: string) => Promise<void>): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-docs-'))
  try {
    await body(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

const pages = async (): Promise<string[]> => {
  const names = (await readdir(docsPath)).filter((name) => name.endsWith('.md')).sort()
  return [readmePath, ...names.map((name) => join(docsPath, name))]
}

test('blocks are found with their places, others are passed over, an open one is an error', () => {
  const text = 'a\n```sh\nls\n```\n```ts\nlet a = 1\n```\n```js no-run\nb\n```\n'
  assert.deepEqual(blocksOf('p.md', text), [
    { place: 'p.md:6', runs: true, code: 'let a = 1\n' },
    { place: 'p.md:9', runs: false, code: 'b\n' },
  ])
  assert.throws(() => blocksOf('p.md', '```ts\nlet a'), /p\.md:1: the code block is not closed/)
})

test('a wrong block fails: by its syntax, an exception, or an import that is not there', () =>
  withFolder(async (folder) => {
    const [thrower, importer] = await compileBlocks(
      blocksOf(
        'p.md',
        [
          '```ts',
          'const a: number = 1',
          "throw new Error('a' + a)",
          '```',
          '```js',
          "import { No } from 'millrace'",
          '```',
        ].join('\n'),
      ),
      folder,
      'localhost:1',
    )
    await assert.rejects(runProgram(thrower!), /it failed:[\s\S]*Error: a1/)
    await assert.rejects(runProgram(importer!), /does not provide an export named 'No'/)
    await withFolder(async (other) => {
      const broken = compileBlocks(blocksOf('p.md', '```ts\nlet = =\n```\n'), other, 'localhost:1')
      await assert.rejects(broken, /does not compile/)
    })
  }))

for (const page of await pages()) {
  const blocks = blocksOf(basename(page), await readFile(page, 'utf8'))
  if (blocks.length === 0) continue
  test(`${basename(page)}: every code block runs`, (context) =>
    withFolder(async (folder) => {
      const cluster = await startCluster({ defaultPartitions: 3 })
      const registry = await startDocRegistry()
      try {
        const programs = await compileBlocks(blocks, folder, cluster.brokers[0]!, registry.address)
        for (const [index, { place, runs }] of blocks.entries()) {
          if (runs) await context.test(place, () => runProgram(programs[index]!).then(() => {}))
        }
      } finally {
        await registry.close()
        await cluster.close()
      }
    }))
}
