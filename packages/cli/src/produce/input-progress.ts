// Shows on a screen how far the input is read: a bar with rate and remaining time where the size is
// known, counts and rates where it is not. It draws nothing elsewhere, nor while somebody types.

import { SingleBar } from 'cli-progress'
import type { Terminal } from '../runtime/terminal.ts'
import { nowMs, repeat } from '../runtime/time.ts'
import { formatCount, formatMegabytes } from '../text-table.ts'

export interface ProgressView {
  readonly bytesRead: number
  readonly delivered: number
  readonly failed: number
}

const redrawIntervalMs = 100

const remaining = (seconds: number): string => {
  if (!Number.isFinite(seconds)) return '–'
  const whole = Math.ceil(seconds)
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`
}

/** The result ends it, and draws it one last time. Twice is harmless. */
export const startInputProgress = (
  terminal: Terminal,
  totalBytes: number | null,
  view: () => ProgressView,
): (() => void) => {
  if (!terminal.interactive || terminal.inputIsTyped) return () => {}
  const counts = '{records} records  {rate}/s  {megabytes}/s{failures}'
  const bar = new SingleBar({
    format: totalBytes === null ? counts : `{bar} {percentage}%  ${counts}  {left} left`,
    formatValue: (value, _options, type) =>
      type === 'percentage' ? String(value).padStart(3) : String(value),
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 24,
    hideCursor: true,
    stopOnComplete: false,
    gracefulExit: false,
    autopadding: false,
    stream: terminal.output as NodeJS.WritableStream,
  })
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
  const redraw = (): void => bar.update(view().bytesRead, fields())
  bar.start(Math.max(1, totalBytes ?? 1), 0, fields())
  const stopRepeating = repeat(redrawIntervalMs, redraw)
  let running = true
  return () => {
    if (!running) return
    running = false
    stopRepeating()
    redraw()
    bar.stop()
  }
}
