// Asks before something is destroyed. Without a person at the terminal only the flag --yes agrees:
// a script does not destroy by accident.

import { createInterface } from 'node:readline'
import { Failure } from './describe-failure.ts'
import { type Terminal, writeLine } from './runtime/terminal.ts'

export interface ConfirmFlags {
  readonly yes?: true
}

/** The flag, for `command.option(...confirmOption)`. */
export const confirmOption = ['--yes', 'do it without asking'] as const

const agreements: readonly string[] = ['y', 'yes']

/**
 * Resolves if the answer is yes; throws a Failure if it is not, and without a terminal to
 * ask. `what` says what will happen, as a sentence; `signal` ends the wait.
 */
export const confirm = async (
  terminal: Terminal,
  flags: ConfirmFlags,
  what: string,
  signal: AbortSignal,
): Promise<void> => {
  if (flags.yes === true) return
  if (!terminal.inputIsTyped) {
    throw new Failure(`${what} Nothing was done: say --yes to confirm`)
  }
  writeLine(terminal.errors, `${what} Continue? [y/N]`)
  const answer = await readAnswer(terminal, signal)
  if (!agreements.includes(answer.trim().toLowerCase())) throw new Failure('Nothing was done')
}

/** The line that is typed; '' at the end of the input, and once the signal aborts. */
const readAnswer = async (terminal: Terminal, signal: AbortSignal): Promise<string> => {
  const lines = createInterface({ input: terminal.input })
  const end = (): void => lines.close()
  signal.addEventListener('abort', end, { once: true })
  try {
    if (signal.aborted) return ''
    for await (const line of lines) return line
    return ''
  } finally {
    signal.removeEventListener('abort', end)
    lines.close()
  }
}
