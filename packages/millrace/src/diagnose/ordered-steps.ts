// The rows of steps that run side by side, told in the order of the report: those of the first way
// as they come, those of the others once the ways before them have ended. Owner: diagnose.ts.

import type { DiagnosisStep } from './report.ts'

interface Lane {
  readonly waiting: DiagnosisStep[]
  ended: boolean
}

export type TellStep = (step: DiagnosisStep) => void

export class OrderedSteps {
  readonly #lanes: readonly Lane[]
  readonly #tell: TellStep
  /** The lane whose rows are told at once. */
  #first = 0

  constructor(laneCount: number, tell: TellStep) {
    this.#lanes = Array.from({ length: laneCount }, () => ({ waiting: [], ended: false }))
    this.#tell = tell
  }

  push(lane: number, step: DiagnosisStep): void {
    if (lane === this.#first) this.#tell(step)
    else this.#lanes[lane]!.waiting.push(step)
  }

  end(lane: number): void {
    this.#lanes[lane]!.ended = true
    while (this.#lanes[this.#first]?.ended === true) {
      this.#first++
      for (const step of this.#lanes[this.#first]?.waiting.splice(0) ?? []) this.#tell(step)
    }
  }
}
