// The flags --console and --console-port, and the console page that `perf` and `produce` serve
// while they run. The page's address goes to the error stream, so that the output of a command
// stays unchanged. Callers: perf/ and produce/.

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

/** Serves the page if a flag enables it; otherwise returns null. */
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
