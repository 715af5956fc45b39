// Bundlers with the settings that a program for Node needs anyway. esbuild is in packages.test.ts,
// too, also where the bundle stands alone.

import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { emptyFolder, removeFolder } from '../tarballs.ts'
import { mainJs, sendModuleJs, sentRecords } from './programs.ts'
import type { Command, Project } from './project.ts'

const bundled = (
  name: string,
  tested: string,
  commands: readonly Command[],
  files: Readonly<Record<string, string>> = {},
  quick = false,
): Project => ({
  name,
  tested,
  quick,
  install: 'shared',
  files: {
    'package.json': JSON.stringify({ name: 'shop', private: true }),
    'send.mjs': sendModuleJs,
    'main.mjs': mainJs,
    ...files,
  },
  commands,
  forbidden: /warning|Critical dependency/i,
  records: sentRecords,
})

const esbuild = ['esbuild', 'main.mjs', '--bundle', '--platform=node']
const webpack = ['webpack', '--mode', 'production', '--target', 'node20', '--entry', './main.mjs']

const rollupConfig = `
import commonjs from '@rollup/plugin-commonjs'
import { nodeResolve } from '@rollup/plugin-node-resolve'

export default {
  input: 'main.mjs',
  plugins: [nodeResolve({ exportConditions: ['node'] }), commonjs()],
  output: [
    { dir: 'out/esm', format: 'es', entryFileNames: '[name].mjs', chunkFileNames: '[name].mjs' },
    { dir: 'out/cjs', format: 'cjs', entryFileNames: '[name].cjs', chunkFileNames: '[name].cjs' },
  ],
}
`

/** What AWS's runtime does with a bundle: loads it from its task folder, and calls the handler. */
const lambdaRuntime = `
const task = process.env.LAMBDA_TASK_ROOT
setInterval(() => {}, 1_000)
process.chdir(task)
const { handler } = await import(new URL('index.' + process.argv[2], 'file://' + task + '/').href)
for (let call = 1; call <= 2; call++) {
  const { statusCode } = await handler({ body: 'order ' + call }, {})
  if (statusCode !== 200) throw new Error('status ' + statusCode)
}
process.exit(0)
`

const lambdaHandler = `
import { Producer } from 'millrace'

const producer = new Producer({
  brokers: process.env.MILLRACE_BROKERS,
  compression: 'gzip',
  keepProcessAlive: false,
})

export const handler = async (event) => {
  const { partition, offset } = await producer.send({ topic: 'orders', value: event.body })
  return { statusCode: 200, body: JSON.stringify({ partition, offset }) }
}
`

const esbuildLambda = (format: 'esm' | 'cjs', extension: string): Command => [
  'esbuild',
  'index.mjs',
  '--bundle',
  '--minify',
  '--platform=node',
  '--target=node20',
  `--format=${format}`,
  `--outfile=out/index.${extension}`,
]

const lambda: Project = {
  name: 'AWS Lambda, one file by esbuild, in both formats',
  tested: 'esbuild 0.28.2, a stand-in for the runtime',
  quick: true,
  install: 'shared',
  files: {
    'package.json': JSON.stringify({ name: 'shop', private: true }),
    'index.mjs': lambdaHandler,
    'runtime.mjs': lambdaRuntime,
  },
  prepare: async ({ folder, run }) => {
    await run(esbuildLambda('esm', 'mjs'))
    await run(esbuildLambda('cjs', 'cjs'))
    const task = await emptyFolder('lambda')
    await mkdir(task, { recursive: true })
    try {
      for (const extension of ['mjs', 'cjs']) {
        await copyFile(join(folder, `out/index.${extension}`), join(task, `index.${extension}`))
        await run(['node', 'runtime.mjs', extension], { LAMBDA_TASK_ROOT: task })
      }
    } finally {
      await removeFolder(task)
    }
  },
  commands: [],
  records: 4,
}

export const bundlerProjects: readonly Project[] = [
  {
    ...bundled('esbuild, both formats', 'esbuild 0.28.2', [
      [...esbuild, '--format=cjs', '--outfile=out/a.cjs'],
      ['node', 'out/a.cjs'],
      [...esbuild, '--format=esm', '--outfile=out/a.mjs'],
      ['node', 'out/a.mjs'],
    ]),
    records: 2 * sentRecords,
  },
  bundled(
    'webpack, CommonJS',
    'webpack 5.113.0',
    [
      [...webpack, '--output-path', 'out', '--output-filename', 'app.cjs'],
      ['node', 'out/app.cjs'],
    ],
    {},
    true,
  ),
  bundled(
    'webpack, ES module',
    'webpack 5.113.0',
    [
      ['webpack', '--config', 'webpack.config.mjs'],
      ['node', 'out/app.mjs'],
    ],
    {
      'webpack.config.mjs': `
export default {
  mode: 'production',
  target: 'node20',
  entry: './main.mjs',
  experiments: { outputModule: true },
  output: { filename: 'app.mjs', module: true, path: import.meta.dirname + '/out' },
}
`,
    },
  ),
  {
    ...bundled(
      'Rollup, both formats',
      'Rollup 4.68.8',
      [
        ['rollup', '--config', 'rollup.config.mjs'],
        ['node', 'out/esm/main.mjs'],
        ['node', 'out/cjs/main.cjs'],
      ],
      { 'rollup.config.mjs': rollupConfig },
    ),
    records: 2 * sentRecords,
  },
  bundled('ncc', '@vercel/ncc 0.45.0', [
    ['ncc', 'build', 'main.mjs', '--out', 'out'],
    ['node', 'out/index.mjs'],
  ]),
  lambda,
]
