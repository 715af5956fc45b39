// Prepares external text (a registry's response, a proxy's page, a URL) for error messages: removes
// secrets, escapes control characters, and limits the length. Callers: every file that puts such
// text into a message; they must not use it unchanged. RegistryError and other KafkaErrors escape
// their message themselves.

import { KafkaError, printableText, redactSecrets } from 'millrace'

/**
 * The message of a thrown value, also of an error from another JavaScript context, such as Jest's.
 */
export const messageOf = (thrown: unknown): string => {
  const { message } = (thrown ?? {}) as { message?: unknown }
  return typeof message === 'string' ? message : String(thrown)
}

/** The result of `read`. An error of the caller's getters or proxies is an INVALID_OPTION. */
export const readOptions = <Value>(maker: string, read: () => Value): Value => {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof KafkaError) throw cause
    const message = `${maker}: options could not be read: ${messageOf(cause)}`
    throw new KafkaError('INVALID_OPTION', message, { cause })
  }
}

/** A TypeError whose message may contain text of a schema, a registry or a value. */
export const typeError = (message: string): TypeError => new TypeError(printableText(message))

/** Shorter secrets are not replaced: they could occur in ordinary words. */
const secretLengthMin = 4

/** Removes these secrets from the text, in each form in which a server may repeat them. */
export const redacted = (text: string, secrets: readonly string[]): string =>
  redactSecrets(
    text,
    secrets.filter(({ length }) => length >= secretLengthMin),
  )
