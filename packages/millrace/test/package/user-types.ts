// TypeScript projects as users have them, with the strictest look at the declarations that they
// install (`skipLibCheck` off, of other people's packages too), by TypeScript's newest and by its
// last 5.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runCommand } from '../kafka/fixture/commands.ts'
import { findRoot } from '../tidy/repository.ts'
import { adapterPrograms, kafkajsProgram } from './adapter-programs.ts'
import { toolPath } from './tools.ts'

export interface TypesProject {
  readonly name: string
  /** By the names of their files. */
  readonly programs: Readonly<Record<string, string>>
  readonly type: 'module' | 'commonjs'
  readonly options: Readonly<Record<string, unknown>>
  /** The last TypeScript 5 takes four times as long, so it does not see everything. */
  readonly compilers: readonly Compiler[]
}

type Compiler = 'TypeScript 7' | 'TypeScript 5'

const nodeNext = { module: 'nodenext', moduleResolution: 'nodenext' }
const bundler = { module: 'esnext', moduleResolution: 'bundler' }
const browserTypes = { lib: ['es2022', 'dom'], types: [] }
const nodeTypes = { lib: ['es2022'], types: ['node'] }

/** Uses both entry points, and what of their types comes from Node. */
export const libraryProgram = `
import { KafkaError, Producer, type ProducerRecord, type RecordMetadata } from 'millrace'
import { KafkaProducer, type MessageProducer } from 'millrace/layers'
import { startCluster, type TopicRecord } from 'millrace/testing'

export const layer: MessageProducer | typeof KafkaProducer = KafkaProducer
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
  programs: { 'program.ts': libraryProgram },
  type: 'module',
  options: { ...options },
  compilers: alsoBy5 ? ['TypeScript 7', 'TypeScript 5'] : ['TypeScript 7'],
})

/** With and without Node's types, under the resolutions of Node and of bundlers. */
export const libraryProjects: readonly TypesProject[] = [
  project('nodenext', { ...nodeNext, ...nodeTypes }, true),
  project('nodenext without @types/node', { ...nodeNext, ...browserTypes }),
  project('node16', { module: 'node16', moduleResolution: 'node16', ...nodeTypes }),
  // What a project of TypeScript 5 in CommonJS has without a setting of its own.
  {
    ...project('node10', { module: 'commonjs', moduleResolution: 'node10', ...nodeTypes }),
    type: 'commonjs',
    compilers: ['TypeScript 5'],
  },
  {
    ...project('nodenext in CommonJS', { ...nodeNext, ...nodeTypes }),
    type: 'commonjs',
  },
  project('bundler', { ...bundler, ...nodeTypes }),
  project('bundler without @types/node', { ...bundler, ...browserTypes }, true),
]

/** The options about declarations that `strict` does not include. */
const strictest = { exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true }
const decorators = { experimentalDecorators: true, emitDecoratorMetadata: true }

/** What stands beside the adapters: with `kafkajs`, which is an optional peer of one of them. */
export const adapterPeers = [
  '@nestjs/common',
  '@nestjs/core',
  '@nestjs/microservices',
  '@opentelemetry/api',
  'kafkajs',
  'prom-client',
  'reflect-metadata',
  'rxjs',
]

const adapters = { ...nodeTypes, ...strictest, ...decorators }

/** Each adapter with its typical use, beside its peers. */
export const adapterProjects: readonly TypesProject[] = [
  {
    name: 'adapters in ES modules',
    programs: adapterPrograms,
    type: 'module',
    options: { ...nodeNext, ...adapters, verbatimModuleSyntax: true },
    compilers: ['TypeScript 7'],
  },
  {
    name: 'adapters through a bundler',
    programs: adapterPrograms,
    type: 'module',
    options: { ...bundler, ...adapters },
    compilers: ['TypeScript 7'],
  },
  // Most programs on Nest.
  {
    name: 'adapters in CommonJS',
    programs: adapterPrograms,
    type: 'commonjs',
    options: { ...nodeNext, ...adapters },
    compilers: ['TypeScript 5'],
  },
  {
    name: 'adapters with node10',
    programs: adapterPrograms,
    type: 'commonjs',
    options: { module: 'commonjs', moduleResolution: 'node10', ...adapters },
    compilers: ['TypeScript 5'],
  },
]

/** Other programs beside the adapters, as ES modules. */
export const besideAdapters = (
  name: string,
  programs: Readonly<Record<string, string>>,
): TypesProject => ({
  name,
  programs,
  type: 'module',
  options: { ...nodeNext, ...adapters, types: ['node', 'jest'] },
  compilers: ['TypeScript 7'],
})

/** The adapter for kafkajs without kafkajs, in a folder that has only Node's types. */
export const loneAdapterProject: TypesProject = {
  name: 'adapter without kafkajs',
  programs: { 'program.ts': kafkajsProgram },
  type: 'module',
  options: { ...nodeNext, ...nodeTypes, ...strictest },
  compilers: ['TypeScript 7'],
}

const compilerPath = (compiler: Compiler): string | Promise<string> =>
  compiler === 'TypeScript 7'
    ? join(findRoot(), 'node_modules/typescript/bin/tsc')
    : toolPath('typescript/bin/tsc')

/** What the compilers say about a project in a user's folder; '' = nothing. */
export const checkTypes = async (folder: string, project: TypesProject): Promise<string> => {
  const place = join(folder, `types-${project.name.replaceAll(/\W+/g, '-')}`)
  await mkdir(place, { recursive: true })
  await writeFile(join(place, 'package.json'), JSON.stringify({ type: project.type }))
  for (const [name, text] of Object.entries(project.programs)) {
    await writeFile(join(place, name), text)
  }
  const common = { target: 'es2022', strict: true, skipLibCheck: false, noEmit: true }
  const compilerOptions = { ...common, ...project.options }
  const settings = JSON.stringify({ compilerOptions, files: Object.keys(project.programs) })
  await writeFile(join(place, 'tsconfig.json'), settings)
  const output: string[] = []
  for (const compiler of project.compilers) {
    const args = [await compilerPath(compiler), '-p', place]
    const { code, stdout } = await runCommand(process.execPath, args)
    if (code !== 0) output.push(`${compiler}: ${stdout.toString()}`)
  }
  return output.join('\n')
}
