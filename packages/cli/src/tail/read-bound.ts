// Parses the values of --from and --until: where reading a partition starts and ends. It keeps no
// state. Caller: tail-command.ts.

import { InvalidArgumentError } from 'commander'
import type { ReadFrom, ReadUntil } from 'millrace'
import { timestampOfText } from '../produce/timestamp-text.ts'
import { wallTimeMs } from '../runtime/time.ts'

const unitMs: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

const timeText = 'a time such as 2026-01-31T12:00:00Z, or how long ago: 90s, 15m, 2h, 7d'

/** A time, or how long ago it was; null = neither. */
const timeOf = (word: string): { readonly timestamp: number } | null => {
  const ago = /^(\d+)([smhd])$/.exec(word)
  if (ago !== null) {
    const timestamp = wallTimeMs() - Number(ago[1]) * (unitMs[ago[2]!] ?? 0)
    return { timestamp: Math.max(0, timestamp) }
  }
  if (!/^\d{4}-/.test(word)) return null
  const timestamp = timestampOfText(word)
  if (typeof timestamp === 'number') return { timestamp }
  throw new InvalidArgumentError(`A time ${timestamp}.`)
}

const offsetOf = (word: string): number | null => {
  if (!/^-?\d+$/.test(word)) return null
  const offset = Number(word)
  if (Number.isSafeInteger(offset)) return offset
  throw new InvalidArgumentError(`An offset must be at most ${Number.MAX_SAFE_INTEGER}.`)
}

/** `beginning`, `now`, an offset, or a time; a negative offset counts from the end. */
export const readFrom = (word: string): ReadFrom => {
  if (word === 'beginning') return 'earliest'
  if (word === 'now') return 'latest'
  const bound = offsetOf(word) ?? timeOf(word)
  if (bound !== null) return Object.is(bound, -0) ? 'latest' : bound
  throw new InvalidArgumentError(
    `It must be beginning, now, an offset (-100: the last 100 of each partition), or ${timeText}.`,
  )
}

/** `end`, an offset, or a time; reading ends before it. */
export const readUntil = (word: string): ReadUntil => {
  if (word === 'end') return 'latest'
  const bound = offsetOf(word) ?? timeOf(word)
  if (bound !== null && !(typeof bound === 'number' && bound < 0)) return bound
  throw new InvalidArgumentError(`It must be end, an offset, or ${timeText}.`)
}
