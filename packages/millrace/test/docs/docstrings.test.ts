// An editor explains every public name: every name of every entry point, and every member, has a
// docstring; the docstrings of options state the option table's defaults; classes and functions of
// the library have an example, and the examples compile.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type OptionRow, optionTable } from '../../src/producer/option-table.ts'
import { findRoot } from '../tidy/repository.ts'
import { entryPointPath } from './doc-programs.ts'
import { type PublicName, publicEntryPoints, publicNames } from './public-names.ts'

/** Its members are kafkajs's own, and kafkajs documents them. */
const adapterOfKafkajs = 'packages/kafkajs/src/index.ts'
const libraryEntryPoints = [
  'packages/millrace/src/index.ts',
  'packages/millrace/src/layers.ts',
  'packages/millrace/src/testing.ts',
]

const isBare = ({ doc }: PublicName): boolean => doc === null || doc.length < 10

for (const entryPoint of publicEntryPoints()) {
  test(`${entryPoint}: every name and every member has a docstring`, () => {
    const names = publicNames(entryPoint)
    assert.ok(names.length > 3, `${names.length} names`)
    const wanted = names.filter(({ kind }) => entryPoint !== adapterOfKafkajs || kind !== 'member')
    const bare = wanted.filter(isBare).map(({ place, name }) => `${place} ${name}`)
    assert.deepEqual(bare, [])
  })
}

test('a name without a docstring is found, one that a member inherits is not', () => {
  const names = publicNames('packages/millrace/src/testing.ts')
  const docOf = (name: string) => names.find((one) => one.name === name)?.doc
  // Said at Producer.send, from where RecordingProducer has it by ProducerLike and Pick.
  assert.match(docOf('RecordingProducer.send') ?? '', /^Sends one record/)
  assert.ok(isBare({ name: 'a', place: 'a.ts:1', doc: null, kind: 'type' }))
})

const int32Max = 2 ** 31 - 1
const kib = 1024
const mib = kib * kib

const defaultText = (name: string, value: unknown): string => {
  if (typeof value === 'string') return `'${value}'`
  if (typeof value !== 'number' || value === int32Max) {
    return value === int32Max ? 'unlimited' : String(value)
  }
  if (!name.endsWith('Bytes')) return value.toLocaleString('en-US')
  return value % mib === 0 ? `${value / mib} MiB` : `${value / kib} KiB`
}

test('the docstring of an option ends with the default of the option table', () => {
  const names = publicNames(libraryEntryPoints[0]!)
  const docs = new Map(names.map(({ name, doc }) => [name, doc?.replaceAll(/\s*\n\s*/g, ' ')]))
  const rows: Readonly<Record<string, OptionRow>> = optionTable
  for (const [name, row] of Object.entries(rows)) {
    const stated = / Default: (.*)\.$/.exec(docs.get(`ProducerOptions.${name}`) ?? '')?.[1]
    const isStated = row.default !== undefined
    assert.equal(stated, isStated ? defaultText(name, row.default) : undefined, name)
  }
})

/** Functions that give back what they get. */
const plain: ReadonlySet<string> = new Set(['textSerializer', 'bytesSerializer'])

const examplesOf = ({ doc }: PublicName): string[] =>
  (doc ?? '')
    .split(/^@example\n/m)
    .slice(1)
    .map((text) => text.split(/^@\w/m)[0]!)

test('every class and function of the library has an example', () => {
  for (const entryPoint of libraryEntryPoints) {
    const names = publicNames(entryPoint)
    const values = names.filter(({ kind }) => kind === 'class' || kind === 'function')
    const without = values.filter((one) => {
      const own = names.filter(({ name }) => name.startsWith(`${one.name}.`))
      return !plain.has(one.name) && [one, ...own].flatMap(examplesOf).length === 0
    })
    assert.deepEqual(
      without.map(({ name }) => name),
      [],
    )
  }
})

/** What examples speak of without making it. */
const surroundings = `
declare const producer: Producer, transaction: Transaction, cluster: TestCluster
declare const admin: Admin
declare const signal: AbortSignal, file: string, token: Uint8Array, brokers: string[]
declare const messages: Message[], requeue: () => void, counter: { increment(): void }
declare const readRecords: (file: string) => AsyncIterable<ProducerRecord>
declare const placeOrder: (producer: ProducerLike, order: { id: string }) => Promise<void>
`

const compile = async (examples: readonly string[]): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-examples-'))
  try {
    const [library, layers, testing] = libraryEntryPoints.map((entryPoint) =>
      publicNames(entryPoint).filter(
        ({ kind, name }) => kind !== 'member' && name !== 'TestCluster',
      ),
    )
    // A type may be exported by two entry points.
    const isNew = ({ name }: PublicName): boolean => !library!.some((each) => each.name === name)
    const importing = (names: readonly PublicName[], path: string): string =>
      `import { ${names.map(({ name }) => name).join(', ')} } from '${path}'`
    const text = [
      importing(library!, entryPointPath('millrace')),
      importing(layers!, entryPointPath('millrace/layers')),
      importing(testing!.filter(isNew), entryPointPath('millrace/testing')),
      `import type { TestCluster } from '${entryPointPath('millrace/testing')}'`,
      `import { z } from '${fileURLToPath(import.meta.resolve('zod'))}'`,
      surroundings,
      ...examples.map((code, index) => `export const example${index} = async () => {\n${code}\n}`),
    ].join('\n')
    await writeFile(join(folder, 'examples.mts'), text)
    const compiler = join(findRoot(), 'node_modules/typescript/bin/tsc')
    const typeRoots = join(findRoot(), 'node_modules/@types')
    const options = '--noEmit --strict --target es2022 --lib es2023,esnext.disposable,dom'
    const modules = '--module nodenext --allowImportingTsExtensions --ignoreConfig --skipLibCheck'
    const words = [
      ...options.split(' '),
      ...modules.split(' '),
      '--types',
      'node',
      '--typeRoots',
      typeRoots,
      'examples.mts',
    ]
    await promisify(execFile)(process.execPath, [compiler, ...words], { cwd: folder })
  } catch (error) {
    throw new Error(`an example does not compile:\n${(error as { stdout: string }).stdout}`)
  } finally {
    await rm(folder, { recursive: true })
  }
}

test('the examples of the library compile', async (context) => {
  const examples = libraryEntryPoints.flatMap(publicNames).flatMap(examplesOf)
  assert.ok(examples.length > 20, `${examples.length} examples`)
  await compile([...new Set(examples)])
  context.diagnostic(`${new Set(examples).size} examples compile`)
})

test('an example that does not compile is found', async () => {
  await assert.rejects(compile(["await producer.sendd({ topic: 'a', value: 'b' })"]), /sendd/)
})
