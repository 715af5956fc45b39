// Owns the removal of secrets from a text that becomes part of an error or a log line. Callers: the
// SASL mechanisms, broker addresses, and the adapters. Invariants: a secret is found in every form
// in which a server repeats it, and no text makes the search throw. A caller cuts a text only after
// its secrets are removed.

const replacement = '[secret]'

/** Shorter parts could occur in any text. */
const base64LengthMin = 6

const hexOf = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')

/** A pattern of these hexadecimal digits in upper or lower case. */
const digitsOf = (hex: string): string => hex.replace(/[a-f]/g, (x) => `[${x}${x.toUpperCase()}]`)

/**
 * JSON and `printableText` have one backslash; text that was escaped twice has several. The limit
 * keeps the search linear.
 */
const backslashes = '\\\\{1,4}'

const shortEscapes: Readonly<Record<string, string>> = {
  '\b': 'b',
  '\f': 'f',
  '\n': 'n',
  '\r': 'r',
  '\t': 't',
}

const entities: Readonly<Record<string, string>> = {
  '"': 'quot',
  '&': 'amp',
  "'": 'apos',
  '<': 'lt',
  '>': 'gt',
}

const quoted = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')

/** Each form of the character: as it is, and escaped for a URL, a form, JSON, HTML or a log. */
const characterPattern = (character: string): string => {
  if (/[a-z0-9]/i.test(character)) return character
  const bytes = Buffer.from(character)
  const code = character.codePointAt(0)!
  const units = character.split('').map((unit) => unit.charCodeAt(0))
  const short = shortEscapes[character]
  const entity = entities[character]
  return [
    [...bytes].map((byte) => `%(?:25){0,3}${digitsOf(hexOf(byte, 2))}`).join(''),
    units.map((unit) => `${backslashes}u${digitsOf(hexOf(unit, 4))}`).join(''),
    `${backslashes}(?:x${digitsOf(hexOf(code, 2))}|u\\{${digitsOf(hexOf(code, 1))}\\})`,
    `&#(?:${code}|[xX]0{0,4}${digitsOf(hexOf(code, 1))});`,
    ...(short === undefined ? [] : [`${backslashes}${short}`]),
    ...(entity === undefined ? [] : [`&${entity};`]),
    ...(character === ' ' ? ['\\+'] : []),
    `\\\\{0,4}${quoted(character)}`,
    // UTF-8 that was read as Latin-1, as Node reads the headers of a response.
    ...(bytes.length > 1 ? [quoted(bytes.toString('latin1'))] : []),
  ].join('|')
}

/** Backslashes are counted together: one by one, their number would have too many readings. */
const backslashesPattern = (count: number): string =>
  [
    ...['%(?:25){0,3}5[cC]', `${backslashes}(?:u005[cC]|x5[cC])`, '&#(?:92|[xX]0{0,4}5[cC]);'].map(
      (form) => `(?:${form}){${count}}`,
    ),
    `\\\\{${count},${4 * count}}`,
  ].join('|')

const patternOf = (secret: string): RegExp => {
  const parts = secret.match(/\\+|[^\\]/gu) ?? []
  const patterns = parts.map((part) =>
    part.startsWith('\\') ? backslashesPattern(part.length) : characterPattern(part),
  )
  // Without `u`, a lone surrogate is a character like any other.
  return new RegExp(patterns.map((pattern) => `(?:${pattern})`).join(''), 'g')
}

/** The texts that base64 is made of: an OAuth client encodes its secret for a form first. */
const encodedForms = (secret: string): readonly string[] => {
  const component = encodeURIComponent(secret.toWellFormed())
  const form = new URLSearchParams({ '': secret }).toString().slice(1)
  const strictForm = form.replace(
    /[*._-]/g,
    (mark) => `%${hexOf(mark.charCodeAt(0), 2).toUpperCase()}`,
  )
  return [...new Set([secret, component, form, strictForm])]
}

/**
 * The characters that represent only the secret in the base64 of a longer text. They depend on the
 * number of preceding bytes; characters that contain bits of other bytes are not included.
 */
const base64Forms = (secret: string): string[] =>
  [0, 1, 2].flatMap((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(secret)])
    const [start, end] = [Math.ceil((before * 8) / 6), Math.floor((bytes.length * 8) / 6)]
    return (['base64', 'base64url'] as const)
      .map((encoding) => bytes.toString(encoding).slice(start, end))
      .filter((form) => form.length >= base64LengthMin)
  })

const redactOne = (text: string, secret: string): string =>
  [...new Set(encodedForms(secret).flatMap(base64Forms))].reduce(
    (redacted, form) => redacted.replaceAll(form, replacement),
    text.replace(patternOf(secret), replacement),
  )

/**
 * Replaces each secret in a text with `[secret]`: as it is, percent-encoded, escaped as in JSON or
 * HTML, and in base64, alone or together with other bytes. For the `redact` of a custom
 * `SaslMechanism`, and for text that a server returned before it is logged.
 *
 * @example
 * redactSecrets('the token t0p%20secret is too old', ['t0p secret']) // 'the token [secret] is …'
 */
export const redactSecrets = (text: string, secrets: readonly string[]): string =>
  secrets
    .filter((secret) => secret.length > 0)
    .sort((one, other) => other.length - one.length)
    .reduce(redactOne, text)

/**
 * An address or a URL without the parts that may hold a secret: user name and password, a query, a
 * fragment, and the fields of a connection string.
 *
 * @example
 * withoutCredentials('https://me:t0p@registry:8081/a?key=t0p') // 'https://…@registry:8081/a…'
 */
export const withoutCredentials = (address: string): string =>
  address.replace(/^(\w+:\/\/)?.*(?:@|%40)/is, '$1…@').replace(/[?#;=].*$/s, '…')
