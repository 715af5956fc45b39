// The hash functions by which Kafka clients choose partitions, each exactly as its origin computes
// it: a key must stay where the former client put it. Called once per record with a key by the
// partitioners. Pure, without allocation; `bytes[start, end)` is read, never kept.
// test/golden/partitioner-vectors holds the results of the original libraries.

const murmurSeed = 0x9747b28c
const murmurFactor = 0x5bd1e995

/** murmur2 as Java's client computes it, with the sign bit cleared: 0 … 2^31 - 1. */
export const murmur2 = (bytes: Uint8Array, start: number, end: number): number => {
  const length = end - start
  let hash = murmurSeed ^ length
  let index = start
  for (const wordsEnd = start + (length & ~3); index < wordsEnd; index += 4) {
    let word =
      bytes[index]! |
      (bytes[index + 1]! << 8) |
      (bytes[index + 2]! << 16) |
      (bytes[index + 3]! << 24)
    word = Math.imul(word, murmurFactor)
    word = Math.imul(word ^ (word >>> 24), murmurFactor)
    hash = Math.imul(hash, murmurFactor) ^ word
  }
  const rest = end - index
  if (rest > 0) {
    if (rest > 2) hash ^= bytes[index + 2]! << 16
    if (rest > 1) hash ^= bytes[index + 1]! << 8
    hash = Math.imul(hash ^ bytes[index]!, murmurFactor)
  }
  hash = Math.imul(hash ^ (hash >>> 13), murmurFactor)
  return (hash ^ (hash >>> 15)) & 0x7fffffff
}

/**
 * What kafkajs before 2.0 takes for murmur2, sign bit cleared. It multiplies in floating point,
 * which loses the low bits of every product beyond 2^53, and where the length is no multiple of 4
 * it mixes the last bytes twice: as one more word filled up with zeros, and as the usual rest.
 */
export const kafkajsLegacyMurmur2 = (bytes: Uint8Array, start: number, end: number): number => {
  const length = end - start
  // These are floating-point numbers between the bit operations: do not use Math.imul here.
  let hash = murmurSeed ^ length
  for (let index = start; index < end; index += 4) {
    // A sum, as in the original, but all four parts share no bit: the same as `|`.
    let word = bytes[index]!
    if (index + 1 < end) word |= bytes[index + 1]! << 8
    if (index + 2 < end) word |= bytes[index + 2]! << 16
    if (index + 3 < end) word |= bytes[index + 3]! << 24
    word *= murmurFactor
    word = (word ^ (word >>> 24)) * murmurFactor
    hash = (hash * murmurFactor) ^ word
  }
  const rest = length & 3
  if (rest > 0) {
    const restStart = end - rest
    if (rest > 2) hash ^= bytes[restStart + 2]! << 16
    if (rest > 1) hash ^= bytes[restStart + 1]! << 8
    hash = (hash ^ bytes[restStart]!) * murmurFactor
  }
  hash = (hash ^ (hash >>> 13)) * murmurFactor
  return (hash ^ (hash >>> 15)) & 0x7fffffff
}

/** FNV-1a, 32 bits, as a signed number (what sarama's hash partitioner divides). */
export const fnv1a = (bytes: Uint8Array, start: number, end: number): number => {
  let hash = 0x811c9dc5 | 0
  for (let index = start; index < end; index += 1) {
    hash = Math.imul(hash ^ bytes[index]!, 0x01000193)
  }
  return hash
}

/** Remainders of the reflected polynomial of CRC-32 (IEEE 802.3) for each byte. */
const crc32Table = ((): Int32Array => {
  const table = new Int32Array(256)
  for (let byte = 0; byte < 256; byte += 1) {
    let remainder = byte
    for (let bit = 0; bit < 8; bit += 1) {
      remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1
    }
    table[byte] = remainder
  }
  return table
})()

/**
 * CRC-32 (IEEE 802.3), unsigned: what librdkafka divides. Keys are short: a table without a view
 * per record is faster here than the native function.
 */
export const crc32 = (bytes: Uint8Array, start: number, end: number): number => {
  let remainder = -1
  for (let index = start; index < end; index += 1) {
    remainder = (remainder >>> 8) ^ crc32Table[(remainder ^ bytes[index]!) & 0xff]!
  }
  return ~remainder >>> 0
}
