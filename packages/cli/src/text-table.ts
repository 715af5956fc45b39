// Formats a table as plain text: the first column is aligned left, the others (figures) right. Also
// formats counts, milliseconds, and megabytes. Callers: the commands that print reports.

import { printableText } from 'millrace'

export const formatTable = (texts: readonly (readonly string[])[]): readonly string[] => {
  // Escaped before the width is measured, because a cell may hold text of a broker.
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

/** Formats 66667 as `66,667`. */
export const formatCount = (value: number): string => Math.round(value).toLocaleString('en-US')

/** Formats milliseconds with a suitable number of digits. */
export const formatMs = (value: number): string =>
  value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)

export const formatMegabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
