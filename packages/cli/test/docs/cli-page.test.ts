// Every shell block of docs/cli.md runs as it stands there, one after the other in one folder: with
// `millrace` on the path, and `localhost:9092` leading to the in-process cluster of the test. A
// block opened with ```sh no-run does not end by itself, or installs something.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startCluster } from 'millrace/testing'
import { packageFile } from '../support/package-file.ts'

interface ShellBlock {
  /** The line of the page where its code begins. */
  readonly line: number
  readonly runs: boolean
  readonly code: string
}

const shellBlocks = (page: string): ShellBlock[] => {
  const blocks: ShellBlock[] = []
  const lines = page.split('\n')
  for (let index = 0; index < lines.length; index++) {
    const opened = /^```sh\b(.*)$/.exec(lines[index]!)
    if (opened === null) continue
    const start = index + 1
    while (lines[++index] !== '```') assert.ok(index < lines.length, `line ${start} is not closed`)
    blocks.push({
      line: start + 1,
      runs: !/\bno-run\b/.test(opened[1]!),
      code: lines.slice(start, index).join('\n'),
    })
  }
  return blocks
}

/** This file's own form decides: sources when it is TypeScript, the compiled command otherwise. */
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const mainPath = fileURLToPath(new URL(`../../src/main.${extension}`, import.meta.url))

const runTimeoutMs = 60_000

const runBlock = async (code: string, folder: string): Promise<string> => {
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env
  const env = { ...inherited, PATH: `${folder}:${process.env.PATH}` }
  const shell = ['-eu', '-c', code]
  const { stdout } = await promisify(execFile)('sh', shell, {
    cwd: folder,
    env,
    timeout: runTimeoutMs,
  })
  return stdout
}

const pagePath = fileURLToPath(packageFile('../../docs/cli.md'))
const page = await readFile(pagePath, 'utf8')

test('docs/cli.md: every shell block runs', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-cli-docs-'))
  await using cluster = await startCluster({ topics: { orders: 6 } })
  try {
    const command = join(folder, 'millrace')
    await writeFile(command, `#!/bin/sh\nexec '${process.execPath}' '${mainPath}' "$@"\n`)
    await chmod(command, 0o755)
    const blocks = shellBlocks(page)
    assert.ok(blocks.filter(({ runs }) => runs).length >= 8)
    // What the page exports in its first block holds in the blocks after it.
    const exported = `export MILLRACE_BROKERS=${cluster.brokers[0]}\n`
    for (const { line, runs, code } of blocks) {
      if (!runs) continue
      const connected = code.replaceAll('localhost:9092', cluster.brokers[0]!)
      await context.test(`line ${line}`, () =>
        runBlock(exported + connected, folder).then(() => {}),
      )
    }
    const orders = cluster.records('orders').map(({ value }) => String(value))
    assert.ok(orders.includes('{"id": 12345678901234567890, "total": 1.50}'))
    assert.ok(cluster.topics.includes('invoices'))
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('the page names every flag of produce, perf and topics, and every exit code', async () => {
  for (const words of [['produce'], ['perf'], ['topics', 'list'], ['topics', 'create']]) {
    const { stdout } = await promisify(execFile)(process.execPath, [mainPath, ...words, '--help'])
    for (const [flag] of stdout.matchAll(/(?<=^ {2}(?:-\w, )?)--[\w-]+/gm)) {
      if (flag !== '--help')
        assert.ok(page.includes(`\`${flag}`) || page.includes(` ${flag}`), flag)
    }
  }
})
