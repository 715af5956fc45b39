// Draws a progress bar with cli-progress: its appearance, and how often it is drawn. The function
// that startBar returns must be called, because it stops the timer. Callers: progress.ts and
// produce/input-progress.ts.

import { SingleBar } from 'cli-progress'
import type { Terminal } from './runtime/terminal.ts'
import { repeat } from './runtime/time.ts'

const redrawIntervalMs = 100

/** The width of the terminal in columns. */
export const columnsOf = ({ output }: Terminal): number =>
  (output as { columns?: number }).columns ?? 80

export interface BarLooks {
  /** Names of cli-progress and of the fields, in braces. */
  readonly format: string
  readonly barWidth: number
  readonly formatValue: (value: number) => string
}

/** The values that the bar shows. */
export interface BarState {
  readonly done: number
  readonly fields: object
}

/** Starts to draw. The returned function draws the last state and stops; it may be called twice. */
export const startBar = (
  terminal: Terminal,
  total: number,
  { format, barWidth, formatValue }: BarLooks,
  state: () => BarState,
): (() => void) => {
  const bar = new SingleBar({
    format,
    formatValue: (value, _options, type) =>
      type === 'percentage' ? String(value).padStart(3) : formatValue(value),
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: barWidth,
    hideCursor: true,
    stopOnComplete: false,
    gracefulExit: false,
    autopadding: false,
    stream: terminal.output as NodeJS.WritableStream,
  })
  const redraw = (): void => {
    const { done, fields } = state()
    bar.update(done, fields)
  }
  bar.start(total, 0, state().fields)
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
