// Owns the parser of `sasl.jaas.config`: one login module with its options, such as
//   org.apache.kafka.common.security.plain.PlainLoginModule required username="a" password="b";
// Callers: oauth-properties.ts, property-table.ts. Invariant: a message never contains a part of
// it, because it includes the password.

export interface JaasLogin {
  /** The module's name without its package: `PlainLoginModule`. */
  readonly module: string
  readonly options: ReadonlyMap<string, string>
}

const flags = ['required', 'requisite', 'sufficient', 'optional']

/** A word, or a quoted text in which a backslash escapes the next character. */
const token = /\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([;=])|([^\s"';=]+))/y

const tokensOf = (text: string): readonly string[] | null => {
  const tokens: string[] = []
  const rest = text.trimEnd()
  token.lastIndex = 0
  while (token.lastIndex < rest.length) {
    const match = token.exec(rest)
    if (match === null) return null
    const [, double, single, mark, word] = match
    const quoted = double ?? single
    tokens.push(quoted === undefined ? (mark ?? word ?? '') : unescaped(quoted))
  }
  return tokens
}

const unescaped = (text: string): string => text.replace(/\\(.)/gs, '$1')

/** Null if it is not a valid login module. */
export const parseJaas = (text: string): JaasLogin | null => {
  const tokens = tokensOf(text)
  const [name, flag, ...rest] = tokens ?? []
  if (name === undefined || flag === undefined || !flags.includes(flag.toLowerCase())) return null
  if (rest.pop() !== ';' || rest.length % 3 !== 0) return null
  const options = new Map<string, string>()
  for (let at = 0; at < rest.length; at += 3) {
    if (rest[at + 1] !== '=') return null
    options.set(rest[at]!, rest[at + 2]!)
  }
  return { module: simpleName(name), options }
}

/** The name of a Java class without its package. */
export const simpleName = (name: string): string => {
  const word = name.trim()
  return word.slice(word.lastIndexOf('.') + 1)
}
