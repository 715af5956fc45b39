// The loggers of kafkajs: levels, namespaces, a logCreator that makes the function which entries go
// to, and KAFKAJS_LOG_LEVEL. Millrace's own words go the same way.

import type { Logger as MillraceLogger } from 'millrace'

/** Levels of logging by kafkajs's numbers. */
export const logLevel = { NOTHING: 0, ERROR: 1, WARN: 2, INFO: 4, DEBUG: 5 } as const

/** One of the numbers in logLevel. */
export type logLevel = (typeof logLevel)[keyof typeof logLevel]

/** The words of a log entry, and what else is known. */
export interface LoggerEntryContent {
  readonly timestamp: string
  readonly message: string
  [key: string]: unknown
}

/** One log entry, as a `logCreator`'s function gets it. */
export interface LogEntry {
  readonly namespace: string
  readonly level: logLevel
  readonly label: string
  readonly log: LoggerEntryContent
}

/** Makes the function that log entries go to. */
export type logCreator = (level: logLevel) => (entry: LogEntry) => void

/** kafkajs's logger. */
export interface Logger {
  info(message: string, extra?: object): void
  error(message: string, extra?: object): void
  warn(message: string, extra?: object): void
  debug(message: string, extra?: object): void
  namespace(namespace: string, level?: logLevel | null): Logger
  setLogLevel(level: logLevel): void
}

const consoleCalls = { ERROR: 'error', WARN: 'warn', INFO: 'info', DEBUG: 'log' } as const

/** One line of JSON for each entry, on the console. */
export const consoleLogCreator: logCreator =
  () =>
  ({ namespace, label, log }) => {
    const message = namespace === '' ? log.message : `[${namespace}] ${log.message}`
    const call = consoleCalls[label as keyof typeof consoleCalls]
    console[call](JSON.stringify({ level: label, ...log, message }))
  }

/** The level that the environment asks for goes first. */
const effectiveLevel = (level: logLevel): logLevel => {
  const name = (process.env.KAFKAJS_LOG_LEVEL ?? '').toUpperCase()
  return Object.hasOwn(logLevel, name) ? logLevel[name as keyof typeof logLevel] : level
}

export const createLogger = (level: logLevel, creator: logCreator): Logger => {
  let rootLevel = effectiveLevel(level)
  const write = creator(rootLevel)
  const inNamespace = (namespace: string, ownLevel: logLevel | null): Logger => {
    const entry =
      (label: keyof typeof logLevel) =>
      (message: string, extra: object = {}): void => {
        const entryLevel = logLevel[label]
        if (entryLevel > (ownLevel ?? rootLevel)) return
        const timestamp = new Date().toISOString()
        write({
          namespace,
          level: entryLevel,
          label,
          log: { timestamp, logger: 'kafkajs', message, ...extra },
        })
      }
    return {
      info: entry('INFO'),
      error: entry('ERROR'),
      warn: entry('WARN'),
      debug: entry('DEBUG'),
      namespace: (name, own = null) => inNamespace(name, own === null ? null : effectiveLevel(own)),
      setLogLevel: (next) => {
        rootLevel = next
      },
    }
  }
  return inNamespace('', null)
}

/** Where warnings about options are reported: see setting-warnings.ts. */
interface OptionWarnings {
  warn(option: string, message: string): void
}

/**
 * The same logger with the calls that millrace makes. Its warnings about other things than options,
 * an outage for example, are errors in kafkajs: programs log at the level ERROR to see them.
 */
export const forMillrace = (logger: Logger, warnings: OptionWarnings): MillraceLogger => ({
  debug: (message, details) => logger.debug(message, details),
  info: (message, details) => logger.info(message, details),
  warn: (message, details) => {
    const { option } = (details ?? {}) as { option?: unknown }
    if (typeof option === 'string') warnings.warn(option, message)
    else logger.error(message, details)
  },
  error: (message, details) => logger.error(message, details),
})
