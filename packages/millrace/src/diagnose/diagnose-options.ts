// What a call of `diagnose` may say.

import type { WaitOptions } from '../producer/wait.ts'
import type { DiagnosisStep } from './report.ts'

/** Options of `diagnose`, besides those of the producer. `timeoutMs` is 60,000 by default. */
export interface DiagnoseOptions extends WaitOptions {
  /** Sends one record to this topic, as the last step. */
  readonly produceTo?: string | undefined
  /** Called with each step of the report, in its order, as soon as the step has ended. */
  readonly onStep?: ((step: DiagnosisStep) => void) | undefined
}
