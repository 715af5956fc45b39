// Jest and vitest as projects have them: nothing in their settings is for millrace. Each sends from
// a test, and once more while the test uses fake timers.

import { sendModule, sentRecords } from './programs.ts'
import type { Project } from './project.ts'

const manifest = (jest: object, type = 'commonjs'): string =>
  JSON.stringify({ name: 'shop', private: true, type, jest })

const compilerOptions = {
  target: 'es2022',
  module: 'commonjs',
  moduleResolution: 'node10',
  strict: true,
  esModuleInterop: true,
  skipLibCheck: false,
  types: ['node', 'jest'],
}

const tests = (send: string) => ({
  'src/send.ts': sendModule,
  'src/send.spec.ts': `
import { sendAll } from '${send}'

test('sends', async () => {
  expect(await sendAll()).toBe(${sentRecords})
}, 60_000)
`,
})

/** Fake timers before anything is loaded, and in the middle of a test. */
const fakeTimers = (importJest: string) => `
${importJest}
import { Producer } from 'millrace'
import { startCluster } from 'millrace/testing'

const send = async () => {
  const cluster = await startCluster({ topics: { orders: 1 } })
  const producer = new Producer({ brokers: cluster.brokers, compression: 'lz4', lingerMs: 2 })
  await producer.send({ topic: 'orders', value: 'x' })
  await producer.close()
  const { length } = cluster.records('orders')
  await cluster.close()
  return length
}

afterEach(() => {
  jest.useRealTimers()
})

test('sends while timers are fake', async () => {
  jest.useFakeTimers({ now: new Date('2020-02-02') })
  expect(await send()).toBe(1)
})
`

const legacyFakeTimers = `
import { Producer } from 'millrace'
import { startCluster } from 'millrace/testing'

test('sends while timers are fake, as they were before Jest 27', async () => {
  jest.useFakeTimers({ legacyFakeTimers: true })
  const cluster = await startCluster({ topics: { orders: 1 } })
  const producer = new Producer({ brokers: cluster.brokers })
  await producer.send({ topic: 'orders', value: 'x' })
  await producer.close()
  await cluster.close()
})
`

interface JestKind {
  readonly name: string
  readonly settings: object
  readonly files: Readonly<Record<string, string>>
  readonly isEsm?: boolean
  readonly quick?: boolean
}

const babelConfig = `
module.exports = {
  presets: [
    ['@babel/preset-env', { targets: { node: 'current' } }],
    '@babel/preset-typescript',
  ],
}
`

const kinds: readonly JestKind[] = [
  {
    name: 'ts-jest, CommonJS',
    settings: { preset: 'ts-jest' },
    files: {
      'tsconfig.json': JSON.stringify({ compilerOptions }),
      ...tests('./send'),
      'src/fake-timers.spec.ts': fakeTimers(''),
    },
    quick: true,
  },
  {
    name: 'ts-jest, ES modules',
    settings: {
      preset: 'ts-jest/presets/default-esm',
      moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
    },
    isEsm: true,
    files: {
      'tsconfig.json': JSON.stringify({
        compilerOptions: {
          ...compilerOptions,
          module: 'nodenext',
          moduleResolution: 'nodenext',
          isolatedModules: true,
        },
      }),
      ...tests('./send.js'),
      'src/fake-timers.spec.ts': fakeTimers("import { jest } from '@jest/globals'"),
    },
  },
  {
    name: 'babel-jest',
    settings: {},
    files: {
      'babel.config.js': babelConfig,
      ...tests('./send'),
      'src/fake-timers.spec.ts': fakeTimers(''),
      'src/legacy-fake-timers.spec.ts': legacyFakeTimers,
    },
    quick: true,
  },
  {
    name: 'babel-jest, timers fake from the start',
    settings: { fakeTimers: { enableGlobally: true } },
    files: { 'babel.config.js': babelConfig, 'src/fake-timers.spec.ts': fakeTimers('') },
  },
  {
    name: '@swc/jest',
    settings: { transform: { '^.+\\.[tj]s$': '@swc/jest' } },
    files: { ...tests('./send'), 'src/fake-timers.spec.ts': fakeTimers('') },
    quick: true,
  },
]

const versions29 = [
  'jest@29.7.0',
  'babel-jest@29.7.0',
  'ts-jest@29.4.15',
  '@swc/jest@0.2.39',
  '@swc/core@1.16.22',
  '@types/jest@29.5.14',
  '@types/node@20.19.43',
  '@babel/core@7.29.13',
  '@babel/preset-env@7.29.14',
  '@babel/preset-typescript@7.29.7',
  'typescript@5.9.3',
]

const jestProject = (version: 29 | 30, kind: JestKind): Project => ({
  name: `Jest ${version}, ${kind.name}`,
  tested: version === 29 ? 'Jest 29.7.0' : 'Jest 30.5.2',
  quick: version === 30 && kind.quick === true,
  install: version === 30 ? 'shared' : versions29,
  files: {
    'package.json': manifest(kind.settings, kind.isEsm ? 'module' : 'commonjs'),
    ...kind.files,
  },
  commands: [['jest', '--ci', '--no-cache']],
  environment: kind.isEsm ? { NODE_OPTIONS: '--experimental-vm-modules' } : {},
  records: 'src/send.ts' in kind.files ? sentRecords : 0,
})

const vitest: Project = {
  name: 'vitest',
  tested: 'vitest 4.1.12',
  quick: true,
  install: 'shared',
  files: {
    'package.json': manifest({}, 'module'),
    'src/send.ts': sendModule,
    'src/send.test.ts': `
import { expect, test } from 'vitest'
import { sendAll } from './send'

test('sends', async () => {
  expect(await sendAll()).toBe(${sentRecords})
}, 60_000)
`,
    'src/fake-timers.test.ts': fakeTimers(
      "import { afterEach, expect, test, vi } from 'vitest'",
    ).replaceAll('jest.', 'vi.'),
    'src/fake-timers-first.test.ts': `
import { expect, test, vi } from 'vitest'

test('sends where timers were fake before millrace was loaded', async () => {
  vi.useFakeTimers()
  const { Producer } = await import('millrace')
  const { startCluster } = await import('millrace/testing')
  const cluster = await startCluster({ topics: { orders: 1 } })
  const producer = new Producer({ brokers: cluster.brokers, lingerMs: 2 })
  await producer.send({ topic: 'orders', value: 'x' })
  await producer.close()
  expect(cluster.records('orders').length).toBe(1)
  await cluster.close()
  vi.useRealTimers()
})
`,
  },
  commands: [['vitest', 'run']],
  records: sentRecords,
}

export const testRunnerProjects: readonly Project[] = [
  ...([30, 29] as const).flatMap((version) => kinds.map((kind) => jestProject(version, kind))),
  vitest,
]
