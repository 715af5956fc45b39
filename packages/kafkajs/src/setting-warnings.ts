// Warnings about settings: each setting is reported once for each client, however many producers
// stand behind it. Kafka makes one; config.ts and tls.ts report to it, and so does millrace's own
// logger (logger.ts).

import type { Logger } from './logger.ts'

export class SettingWarnings {
  readonly #logger: Logger
  readonly #reported = new Set<string>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** `setting` is the name that is reported once: `'ssl.rejectUnauthorized'`. */
  warn(setting: string, message: string, details?: object): void {
    if (this.#reported.has(setting)) return
    this.#reported.add(setting)
    this.#logger.warn(message, details)
  }

  /** Millrace's own warning about an option is left out: it was given under another name. */
  leaveOut(option: string): void {
    this.#reported.add(option)
  }
}
