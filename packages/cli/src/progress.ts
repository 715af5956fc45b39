// Shows how far a long step is: a bar on a screen, a line when it ends elsewhere.

import { startBar } from './bar.ts'
import { type Terminal, writeLine } from './runtime/terminal.ts'
import { nowMs } from './runtime/time.ts'
import { formatCount } from './text-table.ts'

export interface Progress {
  /** Count of what is done; the owner raises it as it likes, which costs nothing. */
  done: number
  /** Ends the step, and draws it one last time. Twice is harmless. */
  stop(): void
}

const titleWidth = 10

/** Begins a step of `total` records. */
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
