// Reports the rows of concurrent steps in a fixed order: those of the first lane at once, and those
// of a later lane after all earlier lanes have ended. It owns the rows that wait. Callers:
// diagnosis.ts and listener-steps.ts.

import type { DiagnosisStep } from './report.ts'

interface Lane {
  readonly waiting: DiagnosisStep[]
  ended: boolean
}

export type ReportStep = (step: DiagnosisStep) => void

export class OrderedSteps {
  readonly #lanes: readonly Lane[]
  readonly #report: ReportStep
  /** The index of the lane whose rows are reported at once. */
  #first = 0

  constructor(laneCount: number, report: ReportStep) {
    this.#lanes = Array.from({ length: laneCount }, () => ({ waiting: [], ended: false }))
    this.#report = report
  }

  push(lane: number, step: DiagnosisStep): void {
    if (lane === this.#first) this.#report(step)
    else this.#lanes[lane]!.waiting.push(step)
  }

  end(lane: number): void {
    this.#lanes[lane]!.ended = true
    while (this.#lanes[this.#first]?.ended === true) {
      this.#first++
      for (const step of this.#lanes[this.#first]?.waiting.splice(0) ?? []) this.#report(step)
    }
  }
}
