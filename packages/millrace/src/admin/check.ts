// Checks the arguments of Admin's methods. An invalid one must be rejected with the name of its
// field before any request is sent. It keeps no state. Callers: the parts of Admin.

import { KafkaError } from '../protocol/kafka-error.ts'
import { printableText } from '../runtime/printable-text.ts'

const int32Max = 2 ** 31 - 1

const wrong = (name: string, expectation: string, value: unknown): KafkaError => {
  const got = typeof value === 'string' ? `"${printableText(value)}"` : String(value)
  return new KafkaError('INVALID_ARGUMENT', `${name} must be ${expectation}, got ${got}`)
}

/** A string that is not empty. */
export const checkText = (name: string, value: unknown): string => {
  if (typeof value === 'string' && value !== '') return value
  throw wrong(name, 'a text that is not empty', value)
}

/** An integer within bounds. */
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
