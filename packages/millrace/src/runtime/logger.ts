// Where words go. Recoverable events at debug, a change of state once at warn, lost records
// at error.

/** The four calls of `console` that millrace uses; any logger that has them will do. */
export interface Logger {
  debug(message: string, details?: object): void
  info(message: string, details?: object): void
  warn(message: string, details?: object): void
  error(message: string, details?: object): void
}

/** Warnings and errors to the console (standard error); the rest nowhere. */
export const consoleLogger: Logger = {
  debug() {},
  info() {},
  warn: (message, details) => (details ? console.warn(message, details) : console.warn(message)),
  error: (message, details) => (details ? console.error(message, details) : console.error(message)),
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }
