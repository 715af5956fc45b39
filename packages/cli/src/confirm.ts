// Prompts for a confirmation before a command deletes or changes something. Without a terminal only
// the flag --yes confirms, so that a script can't destroy data by accident. Callers:
// topic-changes-command.ts and transactions-command.ts.

import { createInterface } from 'node:readline'
import { Failure } from './describe-failure.ts'
import { type Terminal, writeLine } from './runtime/terminal.ts'

export interface ConfirmFlags {
  readonly yes?: true
}

/** The flag, for `command.option(...confirmOption)`. */
export const confirmOption = ['--yes', 'confirm without a prompt'] as const

const agreements: readonly string[] = ['y', 'yes']

/**
 * Resolves if the user confirms. Throws a Failure if the user declines, or if there is no terminal.
 * `what` is a sentence that says what will happen; `signal` ends the wait.
 */
export const confirm = async (
  terminal: Terminal,
  flags: ConfirmFlags,
  what: string,
  signal: AbortSignal,
): Promise<void> => {
  if (flags.yes === true) return
  if (!terminal.inputIsTyped) {
    throw new Failure(`${what} Nothing was done: pass --yes to confirm`)
  }
  writeLine(terminal.errors, `${what} Continue? [y/N]`)
  const reply = await readReply(terminal, signal)
  if (!agreements.includes(reply.trim().toLowerCase())) throw new Failure('Nothing was done')
}

/** Reads one line; '' at the end of the input and after the signal aborts. */
const readReply = async (terminal: Terminal, signal: AbortSignal): Promise<string> => {
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
