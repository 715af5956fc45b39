// The guard over the cost of the hot path (bench/micro): it runs here against the stored baseline,
// and it is shown to bark: with an encoder that is slowed down it must fail, without it must not.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { findRoot } from '../tidy/repository.ts'

const micro = join(findRoot(), 'bench/micro')

interface Outcome {
  readonly code: number
  readonly output: string
}

const runGuard = (args: readonly string[]): Promise<Outcome> =>
  new Promise((resolve) => {
    const script = join(micro, 'guard.mjs')
    execFile(process.execPath, [script, ...args], (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
      resolve({ code, output: `${stdout}${stderr}` })
    })
  })

test('encode, partition, settle and decode cost what the baseline allows', async (context) => {
  const { code, output } = await runGuard([])
  context.diagnostic(output)
  assert.equal(code, 0, output)
})

test('the guard fails on an encoder that was slowed down, and on nothing else', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-guard-'))
  try {
    // A baseline of this very machine, so that the judgement does not lean on another one's.
    const baseline = ['--cases', 'encode', '--baseline', join(folder, 'baseline.json')]
    const update = await runGuard(['--update', '--attempts', '5', ...baseline])
    assert.equal(update.code, 0, update.output)
    const slow = ['--import', pathToFileURL(join(micro, 'slow-encoder.mjs')).href]
    const slowed = await runGuard([...baseline, ...slow])
    assert.equal(slowed.code, 1, slowed.output)
    assert.match(slowed.output, /encode is slower by more than 15 %/)
    const untouched = await runGuard(baseline)
    assert.equal(untouched.code, 0, untouched.output)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('a baseline is stored for each major version of Node that CI may bring', async () => {
  const { majors } = JSON.parse(await readFile(join(micro, 'baseline.json'), 'utf8'))
  for (const major of ['20', '22', '24']) {
    const names = Object.keys(majors[major].ratios).sort()
    assert.deepEqual(names, ['decode', 'encode', 'partition', 'settle'], `Node ${major}`)
  }
})
