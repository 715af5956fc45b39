// Formats numbers with their units for people. The server (status.ts) and the page's scripts both
// use it, so it must run in Node and in a browser. It keeps no state.

const kilo = 1000

const plain = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })

/** Formats a count: `12,400`. */
export const formatCount = (value: number): string => plain.format(value)

/** Formats a count with a noun: `1 record`, `12,400 records`. */
export const counted = (value: number, noun: string): string =>
  `${formatCount(value)} ${noun}${Math.round(value) === 1 ? '' : 's'}`

const fixed = (value: number, digits: number): string =>
  new Intl.NumberFormat('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(value)

/** Formats a number with up to three significant digits: `0.42`, `4.2`, `42`, `4,200`. */
const significant = (value: number): string => {
  const size = Math.abs(value)
  if (size === 0) return '0'
  if (size < 1) return fixed(value, 2)
  return size < 100 ? fixed(value, 1) : fixed(value, 0)
}

/** Formats records per second: as whole numbers, except for small rates. */
export const formatRate = (value: number): string =>
  value > 0 && value < 10 ? fixed(value, 1) : formatCount(value)

/** Formats a duration: `3.2 ms`, `1.4 s`. */
export const formatMs = (value: number): string =>
  value < 10 * kilo ? `${significant(value)} ms` : `${significant(value / kilo)} s`

const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB'] as const

/** Formats bytes with powers of 1000: `3.2 MB`. */
export const formatBytes = (value: number): string => {
  let size = value
  let unit = 0
  while (Math.abs(size) >= kilo && unit < byteUnits.length - 1) {
    size /= kilo
    unit++
  }
  return `${unit === 0 ? formatCount(size) : significant(size)} ${byteUnits[unit]}`
}

const secondsPerMinute = 60
const secondsPerHour = 3600

/** Formats a time in the past: `now`, `12 s ago`, `3 min ago`, `2 h ago`. */
export const formatAgo = (agoMs: number): string => {
  const seconds = Math.round(agoMs / kilo)
  if (seconds <= 2) return 'now'
  if (seconds < secondsPerMinute) return `${seconds} s ago`
  if (seconds < secondsPerHour) return `${Math.floor(seconds / secondsPerMinute)} min ago`
  return `${formatCount(Math.floor(seconds / secondsPerHour))} h ago`
}
