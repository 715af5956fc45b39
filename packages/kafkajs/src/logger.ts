// Loggers with kafkajs's interface: levels, namespaces, a logCreator that returns the function for
// log entries, and the environment variable KAFKAJS_LOG_LEVEL. Millrace's own log messages use the
// same logger. Callers: kafka.ts, producer.ts, and the files that log.

import type { Logger as MillraceLogger } from 'millrace'

/** Levels of logging by kafkajs's numbers. */
export const logLevel = { NOTHING: 0, ERROR: 1, WARN: 2, INFO: 4, DEBUG: 5 } as const

/** One of the numbers in logLevel. */
export type logLevel = (typeof logLevel)[keyof typeof logLevel]

/** The message of a log entry, and other fields. */
export interface LoggerEntryContent {
  /** The time of the entry, in ISO 8601. */
  readonly timestamp: string
  /** The text of the entry. */
  readonly message: string
  [key: string]: unknown
}

/** One log entry, the argument of a `logCreator`'s function. */
export interface LogEntry {
  /** The part of the client that logs; '' = none. */
  readonly namespace: string
  /** The level as a number. */
  readonly level: logLevel
  /** The level as a name: `'ERROR'`. */
  readonly label: string
  /** The message and its fields. */
  readonly log: LoggerEntryContent
}

/** Returns the function that receives log entries. */
export type logCreator = (level: logLevel) => (entry: LogEntry) => void

/** kafkajs's logger. */
export interface Logger {
  /** Logs at the level INFO; `extra` has additional fields of the entry. */
  info(message: string, extra?: object): void
  /** Logs at the level ERROR. */
  error(message: string, extra?: object): void
  /** Logs at the level WARN. */
  warn(message: string, extra?: object): void
  /** Logs at the level DEBUG. */
  debug(message: string, extra?: object): void
  /** Returns a logger whose entries have this namespace, with its own level if one is passed. */
  namespace(namespace: string, level?: logLevel | null): Logger
  /** Changes the level of this client's loggers that have none of their own. */
  setLogLevel(level: logLevel): void
}

const consoleCalls = { ERROR: 'error', WARN: 'warn', INFO: 'info', DEBUG: 'log' } as const

/** Writes one line of JSON for each entry to the console. */
export const consoleLogCreator: logCreator =
  () =>
  ({ namespace, label, log }) => {
    const message = namespace === '' ? log.message : `[${namespace}] ${log.message}`
    const call = consoleCalls[label as keyof typeof consoleCalls]
    console[call](JSON.stringify({ level: label, ...log, message }))
  }

/** The level of the environment variable replaces the configured one. */
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

/** Receives the names of options that millrace warns about: see setting-warnings.ts. */
interface OptionWarnings {
  warn(option: string, message: string): void
}

/**
 * The same logger with the methods that millrace calls. Its warnings about other things than
 * options, such as an outage, are errors in kafkajs: programs log at the level ERROR to see them.
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
