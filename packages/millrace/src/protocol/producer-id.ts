// Producer ids. Kafka counts them from 0; other brokers draw any int64, and most of those are past
// what a number holds exactly.

/**
 * A producer id, -1 = none. A number, or a bigint where a number cannot hold it exactly (past
 * 2^53): of two ids that are equal, `===` is true.
 */
export type ProducerId = number | bigint

/** The id of an int64's halves. */
export const producerIdOf = (high: number, low: number): ProducerId => {
  const value = high * 2 ** 32 + (low >>> 0)
  return Number.isSafeInteger(value) ? value : (BigInt(high) << 32n) | BigInt(low >>> 0)
}

/** Both halves of an int64, for `producerIdOf`: signed. */
export const highOf = (id: ProducerId): number =>
  typeof id === 'number' ? Math.floor(id / 2 ** 32) : Number(id >> 32n)

export const lowOf = (id: ProducerId): number =>
  typeof id === 'number' ? id | 0 : Number(BigInt.asIntN(32, id))
