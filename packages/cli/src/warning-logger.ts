// What the producer has to say goes to the error stream: warnings and errors, in one line each.

import type { Logger } from 'millrace'
import { type Terminal, writeLine } from './runtime/terminal.ts'

export const warningLogger = (terminal: Terminal): Logger => {
  const say = (message: string): void => writeLine(terminal.errors, message)
  return { debug: () => {}, info: () => {}, warn: say, error: say }
}
