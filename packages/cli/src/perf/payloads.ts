// Makes the values that `perf` and `console` send: random capital letters of one size, as Java's
// tool does, or the records of a file in turn. A returned value is valid only until the next call.
// Callers: perf/ and console/.

import { readFile } from 'node:fs/promises'
import { Failure } from '../describe-failure.ts'

/** Returns the next value, a view that is valid until the next call. */
export type Payloads = () => Buffer

const poolBytes = 1_048_576
/** Not a divisor of the pool size, so that a value repeats only after a long time. */
const offsetStepBytes = 7919

/**
 * Random letters, different for each record. They are slices of one pool, which costs almost
 * nothing.
 */
export const randomPayloads = (recordBytes: number, random = Math.random): Payloads => {
  const pool = Buffer.allocUnsafe(poolBytes + recordBytes)
  for (let index = 0; index < pool.length; index++) pool[index] = 65 + Math.floor(random() * 26)
  let at = 0
  return () => {
    const value = pool.subarray(at, at + recordBytes)
    at = (at + offsetStepBytes) % poolBytes
    return value
  }
}

export const payloadsOf = (content: Buffer, delimiter: Buffer, name: string): Payloads => {
  const values: Buffer[] = []
  let at = 0
  while (at < content.length) {
    const end = content.indexOf(delimiter, at)
    const value = content.subarray(at, end < 0 ? content.length : end)
    if (value.length > 0) values.push(value)
    at = end < 0 ? content.length : end + delimiter.length
  }
  if (values.length === 0) throw new Failure(`${name} holds no record.`)
  let index = 0
  return () => values[index++ % values.length]!
}

export const filePayloads = async (path: string, delimiter: Buffer): Promise<Payloads> => {
  let content: Buffer
  try {
    content = await readFile(path)
  } catch (error) {
    throw new Failure(`The payloads can't be read: ${(error as Error).message}.`)
  }
  return payloadsOf(content, delimiter, path)
}
