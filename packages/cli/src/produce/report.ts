// Formats the result of `produce`: exact counts, failures by code with their remedies, and the
// number of input records read. It keeps no state. Callers: produce-command.ts,
// perf/perf-command.ts, and console/console-command.ts.

import { formatCount, formatMegabytes } from '../text-table.ts'
import { invalidRecordCode } from './line-error.ts'
import type { FailureGroup } from './record-counts.ts'

export interface ProduceReport {
  readonly taken: number
  readonly delivered: number
  readonly failed: number
  /** Failed records that may be in the log (`persisted: 'maybe'`). */
  readonly failedMaybeInLog: number
  readonly failures: readonly FailureGroup[]
  readonly seconds: number
  readonly bytesRead: number
  readonly input: string
  /** Whether the input was read to its end, or to the requested limit. */
  readonly complete: boolean
  /** Records of the input that don't have to be read again. */
  readonly done: number
  /** With a spool: the same command continues where this run ended. */
  readonly continues: boolean
  readonly deadLetters: { readonly path: string; readonly count: number } | null
}

const perSecond = (amount: number, seconds: number): number => amount / Math.max(seconds, 0.001)

const recordsOf = (count: number): string => `${formatCount(count)} record${count === 1 ? '' : 's'}`

const failureLine = ({ count, code, persisted, message, line, remedy }: FailureGroup): string => {
  const where = persisted === 'no' ? 'not in the log' : 'perhaps in the log'
  const at = line === null ? '' : ` (record ${formatCount(line)})`
  const sentence = /[.!?]$/.test(message) ? message : `${message}.`
  return `  ${formatCount(count)} × ${code}, ${where}: ${sentence.trim()}${at} ${remedy}`
}

/** The line of the group, and one for each of its other examples. */
export const failureLines = (group: FailureGroup): readonly string[] => [
  failureLine(group),
  ...group.others.map(({ message, line }) => `    record ${formatCount(line ?? 0)}: ${message}`),
]

/** Lines that are not records can't be sent again unchanged. */
const deadLettersLine = ({ deadLetters, failures }: ProduceReport): readonly string[] => {
  if (deadLetters === null || deadLetters.count === 0) return []
  const { path, count } = deadLetters
  const invalid = failures.find(({ code }) => code === invalidRecordCode)?.count ?? 0
  const good = Math.max(0, count - invalid)
  const again = 'sent again with --format json'
  if (good === 0) return [`${recordsOf(count)} in ${path}: to be corrected first.`]
  const which = good === count ? 'to be' : `${formatCount(good)} of them can be`
  return [`${recordsOf(count)} in ${path}: ${which} ${again}.`]
}

export const formatReport = (report: ProduceReport): readonly string[] => {
  const { taken, delivered, failed, seconds, bytesRead, complete, done, input } = report
  const rate = formatCount(perSecond(delivered, seconds))
  const bytesRate = formatMegabytes(perSecond(bytesRead, seconds))
  const lines = [
    `${recordsOf(taken)} taken: ${formatCount(delivered)} delivered, ` +
      `${formatCount(failed)} failed, in ${seconds.toFixed(1)} s ` +
      `(${rate} records/s, ${bytesRate}/s).`,
    ...report.failures.flatMap(failureLines),
  ]
  lines.push(...deadLettersLine(report))
  if (!complete) {
    const next = report.continues ? 'the same command' : `--skip ${done}`
    lines.push(
      `${input} was not read to its end: the counts include its first ${recordsOf(done)}; ` +
        `${next} continues after them.`,
    )
  }
  return lines
}
