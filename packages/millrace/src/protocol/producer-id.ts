// Owns the type of producer ids. Kafka counts them from 0; other brokers choose any int64, and most
// of those are larger than a number can represent exactly. Callers: engine/, cluster-client/,
// spool/, admin/ and the in-process cluster. Invariant: equal ids are equal with `===`.

/**
 * A producer id, -1 = none. A number, or a bigint if a number cannot represent it exactly (above
 * 2^53). Equal ids are equal with `===`.
 */
export type ProducerId = number | bigint

/** The id from the two halves of an int64. */
export const producerIdOf = (high: number, low: number): ProducerId => {
  const value = high * 2 ** 32 + (low >>> 0)
  return Number.isSafeInteger(value) ? value : (BigInt(high) << 32n) | BigInt(low >>> 0)
}

/** The upper half of an int64, signed, for `producerIdOf`. */
export const highOf = (id: ProducerId): number =>
  typeof id === 'number' ? Math.floor(id / 2 ** 32) : Number(id >> 32n)

export const lowOf = (id: ProducerId): number =>
  typeof id === 'number' ? id | 0 : Number(BigInt.asIntN(32, id))
