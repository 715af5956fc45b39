// Finds the byte positions of the members of a JSON object or the elements of an array, so that
// `produce` can send a value as the exact bytes of the input, with all digits, its order, and
// repeated names. Caller: json-format.ts, which must have parsed the text before: this file does
// not check the syntax.

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const isOpening = (byte: number): boolean => byte === 0x7b || byte === 0x5b
const isClosing = (byte: number): boolean => byte === 0x7d || byte === 0x5d
const isSpace = (byte: number): boolean =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

/** A member of an object, or an element of an array, whose name is null. */
export interface JsonMember {
  readonly name: string | null
  /** The position of the value in the text. */
  readonly start: number
  readonly end: number
}

/** For shorter strings a loop over the bytes is faster than a call of indexOf. */
const nearBytes = 48

/** The index after the string that begins at `at`. */
const endOfString = (text: Buffer, at: number): number => {
  let index = at + 1
  for (const nearEnd = index + nearBytes; index < nearEnd; index++) {
    const byte = text[index]
    if (byte === quote || byte === undefined) return index + 1
    if (byte === backslash) index++
  }
  for (let end = text.indexOf(quote, index); end >= 0; end = text.indexOf(quote, end + 1)) {
    let start = end
    while (start > index && text[start - 1] === backslash) start--
    if ((end - start) % 2 === 0) return end + 1
  }
  return text.length
}

/** The content of the string from `at` to `end`. */
const stringAt = (text: Buffer, at: number, end: number): string => {
  const plain = text.toString('utf8', at + 1, end - 1)
  return plain.includes('\\') ? (JSON.parse(`"${plain}"`) as string) : plain
}

/** The value of a member. */
export const jsonValue = (text: Buffer, { start, end }: JsonMember): unknown =>
  text[start] === quote ? stringAt(text, start, end) : JSON.parse(text.toString('utf8', start, end))

const skipSpace = (text: Uint8Array, at: number): number => {
  let index = at
  while (isSpace(text[index] ?? 0)) index++
  return index
}

/** The index after the value that begins at `at`: its comma, or the end of the container. */
const endOfValue = (text: Buffer, at: number): number => {
  let depth = 0
  for (let index = at; index < text.length; ) {
    const byte = text[index]!
    if (byte === quote) {
      index = endOfString(text, index)
      continue
    }
    if (isOpening(byte)) depth++
    else if (isClosing(byte) && --depth < 0) return index
    else if (byte === comma && depth === 0) return index
    index++
  }
  return text.length
}

const trimEnd = (text: Uint8Array, end: number): number => {
  let index = end
  while (isSpace(text[index - 1] ?? 0)) index--
  return index
}

/**
 * The members of the object or array that begins at `from`, after optional space, in their order.
 * Members with a repeated name are included.
 */
export const jsonMembers = (text: Buffer, from = 0): readonly JsonMember[] => {
  const members: JsonMember[] = []
  const start = skipSpace(text, from)
  const isArray = text[start] === 0x5b
  let at = skipSpace(text, start + 1)
  while (at < text.length && !isClosing(text[at]!)) {
    const nameEnd = isArray ? at : endOfString(text, at)
    const name = isArray ? null : stringAt(text, at, nameEnd)
    const valueStart = isArray ? at : skipSpace(text, skipSpace(text, nameEnd) + 1)
    const valueEnd = endOfValue(text, valueStart)
    members.push({ name, start: valueStart, end: trimEnd(text, valueEnd) })
    at = text[valueEnd] === comma ? skipSpace(text, valueEnd + 1) : text.length
  }
  return members
}
