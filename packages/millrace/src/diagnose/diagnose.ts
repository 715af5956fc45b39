// The public call `diagnose`. It must load diagnosis.ts with its first call, not at import: few
// programs diagnose, but all of them import the package. Callers: applications and the CLI.

import type { ProducerOptions } from '../producer/producer-options.ts'
import type { DiagnoseOptions } from './diagnose-options.ts'
import type { Diagnosis } from './report.ts'

/**
 * Finds out why a cluster can't be reached, or that it can: connects to every bootstrap address and
 * to every address that the brokers advertise, and sends one record if `produceTo` names a topic.
 * `onStep` is called with each step as it ends. Takes the options of a producer. Rejects if an
 * option is invalid or the signal aborts; every other failure is in the report.
 *
 * @example
 * const { ok, failedStep, steps } = await diagnose({ brokers: 'localhost:9092' })
 * if (!ok) console.log(failedStep, steps.find((step) => !step.ok)?.remedy)
 */
export const diagnose = async (
  options: ProducerOptions,
  call?: DiagnoseOptions,
): Promise<Diagnosis> => {
  const { diagnoseIn, onThisMachine } = await import('./diagnosis.ts')
  return diagnoseIn(onThisMachine, options, call)
}
