// Runs a commander program on a terminal and returns the exit code. An error is printed as one
// sentence on the error stream, never as a stack trace. Callers: program.ts, the first run, and
// each command, which adds itself to its CommandHost.

import { type Command, CommanderError } from 'commander'
import { describeFailure } from './describe-failure.ts'
import { exitCodes } from './exit-codes.ts'
import { type Terminal, writeLine, writeText } from './runtime/terminal.ts'

/** What a command returns: the exit code of the process. */
export type ExitCode = number

/** The program that a command adds itself to; `ended` receives the exit code of the command. */
export interface CommandHost {
  readonly program: Command
  readonly terminal: Terminal
  readonly ended: (exitCode: ExitCode) => void
}

const repeated =
  /^(error: option '[^']*' (?:argument|value) ')(.*)(' .*is invalid\.|' is invalid\.)/s

/** Commander repeats an argument that is invalid. A setting and an address may hold a password. */
const withoutSecrets = (text: string): string =>
  text.replace(repeated, (whole, before: string, value: string, after: string) =>
    before.includes('--set ') || value.includes('@') ? `${before}…${after}` : whole,
  )

/** Makes a program or a command write to `terminal` and throw instead of exiting. */
export const prepareProgram = (program: Command, terminal: Terminal): Command =>
  program
    .exitOverride()
    .showHelpAfterError('(--help lists commands and options.)')
    .configureOutput({
      writeOut: (text) => writeText(terminal.output, text),
      writeErr: (text) => writeText(terminal.errors, withoutSecrets(text)),
    })

/** A subcommand that writes to the host's terminal. */
export const addCommand = ({ program, terminal }: CommandHost, syntax: string): Command =>
  prepareProgram(program.command(syntax), terminal)

/** `run` parses the arguments and returns the exit code of the command. */
export const runProgram = async (
  terminal: Terminal,
  run: () => Promise<ExitCode>,
): Promise<ExitCode> => {
  try {
    return await run()
  } catch (error) {
    // Commander has already printed its message; it ends --help and --version this way too.
    if (error instanceof CommanderError) return error.exitCode
    writeLine(terminal.errors, describeFailure(error))
    return exitCodes.failure
  }
}
