// Arguments of Admin's calls: what is wrong is said with the name of the field, before anything is
// sent.

import { KafkaError } from '../protocol/kafka-error.ts'
import { printableText } from '../runtime/printable-text.ts'

const int32Max = 2 ** 31 - 1

const wrong = (name: string, expectation: string, value: unknown): KafkaError => {
  const got = typeof value === 'string' ? `"${printableText(value)}"` : String(value)
  return new KafkaError('INVALID_ARGUMENT', `${name} must be ${expectation}, got ${got}`)
}

/** A text that is not empty. */
export const checkText = (name: string, value: unknown): string => {
  if (typeof value === 'string' && value !== '') return value
  throw wrong(name, 'a text that is not empty', value)
}

/** A whole number within bounds. */
export const checkWhole = (
  name: string,
  value: unknown,
  min: number,
  max: number = Number.MAX_SAFE_INTEGER,
): number => {
  if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) {
    return value as number
  }
  throw wrong(name, `a whole number from ${min} to ${max}`, value)
}

export const checkPartition = (value: unknown): number =>
  checkWhole('partition', value, 0, int32Max)
