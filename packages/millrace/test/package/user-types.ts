// TypeScript projects as users have them, with the strictest look at the declarations that they
// install (`skipLibCheck` off), by TypeScript's newest and by its last 5.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runCommand } from '../kafka/fixture/commands.ts'
import { findRoot } from '../tidy/repository.ts'
import { toolPath } from './tools.ts'

export interface TypesProject {
  readonly name: string
  readonly program: string
  readonly options: Readonly<Record<string, unknown>>
  /** By the last TypeScript 5 too: the slow one, so not everywhere. */
  readonly alsoBy5: boolean
}

const nodeNext = { module: 'nodenext', moduleResolution: 'nodenext' }
const bundler = { module: 'esnext', moduleResolution: 'bundler' }
const browserTypes = { lib: ['es2022', 'dom'], types: [] }
const nodeTypes = { lib: ['es2022'], types: ['node'] }

/** Uses both doors, and what of their types comes from Node. */
export const libraryProgram = `
import { KafkaError, Producer, type ProducerRecord, type RecordMetadata } from 'millrace'
import { startCluster, type TopicRecord } from 'millrace/testing'

export const send = async (record: ProducerRecord): Promise<RecordMetadata> => {
  const cluster = await startCluster({ topics: { orders: 3 } })
  const producer = new Producer({ brokers: cluster.brokers, compression: 'zstd' })
  try {
    return await producer.send(record, { timeoutMs: 5_000 })
  } catch (error) {
    if (error instanceof KafkaError && error.kind === 'retriable') return send(record)
    throw error
  } finally {
    await producer.close()
    await cluster.close()
  }
}
export const keyOf = (record: TopicRecord) => record.key?.toString()
// @ts-expect-error A number is no topic: the types are there, and not just \`any\`.
export const wrong: ProducerRecord = { topic: 42, value: null }
`

const project = (name: string, options: object, alsoBy5 = false): TypesProject => ({
  name,
  program: libraryProgram,
  options: { ...options },
  alsoBy5,
})

/** With and without Node's types, under the resolutions of Node and of bundlers. */
export const libraryProjects: readonly TypesProject[] = [
  project('nodenext', { ...nodeNext, ...nodeTypes }, true),
  project('nodenext without @types/node', { ...nodeNext, ...browserTypes }),
  project('node16', { module: 'node16', moduleResolution: 'node16', ...nodeTypes }),
  project('bundler', { ...bundler, ...nodeTypes }),
  project('bundler without @types/node', { ...bundler, ...browserTypes }, true),
]

const compilersOf = async ({ alsoBy5 }: TypesProject) =>
  [
    ['TypeScript 7', join(findRoot(), 'node_modules/typescript/bin/tsc')],
    ...(alsoBy5 ? [['TypeScript 5', await toolPath('typescript/bin/tsc')]] : []),
  ] as [name: string, path: string][]

/** What the compilers say about a project in a user's folder; '' = nothing. */
export const checkTypes = async (folder: string, project: TypesProject): Promise<string> => {
  const place = join(folder, `types-${project.name.replaceAll(/\W+/g, '-')}`)
  await mkdir(place, { recursive: true })
  await writeFile(join(place, 'program.ts'), project.program)
  const common = { target: 'es2022', strict: true, skipLibCheck: false, noEmit: true }
  const compilerOptions = { ...common, ...project.options }
  const settings = JSON.stringify({ compilerOptions, files: ['program.ts'] })
  await writeFile(join(place, 'tsconfig.json'), settings)
  const said: string[] = []
  for (const [name, path] of await compilersOf(project)) {
    const { code, stdout } = await runCommand(process.execPath, [path, '-p', place])
    if (code !== 0) said.push(`${name}: ${stdout.toString()}`)
  }
  return said.join('\n')
}
