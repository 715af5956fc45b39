// Converts Avro's logical types: a Date for dates and timestamps, text or a number for decimals,
// and text for UUIDs. Writing also accepts the plain value of the underlying type. Reading must not
// lose digits: it returns a Date for days and milliseconds, and a number for micro- and
// nanoseconds. Callers: avro.ts, avro-value.ts, and avro-read.ts.

import { types } from 'node:util'
import { bytesOf, type FieldPath, reject } from './field-path.ts'

/** The schema of a type with a logical type. */
export interface LogicalSchema {
  readonly type: string
  readonly logicalType: string
  readonly precision?: unknown
  readonly scale?: unknown
  readonly size?: unknown
}

/** One logical type at one position of a schema. */
export interface LogicalType {
  /** Converts a value to the underlying type; returns other values unchanged. */
  toAvro(value: unknown, path: FieldPath): unknown
  fromAvro(value: unknown): unknown
}

const dayMs = 86_400_000

const timeOf = (date: Date, path: FieldPath): number => {
  const time = date.getTime()
  return Number.isNaN(time) ? reject(path, 'a valid Date', date) : time
}

const timestamp = (unitsPerMs: bigint, toDate: boolean): LogicalType => ({
  toAvro: (value, path) => (types.isDate(value) ? BigInt(timeOf(value, path)) * unitsPerMs : value),
  fromAvro: (value) => (toDate ? new Date(Number(value)) : value),
})

const date: LogicalType = {
  toAvro: (value, path) => (types.isDate(value) ? Math.floor(timeOf(value, path) / dayMs) : value),
  fromAvro: (value) => new Date(Number(value) * dayMs),
}

const uuidText = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i

const uuid = ({ type }: LogicalSchema): LogicalType => ({
  toAvro: (value, path) => {
    if (typeof value !== 'string') return value
    if (!uuidText.test(value)) return reject(path, 'a UUID', value)
    return type === 'fixed' ? Buffer.from(value.replaceAll('-', ''), 'hex') : value
  },
  fromAvro: (value) => {
    const bytes = bytesOf(value)
    if (bytes === undefined) return value
    return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  },
})

/** The shortest big-endian two's complement of a number, as Java's BigInteger writes it. */
const complementOf = (unscaled: bigint, size: number | undefined): Buffer | undefined => {
  let bits = 8
  while (BigInt.asIntN(bits, unscaled) !== unscaled) bits += 8
  const bytes = size ?? bits / 8
  if (bytes * 8 < bits) return undefined
  const hex = BigInt.asUintN(bytes * 8, unscaled).toString(16)
  return Buffer.from(hex.padStart(bytes * 2, '0'), 'hex')
}

const decimalText = /^([+-]?)(\d{1,1000})(?:\.(\d{1,1000}))?$/

/** `'12.3'` with scale 2 is 1230n; undefined if digits would be lost. */
const unscaledOf = (text: string, scale: number): bigint | undefined => {
  const [matched, sign, whole = '', fraction = ''] = decimalText.exec(text) ?? []
  if (matched === undefined) return undefined
  const lost = fraction.slice(scale)
  if (/[1-9]/.test(lost)) return undefined
  const unscaled = BigInt(whole + fraction.slice(0, scale).padEnd(scale, '0'))
  return sign === '-' ? -unscaled : unscaled
}

const textOfUnscaled = (unscaled: bigint, scale: number): string => {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0')
  const sign = unscaled < 0n ? '-' : ''
  if (scale === 0) return sign + digits
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

const decimal = ({ precision, scale = 0, size }: LogicalSchema): LogicalType | undefined => {
  const isGood = Number.isInteger(precision) && Number.isInteger(scale)
  if (!isGood || Number(scale) < 0 || Number(scale) > Number(precision)) return undefined
  const digits = Number(scale)
  const expectation = `a decimal of ${precision} digits, ${digits} of them after the point`
  return {
    toAvro: (value, path) => {
      if (!['string', 'number', 'bigint'].includes(typeof value)) return value
      const unscaled = unscaledOf(String(value), digits)
      const isTooLong =
        unscaled === undefined || `${unscaled}`.replace('-', '').length > Number(precision)
      const bytes = isTooLong ? undefined : complementOf(unscaled, size as number | undefined)
      return bytes ?? reject(path, expectation, value)
    },
    fromAvro: (value) => {
      const hex = bytesOf(value)?.toString('hex') ?? ''
      if (hex === '') return textOfUnscaled(0n, digits)
      return textOfUnscaled(BigInt.asIntN(hex.length * 4, BigInt(`0x${hex}`)), digits)
    },
  }
}

type Make = (schema: LogicalSchema) => LogicalType | undefined

const only =
  (types: readonly string[], make: Make): Make =>
  (schema) =>
    types.includes(schema.type) ? make(schema) : undefined

const known: ReadonlyMap<string, Make> = new Map([
  ['date', only(['int'], () => date)],
  ['timestamp-millis', only(['long'], () => timestamp(1n, true))],
  ['timestamp-micros', only(['long'], () => timestamp(1000n, false))],
  ['timestamp-nanos', only(['long'], () => timestamp(1_000_000n, false))],
  ['uuid', only(['string', 'fixed'], uuid)],
  ['decimal', only(['bytes', 'fixed'], decimal)],
])

/** The logical type of a schema; undefined if it has none or an unknown one. */
export const logicalTypeOf = (schema: unknown): LogicalType | undefined => {
  const { type, logicalType } = (schema ?? {}) as Partial<LogicalSchema>
  if (typeof type !== 'string' || typeof logicalType !== 'string') return undefined
  return known.get(logicalType)?.(schema as LogicalSchema)
}
