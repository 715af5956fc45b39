// Shows the progress of a long step of the first run: a bar on a terminal, otherwise one line when
// the step ends. The caller must call stop(). Callers: the files of first-run/.

import { startBar } from './bar.ts'
import { type Terminal, writeLine } from './runtime/terminal.ts'
import { nowMs } from './runtime/time.ts'
import { formatCount } from './text-table.ts'

export interface Progress {
  /** The number of finished items. The caller may set it at any time; setting it draws nothing. */
  done: number
  /** Draws the last state and ends the step. It may be called twice. */
  stop(): void
}

const titleWidth = 10

/** Starts a step of `total` records. */
export const startProgress = (terminal: Terminal, title: string, total: number): Progress =>
  terminal.interactive ? startDrawn(terminal, title, total) : startPlain(terminal, title, total)

const startDrawn = (terminal: Terminal, title: string, total: number): Progress => {
  const startedMs = nowMs()
  const rate = (): string => formatCount((progress.done / Math.max(1, nowMs() - startedMs)) * 1000)
  const progress: Progress = { done: 0, stop: () => stop() }
  const looks = {
    format: `${title.padEnd(titleWidth)} {bar} {percentage}%  {value}/{total}  {rate}/s`,
    barWidth: 30,
    formatValue: formatCount,
  }
  const stop = startBar(terminal, total, looks, () => ({
    done: progress.done,
    fields: { rate: rate() },
  }))
  return progress
}

const startPlain = (terminal: Terminal, title: string, total: number): Progress => {
  const startedMs = nowMs()
  let running = true
  const progress: Progress = {
    done: 0,
    stop: () => {
      if (!running) return
      running = false
      const seconds = ((nowMs() - startedMs) / 1000).toFixed(1)
      const counts = `${formatCount(progress.done)} of ${formatCount(total)}`
      writeLine(terminal.output, `${title.padEnd(titleWidth)} ${counts} records in ${seconds} s`)
    },
  }
  return progress
}
