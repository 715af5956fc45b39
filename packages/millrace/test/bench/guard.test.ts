// The guard over the cost of the hot path (bench/micro): it runs here against the stored baseline,
// and it is shown to bark: with an encoder that is slowed down it must fail, without it must not,
// whatever machine the stored ratios are of. What is compared then is HEAD's code, which is there
// in a shallow clone too.

import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { findRoot } from '../tidy/repository.ts'

const micro = join(findRoot(), 'bench/micro')
const againstHead = ['--code-of', 'HEAD']
const slowing = ['--import', pathToFileURL(join(micro, 'slow-encoder.mjs')).href]
const slowedEncoder = [...againstHead, ...slowing, '--cases', 'encode']

const hasCommit = spawnSync('git', ['rev-parse', 'HEAD'], { cwd: findRoot() }).status === 0
const skip = hasCommit ? false : 'git knows no commit here: there is no code to compare with'

interface Outcome {
  readonly code: number
  readonly output: string
}

interface Baseline {
  readonly majors: Record<string, { processor: string; ratios: Record<string, number> }>
}

const runGuard = (args: readonly string[], environment = {}): Promise<Outcome> =>
  new Promise((resolve) => {
    const script = join(micro, 'guard.mjs')
    const env = { ...process.env, ...environment }
    execFile(process.execPath, [script, ...args], { env }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
      resolve({ code, output: `${stdout}${stderr}` })
    })
  })

const readBaseline = async (): Promise<Baseline> =>
  JSON.parse(await readFile(join(micro, 'baseline.json'), 'utf8'))

/** The stored baseline with other ratios, in a file that lives as long as `body` runs. */
const withBaseline = async (
  { times, processor }: { times: number; processor?: string },
  body: (args: readonly string[]) => Promise<void>,
): Promise<void> => {
  const { majors } = await readBaseline()
  for (const entry of Object.values(majors)) {
    entry.processor = processor ?? entry.processor
    for (const [name, ratio] of Object.entries(entry.ratios)) entry.ratios[name] = ratio * times
  }
  const folder = await mkdtemp(join(tmpdir(), 'millrace-guard-'))
  try {
    const path = join(folder, 'baseline.json')
    await writeFile(path, JSON.stringify({ majors }))
    await body(['--baseline', path])
  } finally {
    await rm(folder, { recursive: true })
  }
}

test('encode, partition, settle and decode cost what the baseline allows', async (context) => {
  const { code, output } = await runGuard([])
  context.diagnostic(output)
  assert.equal(code, 0, output)
})

// On a busy machine `settle` was 19 to 39 % above the stored ratio, with unchanged code: CI failed,
// for a ratio decided. Here every measurement is three times the stored one.
test('a stored ratio that this machine cannot reach decides nothing', { skip }, async () => {
  await withBaseline({ times: 1 / 3 }, async (baseline) => {
    const args = [...baseline, ...againstHead, '--cases', 'encode,settle']
    const { code, output } = await runGuard(args)
    assert.match(output, /encode, settle: now measured in turns with the code of/)
    assert.equal(code, 0, output)
  })
})

const assertBarks = ({ code, output }: Outcome): void => {
  assert.match(output, /encode is slower by more than 15 %/)
  assert.equal(code, 1, output)
}

test('an encoder that was slowed down fails by the same impossible ratio', { skip }, async () => {
  await withBaseline({ times: 1 / 30 }, async (baseline) => {
    assertBarks(await runGuard([...baseline, ...slowedEncoder]))
  })
})

test('and where the ratios are of a machine on which all is slow', { skip }, async () => {
  await withBaseline({ times: 30, processor: 'another' }, async (baseline) => {
    const outcome = await runGuard([...baseline, ...slowedEncoder])
    assert.match(outcome.output, /No stored ratio is of this processor/)
    assertBarks(outcome)
  })
})

// A ratio far below the stored one is an alarm too: it could hide a regression.
test('without history the guard says so, and judges by stored ratios, loosely', async () => {
  const noHistory = { GIT_DIR: join(tmpdir(), 'millrace-no-such-folder') }
  const judge = async (times: number): Promise<Outcome> => {
    let outcome: Outcome = { code: -1, output: '' }
    await withBaseline({ times }, async (baseline) => {
      outcome = await runGuard([...baseline, '--cases', 'decode'], noHistory)
    })
    assert.match(outcome.output, /The baseline's code is not to be had here/)
    return outcome
  }
  const allowed = await judge(30)
  assert.equal(allowed.code, 0, allowed.output)
  const beyond = await judge(1 / 30)
  assert.match(beyond.output, /decode is slower by more than 100 %/)
  assert.equal(beyond.code, 1, beyond.output)
})

test('a baseline is stored for each major version of Node that CI may bring', async () => {
  const { majors } = await readBaseline()
  for (const major of ['20', '22', '24']) {
    const names = Object.keys(majors[major]?.ratios ?? {}).sort()
    assert.deepEqual(names, ['decode', 'encode', 'partition', 'settle'], `Node ${major}`)
  }
})
