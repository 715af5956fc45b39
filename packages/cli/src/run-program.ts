// Runs a commander program on a terminal and turns how it ended into an exit code. Whatever goes
// wrong is told in one sentence on the error stream, never as a stack.

import { type Command, CommanderError } from 'commander'
import { describeFailure } from './describe-failure.ts'
import { exitCodes } from './exit-codes.ts'
import { type Terminal, writeLine } from './runtime/terminal.ts'

/** What a command answers: the exit code of the process. */
export type ExitCode = number

/** What a command is added to; `ended` takes its exit code. */
export interface CommandHost {
  readonly program: Command
  readonly terminal: Terminal
  readonly ended: (exitCode: ExitCode) => void
}

/** Makes a program (or a command of one) write to `terminal` and throw instead of exiting. */
export const prepareProgram = (program: Command, terminal: Terminal): Command =>
  program
    .exitOverride()
    .showHelpAfterError('(--help lists what there is.)')
    .configureOutput({
      writeOut: (text) => terminal.output.write(text),
      writeErr: (text) => terminal.errors.write(text),
    })

/** A subcommand that writes to the host's terminal. */
export const addCommand = ({ program, terminal }: CommandHost, words: string): Command =>
  prepareProgram(program.command(words), terminal)

/** `run` parses the words and answers the exit code of the command it ran. */
export const runProgram = async (
  terminal: Terminal,
  run: () => Promise<ExitCode>,
): Promise<ExitCode> => {
  try {
    return await run()
  } catch (error) {
    // Commander has written its own message, and ends help and version this way too.
    if (error instanceof CommanderError) return error.exitCode
    writeLine(terminal.errors, describeFailure(error))
    return exitCodes.failure
  }
}
