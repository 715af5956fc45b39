// Owns the logger interface and the loggers that millrace uses. Callers: producer/, cluster-client/
// and layers/. Invariant: a recoverable event is logged at debug, a change of state once at warn,
// and lost records at error; text reaches a logger only after it was made printable.

import { types } from 'node:util'
import { printableText } from './printable-text.ts'
import { messageOf } from './value-kinds.ts'

/** The four methods of `console` that millrace calls; any logger with them can be used. */
export interface Logger {
  /** Recoverable events, such as a response that led to a retry. `details` is plain data. */
  debug(message: string, details?: object): void
  /** A single event that is not a problem. */
  info(message: string, details?: object): void
  /** A temporary problem, logged once. */
  warn(message: string, details?: object): void
  /** Records were lost; at most one line per second. */
  error(message: string, details?: object): void
}

/** Writes information, warnings and errors to the console (standard error), and no debug lines. */
const consoleLogger: Logger = {
  debug() {},
  info: (message, details) => (details ? console.warn(message, details) : console.warn(message)),
  warn: (message, details) => (details ? console.warn(message, details) : console.warn(message)),
  error: (message, details) => (details ? console.error(message, details) : console.error(message)),
}

/** The logger for an option. `console` has no level, so it gets no debug lines. */
export const loggerOf = (given: Logger | undefined): Logger => {
  if (given === undefined) return consoleLogger
  return given === console ? { ...console, debug() {} } : given
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }

const messageLengthMax = 4096
/** A stack frame in the text of an error that a callback of the caller threw. */
const framesMax = 10
const beforeFrame = /\n(?= {4}at )/

/** Line breaks are kept before stack frames only. */
const printableMessage = (message: string): string => {
  const [first = '', ...frames] = message.split(beforeFrame, framesMax + 1)
  const lines = frames.map((frame) => printableText(frame))
  return [printableText(first, messageLengthMax), ...lines].join('\n')
}

const reportFailure = (thrown: unknown, text: string): void => {
  const reason = printableText(messageOf(thrown))
  try {
    console.error(`millrace: The logger failed with "${reason}" at this message: ${text}`)
  } catch {
    // The console is closed: there is nowhere to report to.
  }
}

/**
 * The caller's logger, or the console if missing. It gets printable messages only, because their
 * text may come from a broker, a file, or an error that the caller's code threw. The engine calls
 * it during its work, so the first error that it throws is written to the console, and no error
 * reaches the engine.
 */
export const printableLogger = (given?: Logger): Logger => {
  const logger = loggerOf(given)
  let hasFailed = false
  const onFailure = (thrown: unknown, text: string): void => {
    if (hasFailed) return
    hasFailed = true
    reportFailure(thrown, text)
  }
  const logWith =
    (level: keyof Logger) =>
    (message: string, details?: object): void => {
      const text = printableMessage(message)
      try {
        const returned: unknown =
          details === undefined ? logger[level](text) : logger[level](text, details)
        if (types.isPromise(returned)) returned.catch((reason) => onFailure(reason, text))
      } catch (thrown) {
        onFailure(thrown, text)
      }
    }
  return {
    debug: logWith('debug'),
    info: logWith('info'),
    warn: logWith('warn'),
    error: logWith('error'),
  }
}
