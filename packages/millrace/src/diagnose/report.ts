// What a diagnosis says: a row for each step that was reached, in the order of the way. The shape
// is public, and the command line prints it as it is.

import type { ConnectStep } from '../protocol/kafka-error.ts'
import { printableText } from '../runtime/printable-text.ts'

/** The steps of a diagnosis; docs/doctor.md says what each does. */
export type DiagnosisStepName = ConnectStep | 'metadata' | 'listener' | 'produce'

/** One step on the way to the cluster, in the order in which they are taken. */
export interface DiagnosisStep {
  /** Which step it is. */
  readonly name: DiagnosisStepName
  /** Whether it went well. */
  readonly ok: boolean
  /** How long the step took, in milliseconds. */
  readonly ms: number
  /** What was found, with the address it is about. */
  readonly detail: string
  /** What to do, in one sentence; null if nothing is to be done. */
  readonly remedy: string | null
}

/** What `diagnose` returns. Plain data, without secrets. */
export interface Diagnosis {
  /** Whether every step that was tried went well. */
  readonly ok: boolean
  /** The first step that failed; null = none. */
  readonly failedStep: DiagnosisStepName | null
  /** Only what was reached: a step that could not be tried is not among them. */
  readonly steps: readonly DiagnosisStep[]
}

/** A row names several addresses and what was found there. */
const detailLengthMax = 4096

/** To a hundredth: more digits mean nothing. */
const rounded = (ms: number): number => Math.round(ms * 100) / 100

export const passed = (name: DiagnosisStepName, ms: number, detail: string): DiagnosisStep => ({
  name,
  ok: true,
  ms: rounded(ms),
  detail: printableText(detail, detailLengthMax),
  remedy: null,
})

export const failed = (
  name: DiagnosisStepName,
  ms: number,
  detail: string,
  remedy: string,
): DiagnosisStep => ({
  name,
  ok: false,
  ms: rounded(ms),
  detail: printableText(detail, detailLengthMax),
  remedy: printableText(remedy, detailLengthMax),
})

export const diagnosisOf = (steps: readonly DiagnosisStep[]): Diagnosis => {
  const first = steps.find(({ ok }) => !ok)
  return { ok: first === undefined, failedStep: first?.name ?? null, steps }
}
