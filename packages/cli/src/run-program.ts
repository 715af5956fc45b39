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
  /^(error: (?:option|command-argument)(?: '[^']*' argument| value) ')(.*)(' is invalid)/s
const unknown = /^(error: unknown (?:option|command) ')(.*)('(?:\n\(Did you mean [^\n]*\))?\n?)$/s

/** Settings and headers: their values may be passwords and tokens. */
const secretFlags = /--(?:set|header) /
/** An address with credentials, a query or a connection string, an assignment. */
const mayHoldSecret = (value: string): boolean => /[@=?#;]|%40/.test(value)

/** Commander repeats an argument that is invalid, and an option with its value. */
const withoutSecrets = (text: string): string =>
  text
    .replace(repeated, (whole, before: string, value: string, after: string) =>
      secretFlags.test(before) || mayHoldSecret(value) ? `${before}…${after}` : whole,
    )
    .replace(unknown, (_, before: string, value: string, after: string) => {
      const isShort = /^-[^-]/.test(value)
      const shown = isShort ? value.slice(0, 2) : value.replace(/[@=?#;:].*$|%40.*$/s, '…')
      return `${before}${shown}${after}`
    })

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
