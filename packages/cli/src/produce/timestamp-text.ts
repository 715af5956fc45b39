// Parses a date in a line of JSON or in a flag as milliseconds since the epoch. A date without a
// time zone, or with more digits than milliseconds, must be rejected: accepting it would change its
// meaning silently. Callers: json-format.ts and tail/read-bound.ts.

const form =
  /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(?:Z|([+-])(\d\d):(\d\d))$/

const minuteMs = 60_000
const yearMin = 1970

/** Milliseconds since the epoch, or the text of the problem. */
export const timestampOfText = (text: string): number | string => {
  const match = form.exec(text)
  if (match === null) {
    return 'must be a date with time and time zone, such as 2026-01-31T12:00:00Z'
  }
  const part = (index: number): number => Number(match[index] ?? 0)
  const [year, month, day, hour, minute, second] = [1, 2, 3, 4, 5, 6].map(part) as DateParts
  const fraction = (match[7] ?? '').replace(/0+$/, '')
  if (fraction.length > 3) return 'must not be finer than milliseconds'
  const localMs = Date.UTC(year, month - 1, day, hour, minute, second)
  const offsetMs = (part(9) * 60 + part(10)) * minuteMs * (match[8] === '-' ? -1 : 1)
  const there = new Date(localMs)
  const exists =
    there.getUTCMonth() === month - 1 &&
    there.getUTCDate() === day &&
    hour < 24 &&
    minute < 60 &&
    second < 60 &&
    part(9) < 24 &&
    part(10) < 60
  if (!exists) return 'must be a date that exists'
  const timestamp = localMs + Number(fraction.padEnd(3, '0')) - offsetMs
  return year < yearMin || timestamp < 0 ? 'must not be before 1970' : timestamp
}

type DateParts = [number, number, number, number, number, number]
