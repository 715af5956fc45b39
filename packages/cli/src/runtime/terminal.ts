// Where a command writes and hears Ctrl-C. Commands get it passed in, so that tests can watch one.

import { fstatSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import { isatty } from 'node:tty'
import { printableText } from 'millrace'
import { exitCodes } from '../exit-codes.ts'
import { jsonText } from '../json-text.ts'
import { nowMs } from './time.ts'

/** What was asked for with a signal: Ctrl-C, or the end of the process. */
export type Interrupt = 'SIGINT' | 'SIGTERM'

export interface Terminal {
  readonly input: Readable
  /**
   * The descriptor of the input where it is a file, which can be read faster than a stream, or a
   * folder, which can't be read; null for pipes, devices and terminals.
   */
  readonly inputFile: number | null
  /** True when a person types the input: then nothing may be drawn meanwhile. */
  readonly inputIsTyped: boolean
  readonly output: Writable
  readonly errors: Writable
  /** True when `output` is a screen that a progress bar may draw on. */
  readonly interactive: boolean
  /** The environment that options may come from. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /**
   * Calls `listener` at the first interrupt, and `again` at the second, which by default ends the
   * process at once; a third one always does. The result takes it back.
   */
  onInterrupt(listener: (interrupt: Interrupt) => void, again?: () => void): () => void
  /** Calls `listener` at each SIGHUP: read your files again. The result takes it back. */
  onHangup(listener: () => void): () => void
}

/** npm passes on the Ctrl-C that the terminal has sent already: within this time, two are one. */
const sameInterruptMs = 500

/** The exit code that shells give a process which ended by Ctrl-C. */
export const exitCodeInterrupted = 130

/** The same for a process that should end. */
export const exitCodeTerminated = 143

export const exitCodeOf = (interrupt: Interrupt): number =>
  interrupt === 'SIGINT' ? exitCodeInterrupted : exitCodeTerminated

const standardInput = 0

/** A reader that goes away, as in `| head`, ends nothing: the rest is not written. */
const survive = (stream: Writable): void => {
  stream.on('error', () => {})
}

/** Ends the process once its output is out; output that could not be written is a failure. */
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
    // It is closed.
    return false
  }
}

/** This process's terminal. */
export const processTerminal = (): Terminal => {
  for (const stream of [process.stdout, process.stderr]) survive(stream)
  return {
    // Opened when it is first asked for: a command that reads nothing leaves it alone.
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
  const heard = (interrupt: Interrupt): void => {
    const isRepeated = lastMs !== undefined && nowMs() - lastMs <= sameInterruptMs
    if (isRepeated) return
    lastMs = nowMs()
    count++
    if (count === 1) listener(interrupt)
    else if (count === 2 && again !== undefined) again()
    else process.exit(exitCodeOf(interrupt))
  }
  process.on('SIGINT', heard)
  process.on('SIGTERM', heard)
  return () => {
    process.off('SIGINT', heard)
    process.off('SIGTERM', heard)
  }
}

/** A line may be long where its parts were cut before: a table, JSON. */
const printable = (line: string): string => printableText(line, Number.POSITIVE_INFINITY)

/** Writes one line. Its control characters are escaped: it may hold text of a broker or a file. */
export const writeLine = (stream: Writable, line = ''): void => {
  stream.write(`${printable(line)}\n`)
}

/** Writes text of several lines, such as a help text, in the same way. */
export const writeText = (stream: Writable, text: string): void => {
  stream.write(text.split('\n').map(printable).join('\n'))
}

/** Writes a value as JSON in one line. */
export const writeJson = (stream: Writable, value: unknown): void => {
  writeLine(stream, jsonText(value))
}

/** Writes bytes as they are: records, for a reader that is not a screen. */
export const writeBytes = (stream: Writable, bytes: Uint8Array): void => {
  stream.write(bytes)
}
