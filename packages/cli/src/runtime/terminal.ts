// The terminal of a command: its input, output, error stream, environment, and signals. Every
// command receives a Terminal as an argument, so that tests can pass their own. Only this file may
// use process.stdin, process.stdout, and process signals. Callers: every command.

import { fstatSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import { isatty } from 'node:tty'
import { printableText } from 'millrace'
import { exitCodes } from '../exit-codes.ts'
import { jsonText } from '../json-text.ts'
import { nowMs } from './time.ts'

/** The signal of an interrupt: Ctrl-C or a request to terminate. */
export type Interrupt = 'SIGINT' | 'SIGTERM'

export interface Terminal {
  readonly input: Readable
  /**
   * The descriptor of the input if it is a file or a folder; null for pipes, devices, and
   * terminals. A file is read faster by its descriptor; a folder is rejected by its reader.
   */
  readonly inputFile: number | null
  /** True if the user types the input; the command must not draw then. */
  readonly inputIsTyped: boolean
  readonly output: Writable
  readonly errors: Writable
  /** True if `output` is a terminal on which a progress bar may be drawn. */
  readonly interactive: boolean
  /** The environment variables that options may come from. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /**
   * Calls `listener` at the first interrupt and `again` at the second, which by default exits the
   * process at once. A third one always does. The returned function removes the listener.
   */
  onInterrupt(listener: (interrupt: Interrupt) => void, again?: () => void): () => void
  /**
   * Calls `listener` at each SIGHUP, the signal to read files again. The returned function removes
   * it.
   */
  onHangup(listener: () => void): () => void
}

/**
 * npm forwards the Ctrl-C that the terminal has already sent: two within this time count as one.
 */
const sameInterruptMs = 500

/** The exit code that shells use for a process that SIGINT ended. */
export const exitCodeInterrupted = 130

/** The exit code that shells use for a process that SIGTERM ended. */
export const exitCodeTerminated = 143

export const exitCodeOf = (interrupt: Interrupt): number =>
  interrupt === 'SIGINT' ? exitCodeInterrupted : exitCodeTerminated

const standardInput = 0

/** Ignores EPIPE: if the reader closes the output, as `| head` does, the rest is discarded. */
const ignoreEpipe = (stream: Writable): void => {
  stream.on('error', () => {})
}

/** Exits after the output is written. If it can't be written, the exit code is a failure. */
export const exitProcess = (exitCode: number): void => {
  const { stdout, stderr } = process
  stdout.write('', () => {
    const failure = stdout.errored as NodeJS.ErrnoException | null
    if (failure === null || failure.code === 'EPIPE') process.exit(exitCode)
    stderr.write(`The output could not be written: ${failure.message}.\n`)
    process.exit(exitCode === 0 ? exitCodes.failure : exitCode)
  })
}

const isFileOrFolder = (descriptor: number): boolean => {
  try {
    const stat = fstatSync(descriptor)
    return stat.isFile() || stat.isDirectory()
  } catch {
    // The descriptor is closed.
    return false
  }
}

/** This process's terminal. */
export const processTerminal = (): Terminal => {
  for (const stream of [process.stdout, process.stderr]) ignoreEpipe(stream)
  return {
    // Opened on first use, so that a command that reads nothing does not touch the input.
    get input() {
      return process.stdin
    },
    inputFile: isFileOrFolder(standardInput) ? standardInput : null,
    inputIsTyped: isatty(standardInput),
    output: process.stdout,
    errors: process.stderr,
    interactive: process.stdout.isTTY === true,
    environment: process.env,
    onInterrupt,
    onHangup: (listener) => {
      process.on('SIGHUP', listener)
      return () => process.off('SIGHUP', listener)
    },
  }
}

const onInterrupt: Terminal['onInterrupt'] = (listener, again) => {
  let lastMs: number | undefined
  let count = 0
  const onSignal = (interrupt: Interrupt): void => {
    const isRepeated = lastMs !== undefined && nowMs() - lastMs <= sameInterruptMs
    if (isRepeated) return
    lastMs = nowMs()
    count++
    if (count === 1) listener(interrupt)
    else if (count === 2 && again !== undefined) again()
    else process.exit(exitCodeOf(interrupt))
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  return () => {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
}

/** Escapes control characters without the length limit, because a table or JSON may be long. */
const printable = (line: string): string => printableText(line, Number.POSITIVE_INFINITY)

/**
 * Writes one line. Control characters are escaped, because it may hold text of a broker or a file.
 */
export const writeLine = (stream: Writable, line = ''): void => {
  stream.write(`${printable(line)}\n`)
}

/** Writes text of several lines, such as a help text, with the same escapes. */
export const writeText = (stream: Writable, text: string): void => {
  stream.write(text.split('\n').map(printable).join('\n'))
}

/** Writes a value as JSON in one line. */
export const writeJson = (stream: Writable, value: unknown): void => {
  writeLine(stream, jsonText(value))
}

/** Writes bytes unchanged: records, for an output that is not a terminal. */
export const writeBytes = (stream: Writable, bytes: Uint8Array): void => {
  stream.write(bytes)
}
