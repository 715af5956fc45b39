// Shows how far a long step is: a bar on a screen, a line when it ends elsewhere.

import { SingleBar } from 'cli-progress'
import { type Terminal, writeLine } from './runtime/terminal.ts'
import { nowMs, repeat } from './runtime/time.ts'
import { formatCount } from './text-table.ts'

export interface Progress {
  /** Count of what is done; the owner raises it as it likes, which costs nothing. */
  done: number
  /** Ends the step, and draws it one last time. Twice is harmless. */
  stop(): void
}

const redrawIntervalMs = 100
const titleWidth = 10

/** Begins a step of `total` records. */
export const startProgress = (terminal: Terminal, title: string, total: number): Progress =>
  terminal.interactive ? startBar(terminal, title, total) : startPlain(terminal, title, total)

const startBar = (terminal: Terminal, title: string, total: number): Progress => {
  const bar = new SingleBar({
    format: `${title.padEnd(titleWidth)} {bar} {percentage}%  {value}/{total}  {rate}/s`,
    formatValue: (value, _options, type) =>
      type === 'percentage' ? String(value).padStart(3) : formatCount(value),
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 30,
    hideCursor: true,
    stopOnComplete: false,
    gracefulExit: false,
    autopadding: false,
    stream: terminal.output as NodeJS.WritableStream,
  })
  const startedMs = nowMs()
  const rate = (): string => formatCount((progress.done / Math.max(1, nowMs() - startedMs)) * 1000)
  const redraw = (): void => bar.update(progress.done, { rate: rate() })
  let running = true
  const progress: Progress = {
    done: 0,
    stop: () => {
      if (!running) return
      running = false
      stopRepeating()
      redraw()
      bar.stop()
    },
  }
  bar.start(total, 0, { rate: '0' })
  const stopRepeating = repeat(redrawIntervalMs, redraw)
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
