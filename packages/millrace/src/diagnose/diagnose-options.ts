// The public options of `diagnose`. diagnosis.ts checks them. Callers: diagnose.ts, diagnosis.ts,
// and index.ts.

import type { WaitOptions } from '../producer/wait.ts'
import type { DiagnosisStep } from './report.ts'

/**
 * Options of `diagnose`, in addition to the producer's options. `timeoutMs` is 60,000 by default.
 */
export interface DiagnoseOptions extends WaitOptions {
  /** Sends one record to this topic, as the last step. */
  readonly produceTo?: string | undefined
  /** Called with each step, in the order of the report, as soon as the step has ended. */
  readonly onStep?: ((step: DiagnosisStep) => void) | undefined
}
