// The console of a run: the flags that ask for one, and the page that is served for as long as the
// run lasts. Its address goes to the error stream, so that the output stays what it is.

import type { Console } from '@millrace/console'
import type { Command } from 'commander'
import type { Producer } from 'millrace'
import { portMax, wholeNumber } from '../arguments.ts'
import { type Terminal, writeLine } from '../runtime/terminal.ts'

export interface ShowConsoleFlags {
  readonly console?: true
  readonly consolePort?: number
}

export const addShowConsoleFlags = (command: Command): Command =>
  command
    .option('--console', 'serve a page that shows the run live, on loopback')
    .option(
      '--console-port <port>',
      'the same at this port; 0 = any free one',
      wholeNumber(0, portMax),
    )

/** Serves the page where the flags ask for it; null if they don't. */
export const showConsole = async (
  producer: Producer,
  { console, consolePort }: ShowConsoleFlags,
  terminal: Terminal,
): Promise<Console | null> => {
  if (console !== true && consolePort === undefined) return null
  const { serveConsole } = await import('@millrace/console')
  const shown = await serveConsole(producer, { port: consolePort })
  writeLine(terminal.errors, `The console is at ${shown.url}`)
  return shown
}
