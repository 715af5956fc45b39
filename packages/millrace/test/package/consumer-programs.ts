// Programs as users have them: the README's example, and one that is bundled by esbuild into a
// single file with no settings of ours.

import { join } from 'node:path'
import { runChecked } from '../kafka/fixture/commands.ts'
import { toolPath } from './tools.ts'

/** The first program of the README, with the broker and topic that the environment names. */
export const readmeExample = (readme: string): string => {
  const code = /^```js\n([\s\S]*?)^```$/m.exec(readme)?.[1]
  if (code === undefined) throw new Error('README.md has no example in JavaScript.')
  return code
    .replace("'localhost:9092'", 'process.env.MILLRACE_BROKERS')
    .replace("'orders'", 'process.env.MILLRACE_TOPIC')
}

/** Bundles a file of a folder; returns what esbuild has said, which should be nothing. */
export const bundleProgram = async (
  folder: string,
  file: string,
  format: 'esm' | 'cjs',
  output: string,
): Promise<string> => {
  const args = ['--bundle', '--platform=node', `--format=${format}`, '--log-level=warning']
  const esbuild = await toolPath(join('esbuild', 'bin', 'esbuild'))
  const command = [esbuild, join(folder, file), ...args, `--outfile=${output}`]
  const { stderr } = await runChecked(process.execPath, command, { cwd: folder })
  return stderr
}
