// Shows on the terminal how much of the input has been read: a bar with the remaining time if the
// size is known, otherwise counts and rates. It draws nothing if the output is not a terminal or if
// the user types the input. Caller: produce-command.ts.

import { columnsOf, startBar } from '../bar.ts'
import type { Terminal } from '../runtime/terminal.ts'
import { nowMs } from '../runtime/time.ts'
import { formatCount, formatMegabytes } from '../text-table.ts'
import type { Input } from './input.ts'

/** From this width on, the bar and all figures fit. */
const wideColumns = 80

export interface ProgressView {
  readonly bytesRead: number
  readonly delivered: number
  readonly failed: number
}

const remaining = (seconds: number): string => {
  if (!Number.isFinite(seconds)) return '–'
  const whole = Math.ceil(seconds)
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`
}

/** Starts to draw. The returned function draws the last state and stops; it may be called twice. */
export const startInputProgress = (
  terminal: Terminal,
  { totalBytes, isTyped }: Pick<Input, 'totalBytes' | 'isTyped'>,
  view: () => ProgressView,
): (() => void) => {
  if (!terminal.interactive || isTyped) return () => {}
  const counts = '{records} records  {rate}/s  {megabytes}/s{failures}'
  const wide = `{bar} {percentage}%  ${counts}  {left} left`
  // Text that does not fit is cut off at the right, so the most important figures come first.
  const known = columnsOf(terminal) < wideColumns ? `{percentage}%  {left} left  ${counts}` : wide
  const looks = {
    format: totalBytes === null ? counts : known,
    barWidth: 24,
    formatValue: String,
  }
  const startedMs = nowMs()
  const fields = (): object => {
    const { bytesRead, delivered, failed } = view()
    const seconds = Math.max(0.001, (nowMs() - startedMs) / 1000)
    const leftSeconds = ((totalBytes ?? 0) - bytesRead) / (bytesRead / seconds)
    return {
      records: formatCount(delivered),
      rate: formatCount(delivered / seconds),
      megabytes: formatMegabytes(bytesRead / seconds),
      failures: failed === 0 ? '' : `  ${formatCount(failed)} failed`,
      left: remaining(Math.max(0, leftSeconds)),
    }
  }
  return startBar(terminal, Math.max(1, totalBytes ?? 1), looks, () => ({
    done: view().bytesRead,
    fields: fields(),
  }))
}
