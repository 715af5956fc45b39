// Every guarantee in docs/guarantees.md names what shows it: a test by file and name, a check of
// the simulator, or a mutation that it finds. What is named must be there.

import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { checks } from '../sim/checks.ts'
import { mutations } from '../sim/mutations.ts'
import { docsPath } from './doc-programs.ts'

const packagesPath = join(docsPath, '../packages')
const testsPath = join(packagesPath, 'millrace/test')

/** Sources of the tests of all packages by the name of their file, without its ending. */
const readTests = async (): Promise<Map<string, string>> => {
  const sources = new Map<string, string>()
  for (const packageName of await readdir(packagesPath)) {
    const folder = join(packagesPath, packageName, 'test')
    const names = await readdir(folder, { recursive: true }).catch(() => [])
    for (const name of names) {
      if (!name.endsWith('.test.ts')) continue
      const key = basename(name, '.test.ts')
      const source = await readFile(join(folder, name), 'utf8')
      sources.set(key, `${sources.get(key) ?? ''}${source}`)
    }
  }
  return sources
}

const namesIn = (text: string): string[] =>
  [...text.matchAll(/\*([^*]+)\*/g)].map(([, name]) => name!)

const isTestName = (source: string, name: string): boolean =>
  ["'", '"', '`'].some((quote) => source.includes(quote + name + quote))

interface Proofs {
  readonly tests: ReadonlyMap<string, string>
  readonly simulatorChecks: ReadonlySet<string>
}

/** What is wrong with one item of a row's last column. */
const problemsOf = (item: string, { tests, simulatorChecks }: Proofs): string[] => {
  const mutation = /^mutation `([^`]+)`$/.exec(item)?.[1]
  if (mutation !== undefined) return mutation in mutations ? [] : [`no mutation ${mutation}`]
  if (item.startsWith('simulator, calls ')) return []
  const names = namesIn(item)
  if (names.length === 0) return [`${item} names nothing`]
  if (item.startsWith('simulator: ')) {
    return names.filter((name) => !simulatorChecks.has(name)).map((name) => `no check ${name}`)
  }
  const file = /^`([^`]+)`: /.exec(item)?.[1]
  const source = file === undefined ? undefined : tests.get(file)
  if (source === undefined) return [`no test file for ${item}`]
  return names.filter((name) => !isTestName(source, name)).map((name) => `${file}: no ${name}`)
}

/** The items of the last column, by guarantee. Names of tests may hold semicolons. */
const rowsOf = (page: string): [guarantee: string, items: string[]][] =>
  page
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| Guarantee'))
    .map((line) => {
      const [guarantee = '', , shown = ''] = line.slice(2, -2).split(' | ')
      return [guarantee, shown.split(/; (?=`|simulator|mutation)/)]
    })

const readProofs = async (): Promise<Proofs> => {
  const paths = ['sim/run.ts', 'sim/play-seed.ts', 'sim/spool-run.ts'].map((name) =>
    join(testsPath, name),
  )
  const runs = await Promise.all(paths.map((path) => readFile(path, 'utf8')))
  const failures = [...runs.join('\n').matchAll(/fail\('([^']+)'/g)].map(([, name]) => name!)
  return {
    tests: await readTests(),
    simulatorChecks: new Set([...Object.keys(checks), ...failures]),
  }
}

test('every test, check and mutation that a guarantee names exists', async () => {
  const proofs = await readProofs()
  const rows = rowsOf(await readFile(join(docsPath, 'guarantees.md'), 'utf8'))
  assert.ok(rows.length > 20, `${rows.length} guarantees`)
  const problems = rows.flatMap(([guarantee, items]) =>
    items.flatMap((item) => problemsOf(item, proofs)).map((problem) => `${guarantee}: ${problem}`),
  )
  assert.deepEqual(problems, [])
})

test('a test, check or mutation that does not exist is an error', async () => {
  const proofs = await readProofs()
  const wrong = ['`engine-order`: *no such test*', '`nothing`: *a*', 'simulator: *no such check*']
  for (const item of [...wrong, 'mutation `no-such`', '`engine-order`']) {
    assert.equal(problemsOf(item, proofs).length, 1, item)
  }
})
