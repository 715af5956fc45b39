// Package managers that lay out packages in another way than npm, and each Node that is supported.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runtimePath, runtimes } from '../runtimes.ts'
import { npm } from '../tools.ts'
import { mainCommonJs, mainJs, sendCommonJs, sendModuleJs, sentRecords } from './programs.ts'
import type { Project, Surroundings } from './project.ts'

const files = {
  'send.mjs': sendModuleJs,
  'main.mjs': mainJs,
  'send.cjs': sendCommonJs,
  'main.cjs': mainCommonJs,
  'adapter.cjs': `
const { Kafka } = require('@millrace/kafkajs')

const main = async () => {
  const producer = new Kafka({ brokers: process.env.MILLRACE_BROKERS.split(',') }).producer()
  await producer.connect()
  await producer.send({ topic: 'orders', messages: [{ value: 'x' }] })
  await producer.disconnect()
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
`,
}

const records = 2 * sentRecords + 1

const dependenciesOf = ({ tarballs }: Surroundings) => {
  const file = (name: string) => `file:${tarballs.get(name)!.path}`
  return { millrace: file('millrace'), '@millrace/kafkajs': file('@millrace/kafkajs') }
}

/** The adapter depends on a version of millrace, which no registry has yet. */
const manifest = (surroundings: Surroundings): string => {
  const dependencies = dependenciesOf(surroundings)
  const { millrace } = dependencies
  const manifest = { name: 'shop', private: true, dependencies, resolutions: { millrace } }
  return JSON.stringify(manifest)
}

const write = ({ folder }: Surroundings, name: string, text: string): Promise<void> =>
  writeFile(join(folder, name), text)

const pnpm: Project = {
  name: 'pnpm',
  tested: 'pnpm 12.21.0',
  quick: false,
  install: ['pnpm@12.21.0'],
  files,
  prepare: async (surroundings) => {
    const { millrace } = dependenciesOf(surroundings)
    await write(surroundings, 'package.json', manifest(surroundings))
    await write(surroundings, 'pnpm-workspace.yaml', `overrides:\n  millrace: ${millrace}\n`)
    await surroundings.run(['pnpm', 'install', '--no-frozen-lockfile', '--store-dir=store'])
  },
  commands: [
    ['node', 'main.mjs'],
    ['node', 'main.cjs'],
    ['node', 'adapter.cjs'],
  ],
  records,
}

const yarnSettings = `
nodeLinker: pnp
enableGlobalCache: false
enableImmutableInstalls: false
enableTelemetry: false
`

const yarn: Project = {
  name: "Yarn, Plug'n'Play",
  tested: 'Yarn 4.18.1',
  quick: false,
  install: ['@yarnpkg/cli-dist@4.18.1'],
  files: { ...files, '.yarnrc.yml': yarnSettings, 'yarn.lock': '' },
  prepare: async (surroundings) => {
    const { stdout } = await npm(['config', 'get', 'registry'], { cwd: surroundings.folder })
    const registry = new URL(stdout.toString().trim())
    await write(surroundings, 'package.json', manifest(surroundings))
    await surroundings.run(['yarn', 'install'], {
      YARN_NPM_REGISTRY_SERVER: registry.href,
      YARN_UNSAFE_HTTP_WHITELIST: registry.hostname,
    })
  },
  commands: [
    ['yarn', 'node', 'main.mjs'],
    ['yarn', 'node', 'main.cjs'],
    ['yarn', 'node', 'adapter.cjs'],
  ],
  records,
}

const runtimeProjects: readonly Project[] = runtimes
  .filter(({ kind }) => kind === 'node')
  .map((runtime) => ({
    name: `Node ${runtime.version}, import and require`,
    tested: `Node ${runtime.version}`,
    quick: false,
    install: 'shared',
    packages: ['@millrace/kafkajs'],
    files: { 'package.json': JSON.stringify({ name: 'shop', private: true }), ...files },
    prepare: async ({ run }) => {
      const node = await runtimePath(runtime)
      for (const file of ['main.mjs', 'main.cjs', 'adapter.cjs']) await run([node, file])
    },
    commands: [],
    records,
  }))

export const installationProjects: readonly Project[] = [pnpm, yarn, ...runtimeProjects]
