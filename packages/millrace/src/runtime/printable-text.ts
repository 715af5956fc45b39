// Owns the escaping of text from brokers, files, registries and certificates before it enters an
// error, a log or a terminal. Callers: KafkaError for its own fields; the command line and the
// adapters for data that they print. Invariant: the result is cut to about 1 kB, and contains no
// character that a terminal or a log interprets.

const lengthMaxDefault = 1024

/**
 * Control characters (C0, DEL, C1), line and paragraph separators, lone surrogates, direction
 * marks, and characters without width.
 */
const unprintable =
  /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}\u200b\u2060\ufeff\u{e0000}-\u{e007f}]/gu
const isUnprintable = new RegExp(unprintable.source, 'u')
/** Matches nearly all messages, and is much faster than the Unicode classes. */
const isPlainAscii = /^[ -~]*$/

const shortEscapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

const escapeOf = (character: string): string => {
  const short = shortEscapes[character]
  if (short !== undefined) return short
  const hex = character.codePointAt(0)!.toString(16)
  if (hex.length <= 2) return `\\x${hex.padStart(2, '0')}`
  return hex.length <= 4 ? `\\u${hex.padStart(4, '0')}` : `\\u{${hex}}`
}

const endsInHalf = /[\ud800-\udbff]$/

/** Whether `printableText` would escape one of its characters. */
export const hasUnprintable = (text: string): boolean =>
  !isPlainAscii.test(text) && isUnprintable.test(text)

/** Copies the text, so that a few characters do not keep megabytes of their source in memory. */
const copyOf = (text: string): string => Buffer.from(text).toString()

/**
 * Makes text from a broker, a file or another foreign source printable: control characters, escape
 * sequences, line breaks and direction marks are written as `\x1b` or `\u202e`, and text longer
 * than `lengthMax` characters is cut. Every `KafkaError` is printable already; use this function
 * for other text from a cluster, such as the names that `Admin` lists.
 *
 * @example
 * console.log(printableText('orders\x1b[2J')) // shows \x1b instead of clearing the screen
 */
export const printableText = (text: string, lengthMax: number = lengthMaxDefault): string => {
  const isLong = text.length > lengthMax
  if (!isLong && !hasUnprintable(text)) return text
  const escaped = (isLong ? text.slice(0, lengthMax) : text).replace(unprintable, escapeOf)
  if (!isLong && escaped.length <= lengthMax) return escaped
  const ending = `… (${text.length} characters)`
  const kept = escaped.slice(0, Math.max(0, lengthMax - ending.length)).replace(endsInHalf, '')
  return `${copyOf(kept)}${ending}`
}
