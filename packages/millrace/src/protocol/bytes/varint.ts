// Owns the sizes of Kafka's variable-length integers, for code that reserves space before it
// writes. A varint is zigzag-encoded, an unsigned varint is not. Callers: engine/. Invariant: each
// size is that of the function in writer.ts with the same name.

/** Bytes that `writeUnsignedVarint(value)` takes; `value` is 0 … 2^32 - 1. */
export const unsignedVarintSize = (value: number): number => {
  // The number of groups of seven bits, at least one. Up to 89, `n * 37 >>> 8` equals `n / 7`
  // without its fraction. A division of doubles is slow, and every record needs five sizes.
  const bits = 32 - Math.clz32(value | 1)
  return ((bits + 6) * 37) >>> 8
}

/** Bytes that `writeVarint(value)` takes; `value` is an int32. */
export const varintSize = (value: number): number =>
  unsignedVarintSize(((value << 1) ^ (value >> 31)) >>> 0)

/** Bytes that `writeVarlong(value)` takes; `value` is a safe integer. */
export const varlongSize = (value: number): number => {
  if (value === (value | 0)) {
    return varintSize(value)
  }
  // The zigzag value is 2 × magnitude + sign: it has one bit more than the magnitude.
  const magnitude = value < 0 ? -value - 1 : value
  const high = Math.floor(magnitude / 2 ** 31)
  const bits = high === 0 ? 32 - Math.clz32(magnitude) : 31 + (32 - Math.clz32(high))
  return Math.ceil((bits + 1) / 7)
}
