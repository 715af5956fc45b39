// The main script of the page: requests the new samples from the server at each interval while the
// page is visible, and draws them with charts.ts and sections.ts. If the server does not respond,
// the page shows that and requests again. The page loads it; no file imports it.

import type { Sample, View } from '../view.ts'
import { makeCharts } from './charts.ts'
import { byId } from './dom.ts'
import { drawGone, drawView } from './sections.ts'

/** The number of samples that the server keeps. */
const samplesMax = 180
const responseTimeoutMs = 5000
const intervalMsFirst = 1000
/** A single failed request is not reported. */
const failuresUntilGone = 2

class Page {
  readonly #drawCharts = makeCharts()
  #serverId = ''
  #samples: Sample[] = []
  #filter = ''
  #intervalMs = intervalMsFirst
  #failures = 0
  #lastAt: number | null = null
  #timer = 0

  start(): void {
    byId('filter').addEventListener('input', (event) => {
      this.#filter = (event.target as HTMLInputElement).value
      this.#fetchView()
    })
    document.addEventListener('visibilitychange', () => this.#fetchView())
    this.#fetchView()
  }

  /** Requests now and again after the interval; a hidden page does not request. */
  #fetchView(): void {
    clearTimeout(this.#timer)
    if (document.hidden) return
    this.#timer = window.setTimeout(() => this.#fetchView(), this.#intervalMs)
    this.#read().then(
      (view) => this.#onView(view),
      () => this.#onFailure(),
    )
  }

  async #read(): Promise<View> {
    const query = new URLSearchParams({
      after: String(this.#samples.at(-1)?.number ?? 0),
      filter: this.#filter,
    })
    const signal = AbortSignal.timeout(responseTimeoutMs)
    const response = await fetch(`view?${query}`, { signal })
    if (!response.ok) throw new Error(`The console responded ${response.status}.`)
    return (await response.json()) as View
  }

  #onView(view: View): void {
    this.#failures = 0
    if (view.serverId !== this.#serverId) {
      const isAnother = this.#serverId !== ''
      this.#serverId = view.serverId
      this.#samples = []
      // A different server counts its samples from 1 again, so the page requests all of them.
      if (isAnother) {
        this.#fetchView()
        return
      }
    }
    const newest = this.#samples.at(-1)?.number ?? 0
    this.#samples.push(...view.samples.filter(({ number }) => number > newest))
    this.#samples.splice(0, this.#samples.length - samplesMax)
    this.#intervalMs = view.intervalMs
    this.#lastAt = view.at
    const whole = { ...view, samples: this.#samples }
    drawView(whole)
    if (this.#samples.length > 0) this.#drawCharts(whole)
  }

  #onFailure(): void {
    this.#failures++
    if (this.#failures >= failuresUntilGone) drawGone(this.#lastAt)
  }
}

new Page().start()
