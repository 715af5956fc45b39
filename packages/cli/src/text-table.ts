// A table in plain text: the first column to the left, the others (figures) to the right.

import { printableText } from 'millrace'

export const formatTable = (texts: readonly (readonly string[])[]): readonly string[] => {
  // Escaped before it is measured: a cell may hold text of a broker.
  const rows = texts.map((row) => row.map((text) => printableText(text)))
  const columnCount = Math.max(...rows.map((row) => row.length))
  const widths = Array.from({ length: columnCount }, (_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  )
  return rows.map((row) =>
    widths
      .map((width, column) => {
        const cell = row[column] ?? ''
        return column === 0 ? cell.padEnd(width) : cell.padStart(width)
      })
      .join('  ')
      .trimEnd(),
  )
}

/** 66667 → `66,667`. */
export const formatCount = (value: number): string => Math.round(value).toLocaleString('en-US')

/** Milliseconds with as many digits as are worth reading. */
export const formatMs = (value: number): string =>
  value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)

export const formatMegabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
