// The `millrace` command: its subcommands, its help and its version.

import { createRequire } from 'node:module'
import { Command } from 'commander'
import { addClusterCommand } from './cluster-command.ts'
import { type ExitCode, prepareProgram, runProgram } from './run-program.ts'
import type { Terminal } from './runtime/terminal.ts'

/** The library's version is the command's: they are released together. */
const version = (): string => {
  const manifest: { version: string } = createRequire(import.meta.url)('millrace/package.json')
  return manifest.version
}

/** Runs the words after `millrace`. */
export const runMillrace = (words: readonly string[], terminal: Terminal): Promise<ExitCode> =>
  runProgram(terminal, async () => {
    let exitCode: ExitCode = 0
    const program = prepareProgram(new Command('millrace'), terminal)
      .description('The Kafka producer for TypeScript, on the command line.')
      .version(version(), '-V, --version', 'print the version')
      .helpOption('-h, --help', 'print this help')
    addClusterCommand(program, terminal, (code) => {
      exitCode = code
    })
    await program.parseAsync([...words], { from: 'user' })
    return exitCode
  })
