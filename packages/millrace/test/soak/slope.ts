// A straight line through measurements in the order in which they were made (least squares), and
// what it says of growth.

export interface Trend {
  readonly mean: number
  /** By how much the line rises from the first measurement to the last. */
  readonly growth: number
  /** How far chance alone may have moved `growth`: three standard errors. */
  readonly uncertainty: number
}

export const trendOf = (values: readonly number[]): Trend => {
  const count = values.length
  if (count < 3) throw new Error('a trend needs at least three measurements')
  const mean = values.reduce((sum, value) => sum + value, 0) / count
  const middle = (count - 1) / 2
  let products = 0
  let squares = 0
  for (const [index, value] of values.entries()) {
    products += (index - middle) * (value - mean)
    squares += (index - middle) ** 2
  }
  const slope = products / squares
  let rest = 0
  for (const [index, value] of values.entries()) {
    rest += (value - mean - slope * (index - middle)) ** 2
  }
  const error = Math.sqrt(rest / (count - 2) / squares)
  return { mean, growth: slope * (count - 1), uncertainty: 3 * error * (count - 1) }
}
