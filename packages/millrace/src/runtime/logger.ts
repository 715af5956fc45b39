// Where words go. Recoverable events at debug, a change of state once at warn, lost records
// at error.

import { types } from 'node:util'
import { printableText } from './printable-text.ts'
import { messageOf } from './value-kinds.ts'

/** The four calls of `console` that millrace uses; any logger that has them will do. */
export interface Logger {
  /** Recoverable events: a response that led to a retry, say. `details` is plain data. */
  debug(message: string, details?: object): void
  /** What happened once and is well. */
  info(message: string, details?: object): void
  /** A temporary problem, logged once. */
  warn(message: string, details?: object): void
  /** Records were lost, at most one line a second. */
  error(message: string, details?: object): void
}

/** Information, warnings and errors to the console (standard error); the rest nowhere. */
const consoleLogger: Logger = {
  debug() {},
  info: (message, details) => (details ? console.warn(message, details) : console.warn(message)),
  warn: (message, details) => (details ? console.warn(message, details) : console.warn(message)),
  error: (message, details) => (details ? console.error(message, details) : console.error(message)),
}

/** The logger of an option. `console` has no level, so it gets no debug lines. */
export const loggerOf = (given: Logger | undefined): Logger => {
  if (given === undefined) return consoleLogger
  return given === console ? { ...console, debug() {} } : given
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }

const messageLengthMax = 4096
/** Stack frames of what a callback of the caller threw. */
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
 * The caller's logger, or the console without one. It gets printable messages only, since text in
 * them may come from a broker, a file, or code of the caller that threw. It is called in the middle
 * of the engine's work, so what it throws goes to the console, once, and no further.
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
