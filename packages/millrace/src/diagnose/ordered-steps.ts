// Reports the rows of concurrent steps in a fixed order: those of the first group at once, and
// those of a later group after all earlier groups have ended. It owns the rows that wait. Callers:
// diagnosis.ts and listener-steps.ts.

import type { DiagnosisStep } from './report.ts'

interface StepGroup {
  readonly waiting: DiagnosisStep[]
  ended: boolean
}

export type ReportStep = (step: DiagnosisStep) => void

export class OrderedSteps {
  readonly #groups: readonly StepGroup[]
  readonly #report: ReportStep
  /** The index of the group whose rows are reported at once. */
  #first = 0

  constructor(groupCount: number, report: ReportStep) {
    this.#groups = Array.from({ length: groupCount }, () => ({ waiting: [], ended: false }))
    this.#report = report
  }

  push(group: number, step: DiagnosisStep): void {
    if (group === this.#first) this.#report(step)
    else this.#groups[group]!.waiting.push(step)
  }

  end(group: number): void {
    this.#groups[group]!.ended = true
    while (this.#groups[this.#first]?.ended === true) {
      this.#first++
      for (const step of this.#groups[this.#first]?.waiting.splice(0) ?? []) this.#report(step)
    }
  }
}
