// The matrix of runtimes against a real Kafka, for scripts/runtimes.mjs: every way of loading the
// installed packages, on every runtime, each with a topic of its own that Java's consumer counts.

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runCommand } from '../kafka/fixture/commands.ts'
import { javaConsume, type Kafka, latestKafka } from '../kafka/fixture/index.ts'
import { type SecureKafka, startSecureKafka } from '../kafka/fixture/secure-kafka.ts'
import { findRoot } from '../tidy/repository.ts'
import { bundleProgram, readmeExample } from './consumer-programs.ts'
import { commandFor, type Runtime, runtimePath } from './runtimes.ts'
import { copyPrograms, emptyFolder, installInto, packAll, removeFolder } from './tarballs.ts'

export interface MatrixOptions {
  readonly runtimes: readonly Runtime[]
  readonly version?: string | undefined
  readonly say: (sentence: string) => void
}

interface Way {
  readonly name: string
  readonly file: string
  readonly listener?: 'TLS'
  /** Only prints where its one record is. */
  readonly isExample?: true
}

const ways: readonly Way[] = [
  { name: 'README', file: 'readme.mjs', isExample: true },
  { name: 'ESM', file: 'deliver.mjs' },
  { name: 'ESM over TLS', file: 'deliver.mjs', listener: 'TLS' },
  { name: 'require', file: 'require.cjs' },
  { name: 'bundle, ESM', file: 'bundle.mjs' },
  { name: 'bundle, CJS', file: 'bundle.cjs' },
]

const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
const recordsPerCodec = 300

interface BrokerResponse {
  readonly delivered: readonly string[]
  readonly codecErrors: Readonly<Record<string, string>>
  readonly isSameClass: boolean
}

/** What is wrong with a program's output; null = nothing. */
const problemOf = (output: string): string | null => {
  const { delivered, codecErrors, isSameClass } = JSON.parse(output) as BrokerResponse
  const problems = Object.entries(codecErrors).map(([codec, pattern]) => `${codec}: ${pattern}`)
  if (delivered.length + problems.length !== codecs.length) problems.push('a codec was not tried')
  if (!isSameClass) problems.push('the two entry points show two classes of KafkaError')
  return problems.length === 0 ? null : problems.join('; ')
}

class Matrix {
  readonly #folder: string
  readonly #secure: SecureKafka
  readonly #kafka: Kafka
  #topics = 0

  constructor(folder: string, secure: SecureKafka) {
    this.#folder = folder
    this.#secure = secure
    this.#kafka = secure.kafka
  }

  /** What went wrong; null = nothing. */
  async cell(runtime: Runtime, program: string, way: Way): Promise<string | null> {
    const topic = `matrix-${++this.#topics}`
    await this.#kafka.admin.createTopic(topic)
    const plain = this.#kafka.brokers.join(',')
    const secured = { MILLRACE_CA: join(this.#secure.folder, 'ca.pem') }
    const environment = {
      MILLRACE_TOPIC: topic,
      MILLRACE_COUNT: String(recordsPerCodec),
      MILLRACE_READ_BROKERS: plain,
      MILLRACE_BROKERS: way.listener ? this.#kafka.brokersOn(way.listener).join(',') : plain,
      ...(way.listener ? secured : {}),
    }
    const [command, ...args] = commandFor(runtime, program, join(this.#folder, way.file))
    const result = await runCommand(command, args, {
      cwd: this.#folder,
      timeoutMs: 90_000,
      environment,
    })
    const output = result.stdout.toString().trim()
    if (result.code !== 0) return `exit code ${result.code}: ${result.stderr.trim().slice(-1_500)}`
    const wanted = way.isExample ? 1 : codecs.length * recordsPerCodec
    const problem = way.isExample
      ? /^stored at \d+\/\d+$/.test(output)
        ? null
        : `it printed ${output}`
      : problemOf(output)
    if (problem !== null) return problem
    const { version, brokers } = this.#kafka
    const found = await javaConsume({ version, brokers, topic })
    return found.length === wanted ? null : `Java reads ${found.length} of ${wanted} records`
  }
}

/** A user's folder: the tarballs installed, the programs, the README's example, the bundles. */
const makeUserFolder = async (): Promise<string> => {
  const folder = await emptyFolder('runtimes')
  const tarballs = await packAll(join(folder, 'tarballs'), ['millrace'])
  await installInto(folder, [...tarballs.values()])
  await copyPrograms(folder)
  const readme = await readFile(join(findRoot(), 'README.md'), 'utf8')
  await writeFile(join(folder, 'readme.mjs'), readmeExample(readme))
  await bundleProgram(folder, 'deliver.mjs', 'esm', join(folder, 'bundle.mjs'))
  await bundleProgram(folder, 'deliver.mjs', 'cjs', join(folder, 'bundle.cjs'))
  return folder
}

/** Runs all of it, tells each cell as it ends, and counts. */
export const runMatrix = async ({ runtimes, version = latestKafka, say }: MatrixOptions) => {
  const counts = { passed: 0, failed: 0 }
  say('Packing, installing and bundling …')
  const folder = await makeUserFolder()
  try {
    say(`Starting Apache Kafka ${version} …`)
    await using secure = await startSecureKafka({ version })
    const matrix = new Matrix(folder, secure)
    for (const runtime of runtimes) {
      const program = await runtimePath(runtime)
      for (const way of ways) {
        const problem = await matrix.cell(runtime, program, way)
        counts[problem === null ? 'passed' : 'failed'] += 1
        const name = `${runtime.name} (${runtime.version})`.padEnd(22)
        const mark = problem === null ? 'ok    ' : 'FAILED'
        say(`${mark} ${name} ${way.name.padEnd(13)} ${problem ?? ''}`.trimEnd())
      }
    }
  } finally {
    await removeFolder(folder)
  }
  return counts
}
