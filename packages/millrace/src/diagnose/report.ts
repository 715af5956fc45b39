// The public types of a diagnosis report: one row for each step that was reached, in order. The CLI
// prints the report and its JSON, so the fields are a public interface. Callers: every step.

import type { ConnectStep } from '../protocol/kafka-error.ts'
import { printableText } from '../runtime/printable-text.ts'

/** The names of the steps; docs/doctor.md describes each. */
export type DiagnosisStepName = ConnectStep | 'metadata' | 'listener' | 'produce'

/** One step of a diagnosis. */
export interface DiagnosisStep {
  /** The name of the step. */
  readonly name: DiagnosisStepName
  /** Whether the step succeeded. */
  readonly ok: boolean
  /** The duration of the step in milliseconds. */
  readonly ms: number
  /** The result, with the address that it is about. */
  readonly detail: string
  /** The remedy in one sentence; null if nothing has to be done. */
  readonly remedy: string | null
}

/** The result of `diagnose`. It is plain data without secrets. */
export interface Diagnosis {
  /** Whether every step that was reached succeeded. */
  readonly ok: boolean
  /** The first step that failed; null = none. */
  readonly failedStep: DiagnosisStepName | null
  /** The steps that were reached. */
  readonly steps: readonly DiagnosisStep[]
}

/** The maximum length of `detail`, which may list several addresses. */
const detailLengthMax = 4096

/** Rounds to 0.01 ms, because more digits have no meaning. */
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
