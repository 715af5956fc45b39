// Finds where a member of a JSON object stands in its text, so that a value can be sent as the very
// bytes of the input: no number loses digits, no member changes its place. The text has been parsed
// before and is known to be one JSON object.

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const opening = new Set([0x7b, 0x5b])
const closing = new Set([0x7d, 0x5d])
const space = new Set([0x20, 0x09, 0x0a, 0x0d])

/** The index behind the string that begins at `at`. */
const endOfString = (text: Uint8Array, at: number): number => {
  for (let index = at + 1; ; index++) {
    const byte = text[index]
    if (byte === quote || byte === undefined) return index + 1
    if (byte === backslash) index++
  }
}

const skipSpace = (text: Uint8Array, at: number): number => {
  let index = at
  while (space.has(text[index] ?? 0)) index++
  return index
}

/** The index behind the value that begins at `at`: its comma or the end of what holds it. */
const endOfValue = (text: Uint8Array, at: number): number => {
  let depth = 0
  for (let index = at; index < text.length; ) {
    const byte = text[index]!
    if (byte === quote) {
      index = endOfString(text, index)
      continue
    }
    if (opening.has(byte)) depth++
    else if (closing.has(byte) && --depth < 0) return index
    else if (byte === comma && depth === 0) return index
    index++
  }
  return text.length
}

const trimEnd = (text: Uint8Array, end: number): number => {
  let index = end
  while (space.has(text[index - 1] ?? 0)) index--
  return index
}

/** The bytes of a member's value; the last one counts, as it does for JSON.parse. */
export const memberBytes = (text: Buffer, name: string): Buffer => {
  let found: Buffer | null = null
  let at = skipSpace(text, skipSpace(text, 0) + 1)
  while (text[at] === quote) {
    const nameEnd = endOfString(text, at)
    const start = skipSpace(text, skipSpace(text, nameEnd) + 1)
    const end = endOfValue(text, start)
    if (JSON.parse(text.toString('utf8', at, nameEnd)) === name) {
      found = text.subarray(start, trimEnd(text, end))
    }
    if (text[end] !== comma) break
    at = skipSpace(text, end + 1)
  }
  if (found === null) throw new Error(`There is no member ${name}.`)
  return found
}
