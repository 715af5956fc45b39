// Owns the hash functions with which Kafka clients choose partitions. Callers: the partitioners,
// once per record with a key. Invariants: each function returns exactly what its original returns,
// so that a key stays in its partition after a change of the client
// (test/golden/partitioner-vectors has results of the original libraries); `bytes[start, end)` is
// read and never kept; nothing is allocated.

const murmurSeed = 0x9747b28c
const murmurFactor = 0x5bd1e995

/** murmur2 of the Java client, without the sign bit: 0 … 2^31 - 1. */
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
 * The murmur2 of kafkajs before 2.0, without the sign bit. It multiplies in floating point, which
 * loses the low bits of every product above 2^53. If the length is not a multiple of 4, it mixes
 * the last bytes twice: as another word that is filled with zeros, and as the usual rest.
 */
export const kafkajsLegacyMurmur2 = (bytes: Uint8Array, start: number, end: number): number => {
  const length = end - start
  // These are floating-point numbers between the bit operations: do not use Math.imul here.
  let hash = murmurSeed ^ length
  for (let index = start; index < end; index += 4) {
    // A sum, as in the original. The four parts share no bit, so it equals `|`.
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

/** FNV-1a, 32 bits, as a signed number, which sarama's hash partitioner divides. */
export const fnv1a = (bytes: Uint8Array, start: number, end: number): number => {
  let hash = 0x811c9dc5 | 0
  for (let index = start; index < end; index += 1) {
    hash = Math.imul(hash ^ bytes[index]!, 0x01000193)
  }
  return hash
}

/** Remainders of the reflected CRC-32 polynomial (IEEE 802.3) for each byte. */
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
 * CRC-32 (IEEE 802.3), unsigned, which librdkafka divides. Keys are short: a table without a view
 * per record is faster here than the native function.
 */
export const crc32 = (bytes: Uint8Array, start: number, end: number): number => {
  let remainder = -1
  for (let index = start; index < end; index += 1) {
    remainder = (remainder >>> 8) ^ crc32Table[(remainder ^ bytes[index]!) & 0xff]!
  }
  return ~remainder >>> 0
}
