// TypeScript in each of its module settings, compiled and run by Node, or run as it is.

import { mainTs, mainTsNode, sendModule, sentRecords } from './programs.ts'
import type { Command, Project } from './project.ts'

interface CompiledKind {
  readonly name: string
  readonly type: 'module' | 'commonjs'
  readonly options: object
  readonly commands?: readonly Command[]
  readonly quick?: boolean
}

const compile: readonly Command[] = [
  ['tsc', '-p', '.'],
  ['node', 'out/main.js'],
]

const kinds: readonly CompiledKind[] = [
  {
    name: 'module commonjs, moduleResolution node10',
    type: 'commonjs',
    options: { module: 'commonjs', moduleResolution: 'node10' },
    quick: true,
  },
  {
    name: 'node16, CommonJS',
    type: 'commonjs',
    options: { module: 'node16', moduleResolution: 'node16' },
  },
  {
    name: 'node16, ES modules',
    type: 'module',
    options: { module: 'node16', moduleResolution: 'node16' },
  },
  {
    name: 'nodenext, CommonJS',
    type: 'commonjs',
    options: { module: 'nodenext', moduleResolution: 'nodenext' },
  },
  {
    name: 'nodenext, ES modules',
    type: 'module',
    options: { module: 'nodenext', moduleResolution: 'nodenext' },
  },
  {
    name: 'bundler',
    type: 'module',
    options: { module: 'esnext', moduleResolution: 'bundler' },
  },
  {
    name: 'tsx, ES modules',
    type: 'module',
    options: { module: 'nodenext', moduleResolution: 'nodenext' },
    commands: [['tsx', 'main.ts']],
    quick: true,
  },
  {
    name: 'tsx, CommonJS',
    type: 'commonjs',
    options: { module: 'commonjs', moduleResolution: 'node10' },
    commands: [['tsx', 'main.ts']],
  },
  {
    name: 'ts-node',
    type: 'commonjs',
    options: { module: 'commonjs', moduleResolution: 'node10' },
    commands: [['ts-node', 'main.ts']],
  },
  {
    name: 'ts-node, ES modules',
    type: 'module',
    options: { module: 'nodenext', moduleResolution: 'nodenext' },
    commands: [['node', '--loader', 'ts-node/esm', '--no-warnings', 'main.ts']],
  },
]

const compilerProject = ({ name, type, options, commands, quick }: CompiledKind): Project => ({
  name: name.startsWith('ts') ? name : `TypeScript, ${name}`,
  tested: name.startsWith('tsx') ? 'tsx 4.23.15' : 'TypeScript 5.9.3',
  quick: quick === true,
  install: 'shared',
  files: {
    'package.json': JSON.stringify({ name: 'shop', private: true, type }),
    'tsconfig.json': JSON.stringify({
      compilerOptions: {
        target: 'es2022',
        strict: true,
        skipLibCheck: false,
        types: ['node'],
        outDir: 'out',
        ...options,
      },
      files: ['main.ts'],
    }),
    'send.ts': sendModule,
    'main.ts': type === 'module' ? mainTsNode : mainTs,
  },
  commands: commands ?? compile,
  records: sentRecords,
})

export const compilerProjects: readonly Project[] = kinds.map(compilerProject)
