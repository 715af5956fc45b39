// The values that `perf` sends: random capital letters of one size, as Java's tool makes them, or
// the records of a file in turn.

import { readFile } from 'node:fs/promises'
import { Failure } from '../describe-failure.ts'

/** The next value; a view that is good until the next call. */
export type Payloads = () => Buffer

const poolBytes = 1_048_576
/** Not a divisor of the pool: it takes long until a value comes again. */
const strideBytes = 7919

/** Letters that differ from record to record, cut from one pool: making them costs nothing. */
export const randomPayloads = (recordBytes: number, random = Math.random): Payloads => {
  const pool = Buffer.allocUnsafe(poolBytes + recordBytes)
  for (let index = 0; index < pool.length; index++) pool[index] = 65 + Math.floor(random() * 26)
  let at = 0
  return () => {
    const value = pool.subarray(at, at + recordBytes)
    at = (at + strideBytes) % poolBytes
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
