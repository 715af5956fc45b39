// The `millrace` command: registers the subcommands and sets the help text and the version. Caller:
// main.ts. A new subcommand must be added to the list here.

import { createRequire } from 'node:module'
import { Command } from 'commander'
import { addClusterCommand } from './cluster-command.ts'
import { addClusterInfoCommand } from './cluster-info-command.ts'
import { addConsoleCommand } from './console/console-command.ts'
import { addDoctorCommand } from './doctor-command.ts'
import { addPerfCommand } from './perf/perf-command.ts'
import { addProduceCommand } from './produce/produce-command.ts'
import { type CommandHost, type ExitCode, prepareProgram, runProgram } from './run-program.ts'
import type { Terminal } from './runtime/terminal.ts'
import { addSpoolCommand } from './spool-command.ts'
import { addTailCommand } from './tail/tail-command.ts'
import { addTopicsCommand } from './topics-command.ts'
import { addTransactionsCommand } from './transactions-command.ts'

/** Every subcommand, in the order of the help text. */
const commands: readonly ((host: CommandHost) => void)[] = [
  addProduceCommand,
  addTailCommand,
  addPerfCommand,
  addConsoleCommand,
  addTopicsCommand,
  addTransactionsCommand,
  addSpoolCommand,
  addClusterInfoCommand,
  addDoctorCommand,
  addClusterCommand,
]

/** The version of the library: both packages are released together. */
const version = (): string => {
  const manifest: { version: string } = createRequire(import.meta.url)('millrace/package.json')
  return manifest.version
}

/** Runs the arguments after `millrace`. */
export const runMillrace = (args: readonly string[], terminal: Terminal): Promise<ExitCode> =>
  runProgram(terminal, async () => {
    let exitCode: ExitCode = 0
    const program = prepareProgram(new Command('millrace'), terminal)
      .description('The Kafka producer for TypeScript, on the command line.')
      .version(version(), '-V, --version', 'print the version')
      .helpOption('-h, --help', 'print this help')
    const ended = (code: ExitCode): void => {
      exitCode = code
    }
    for (const add of commands) add({ program, terminal, ended })
    await program.parseAsync([...args], { from: 'user' })
    return exitCode
  })
