// A logger that writes the warnings and errors of a producer or an Admin to the error stream, one
// line each. Callers: every command that connects.

import type { Logger } from 'millrace'
import { type Terminal, writeLine } from './runtime/terminal.ts'

export const warningLogger = (terminal: Terminal): Logger => {
  const say = (message: string): void => writeLine(terminal.errors, message)
  return { debug: () => {}, info: () => {}, warn: say, error: say }
}
