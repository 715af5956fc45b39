// Where words go. Recoverable events at debug, a change of state once at warn, lost records
// at error.

/** The four calls of `console` that millrace uses; any logger that has them will do. */
export interface Logger {
  /** Recoverable events: an answer that led to a retry, say. `details` is plain data. */
  debug(message: string, details?: object): void
  /** What happened once and is well. */
  info(message: string, details?: object): void
  /** A change for the worse that passes, told once. */
  warn(message: string, details?: object): void
  /** Records were lost, at most one line a second. */
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
