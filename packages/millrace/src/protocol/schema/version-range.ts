// Owns the version ranges of Kafka's schemas: '3-13', '9+', '2', 'none'. Callers: api.ts,
// compile.ts. Invariant: the syntax is Kafka's.

export interface VersionRange {
  readonly min: number
  readonly max: number
}

/** `none` is the empty range; an open range ends at Kafka's largest version. */
export const parseVersionRange = (text: string): VersionRange => {
  if (text === 'none') {
    return { min: 0, max: -1 }
  }
  const match = /^(\d+)(?:(\+)|-(\d+))?$/.exec(text)
  if (match === null) {
    throw new TypeError(`not a range of versions: ${text}`)
  }
  const min = Number(match[1])
  if (match[2] !== undefined) {
    return { min, max: 32767 }
  }
  return { min, max: match[3] === undefined ? min : Number(match[3]) }
}

export const holdsVersion = (range: VersionRange, version: number): boolean =>
  version >= range.min && version <= range.max
