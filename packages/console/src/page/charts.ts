// The four charts of the page: lines through the samples of the last two minutes. Each chart is a
// figure with a heading and a legend, which shows the newest values or those under the pointer. It
// owns the uPlot instances (the page loads uPlot before this script); colors come from the
// stylesheet, light or dark. Caller: main.ts.

import type uPlotModule from 'uplot'
import { formatBytes, formatMs, formatRate } from '../format.ts'
import type { BufferState, Sample, View } from '../view.ts'
import { byId, fill, make, setText } from './dom.ts'

declare const uPlot: typeof uPlotModule

const windowSeconds = 120
/** Samples further apart than this are not connected, because nothing was measured between them. */
const gapIntervals = 4
/** A page that was just opened shows a shorter period, so that its samples fill the chart. */
const windowSecondsMin = 30
const axisPixels = 72
/** The minimum space between ticks; a narrow chart has fewer. */
const tickSpacePixels = 30

type LineStyle = 'first' | 'second' | 'third' | 'peak' | 'bound'

interface Line {
  readonly name: string
  readonly style: LineStyle
  readonly read: (sample: Sample, buffer: BufferState) => number | null
}

interface ChartPlan {
  readonly id: string
  readonly title: string
  readonly lines: readonly Line[]
  readonly format: (value: number) => string
  /** The scale always reaches at least this value. */
  readonly topMin: number
}

const plans: readonly ChartPlan[] = [
  {
    id: 'chart-records',
    title: 'Records',
    format: (value) => `${formatRate(value)}/s`,
    topMin: 10,
    lines: [
      { name: 'in', style: 'second', read: ({ recordsIn }) => recordsIn },
      { name: 'acked', style: 'first', read: ({ recordsAcked }) => recordsAcked },
    ],
  },
  {
    id: 'chart-bytes',
    title: 'Bytes',
    format: (value) => `${formatBytes(value)}/s`,
    topMin: 1000,
    lines: [
      { name: 'in', style: 'second', read: ({ bytesIn }) => bytesIn },
      { name: 'acked', style: 'first', read: ({ bytesAcked }) => bytesAcked },
    ],
  },
  {
    id: 'chart-times',
    title: 'Times',
    format: formatMs,
    topMin: 1,
    lines: [
      { name: 'queue', style: 'second', read: ({ queueMs }) => queueMs },
      { name: 'request', style: 'first', read: ({ requestMs }) => requestMs },
      { name: 'request p99', style: 'peak', read: ({ requestP99Ms }) => requestP99Ms },
      { name: 'retry', style: 'third', read: ({ retryMs }) => retryMs },
    ],
  },
  {
    id: 'chart-buffer',
    title: 'Buffer',
    format: formatBytes,
    topMin: 1000,
    lines: [
      { name: 'bound', style: 'bound', read: (_, { totalBytes }) => totalBytes },
      { name: 'waiting', style: 'second', read: ({ waitingBytes }) => waitingBytes },
      { name: 'batches', style: 'first', read: ({ batchBytes }) => batchBytes },
    ],
  },
]

const colour = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()

const strokes: Readonly<Record<LineStyle, string>> = {
  first: 'accent',
  second: 'second',
  third: 'warning',
  peak: 'accent',
  bound: 'second',
}

const isDashed = (style: LineStyle): boolean => style === 'bound' || style === 'peak'

const series = ({ name, style }: Line): uPlotModule.Series => ({
  label: name,
  stroke: colour(strokes[style]),
  width: isDashed(style) ? 1 : 1.75,
  points: { show: false },
  ...(style === 'first' ? { fill: colour('accent-wash') } : {}),
  ...(isDashed(style) ? { dash: [5, 5] } : {}),
})

const clockTime = (seconds: number): string =>
  new Date(seconds * 1000).toLocaleTimeString([], { timeStyle: 'medium', hourCycle: 'h23' })

const windowStart = (low: number, high: number): number =>
  Math.max(high - windowSeconds, Math.min(low, high - windowSecondsMin))

/** At the right edge half of the label would be cut off. */
const timeLabel = ({ scales }: uPlotModule, tick: number): string => {
  const { min = 0, max = 0 } = scales.x ?? {}
  return tick > max - (max - min) * 0.08 ? '' : clockTime(tick)
}

class Chart {
  readonly #plan: ChartPlan
  readonly #figure: HTMLElement
  readonly #key: HTMLElement
  readonly #time: HTMLElement
  readonly #box: HTMLElement
  #plot: uPlotModule | null = null
  #data: (number | null)[][] = []
  /** The sample under the pointer; null = the latest one. */
  #highlighted: number | null = null

  constructor(plan: ChartPlan) {
    this.#plan = plan
    this.#figure = byId(plan.id)
    const caption = make('figcaption')
    this.#time = make('span', 'time')
    this.#key = make('span', 'keys')
    caption.append(make('h3', '', plan.title), this.#time, this.#key)
    this.#box = make('div', 'plot')
    this.#box.setAttribute('role', 'img')
    this.#figure.append(caption, this.#box)
  }

  draw({ samples, buffer, intervalMs }: View): void {
    const { lines } = this.#plan
    this.#data = [[], ...lines.map(() => [])]
    const put = (atMs: number, read: (line: Line) => number | null): void => {
      this.#data[0]!.push(atMs / 1000)
      lines.forEach((line, index) => {
        this.#data[index + 1]!.push(read(line))
      })
    }
    samples.forEach((sample, index) => {
      const beforeAt = samples[index - 1]?.at ?? sample.at
      // The values in the gap are unknown, so no line is drawn.
      if (sample.at - beforeAt > gapIntervals * intervalMs) put(beforeAt + intervalMs, () => null)
      put(sample.at, ({ read }) => read(sample, buffer))
    })
    if (this.#plot === null) this.#plot = this.#create()
    this.#plot.setData(this.#data as uPlotModule.AlignedData)
    this.#drawKey()
    this.#describe()
  }

  /** Draws again after a change of colors. */
  rebuild(): void {
    if (this.#plot === null) return
    this.#plot.destroy()
    this.#plot = this.#create()
    this.#plot.setData(this.#data as uPlotModule.AlignedData)
  }

  fit(): void {
    this.#plot?.setSize(this.#size())
  }

  #size(): { width: number; height: number } {
    return { width: this.#box.clientWidth, height: this.#box.clientHeight }
  }

  #create(): uPlotModule {
    const { lines, format, topMin } = this.#plan
    const axis: uPlotModule.Axis = {
      stroke: colour('soft'),
      font: `12px ${getComputedStyle(document.body).fontFamily}`,
      grid: { stroke: colour('rule'), width: 1 },
      ticks: { show: false },
    }
    return new uPlot(
      {
        ...this.#size(),
        padding: [8, 0, 0, 0],
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, sync: { key: 'millrace' } },
        scales: {
          x: { range: (_plot, low, high) => [windowStart(low, high), high] },
          y: { range: (_plot, _low, high) => [0, Math.max(high * 1.08, topMin)] },
        },
        axes: [
          {
            ...axis,
            grid: { show: false },
            size: 26,
            space: 80,
            values: (plot, ticks) => ticks.map((tick) => timeLabel(plot, tick)),
          },
          {
            ...axis,
            size: axisPixels,
            space: tickSpacePixels,
            values: (_plot, ticks) => ticks.map(format),
          },
        ],
        series: [{}, ...lines.map(series)],
        hooks: { setCursor: [(plot) => this.#onHighlighted(plot.cursor.idx ?? null)] },
      },
      this.#data as uPlotModule.AlignedData,
      this.#box,
    )
  }

  #onHighlighted(index: number | null): void {
    if (index === this.#highlighted) return
    this.#highlighted = index
    this.#drawKey()
  }

  #valueOf(line: number): number | null {
    const values = this.#data[line + 1] ?? []
    return values[this.#highlighted ?? values.length - 1] ?? null
  }

  #drawKey(): void {
    const { lines, format } = this.#plan
    const at = this.#highlighted === null ? null : this.#data[0]?.[this.#highlighted]
    setText(this.#time, at === null || at === undefined ? '' : clockTime(at))
    const create = (): HTMLElement => {
      const key = make('span', 'key')
      key.append(make('span'), make('b'))
      return key
    }
    fill(this.#key, lines, create, (key, { name, style }) => {
      key.dataset.line = style
      const [label, figure] = key.children as unknown as [HTMLElement, HTMLElement]
      const value = this.#valueOf(lines.findIndex((line) => line.name === name))
      setText(label, `${name} `)
      setText(figure, value === null ? '–' : format(value))
    })
  }

  /** Sets the text for screen readers: the latest values. */
  #describe(): void {
    const { title, lines, format } = this.#plan
    const values = lines.map(({ name }, index) => {
      const value = this.#data[index + 1]?.at(-1)
      return `${name} ${value === null || value === undefined ? 'none' : format(value)}`
    })
    this.#box.setAttribute('aria-label', `${title}: ${values.join(', ')}`)
  }
}

/** Creates the charts; the returned function draws the samples. */
export const makeCharts = (): ((view: View) => void) => {
  const charts = plans.map((plan) => new Chart(plan))
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    for (const chart of charts) chart.rebuild()
  })
  new ResizeObserver(() => {
    for (const chart of charts) chart.fit()
  }).observe(byId('chart-records'))
  return (view) => {
    for (const chart of charts) chart.draw(view)
  }
}
