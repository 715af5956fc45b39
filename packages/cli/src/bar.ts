// The bar that every long step draws on a screen: its looks, and how often it is drawn.

import { SingleBar } from 'cli-progress'
import type { Terminal } from './runtime/terminal.ts'
import { repeat } from './runtime/time.ts'

const redrawIntervalMs = 100

/** How wide the screen is. */
export const columnsOf = ({ output }: Terminal): number =>
  (output as { columns?: number }).columns ?? 80

export interface BarLooks {
  /** With cli-progress' names, and those of the fields, in braces. */
  readonly format: string
  readonly barWidth: number
  readonly formatValue: (value: number) => string
}

/** What is drawn now. */
export interface BarState {
  readonly done: number
  readonly fields: object
}

/** Begins to draw; the result ends it, and draws it one last time. Twice is harmless. */
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
