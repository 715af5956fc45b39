// Prepares external text (a registry's response, a proxy's page, a URL) for error messages:
// replaces secrets, escapes control characters, and limits the length. Callers: every file that
// puts such text into a message; they must not use it unchanged.

const charactersMax = 1000

const escaped = (character: string): string =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** C0, DEL, C1, line and paragraph separators, and marks that change the direction of text. */
const controls =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is escaped
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

const cut = (text: string): string =>
  text.length > charactersMax ? `${text.slice(0, charactersMax)}…` : text

/** Escapes control characters and limits the text to 1,000 characters. */
export const printable = (text: string): string =>
  cut(text.slice(0, charactersMax + 1).replaceAll(controls, escaped))

/**
 * The message of a thrown value, also of an error from another JavaScript context, such as Jest's.
 */
export const messageOf = (thrown: unknown): string => {
  const { message } = (thrown ?? {}) as { message?: unknown }
  return typeof message === 'string' ? message : String(thrown)
}

/** Replaces secrets in a text. */
export type Redact = (text: string) => string

/** Shorter secrets are not replaced: they could occur in ordinary words. */
const secretLengthMin = 4

const formsOf = (secret: string): string[] => [
  secret,
  encodeURIComponent(secret),
  Buffer.from(secret).toString('base64'),
  Buffer.from(secret).toString('base64url'),
  JSON.stringify(secret).slice(1, -1),
]

/** Returns a function that replaces these secrets, also in base64 and percent-encoded. */
export const redactor = (secrets: readonly string[]): Redact => {
  const forms = secrets.filter((one) => one.length >= secretLengthMin).flatMap(formsOf)
  const longestFirst = [...new Set(forms)].sort((a, b) => b.length - a.length)
  return (text) => longestFirst.reduce((left, form) => left.replaceAll(form, '***'), text)
}
