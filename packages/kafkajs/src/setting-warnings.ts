// Reports warnings about settings: each setting once per client, even if the client has many
// producers. Kafka creates it; config.ts, security.ts, settings.ts, and tls.ts report to it, and so
// does the logger that millrace receives (logger.ts).

import { printableText } from 'millrace'
import type { Logger } from './logger.ts'

export class SettingWarnings {
  readonly #logger: Logger
  readonly #reported = new Set<string>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** `setting` is the name that is reported only once: `'ssl.rejectUnauthorized'`. */
  warn(setting: string, message: string, details?: object): void {
    if (this.#reported.has(setting)) return
    this.#reported.add(setting)
    this.#logger.warn(printableText(message), details)
  }

  /**
   * Suppresses millrace's own warning about an option, because the program set it by another name.
   */
  suppress(option: string): void {
    this.#reported.add(option)
  }
}
