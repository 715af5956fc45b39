// Which brokers the compatibility checks run against, and the table of what was found. Called by
// scripts/compatibility.mjs, and in a short form by compatibility.test.ts.

import { apacheKafka } from './apache-kafka.ts'
import { type CheckName, type CheckSizes, checks, type Outcome, runCheck } from './checks.ts'
import { kfake } from './kfake.ts'
import { librdkafkaMock } from './librdkafka-mock.ts'
import { tansu } from './tansu.ts'
import type { TargetKind } from './target.ts'

export { longSizes, shortSizes } from './checks.ts'

const releases = [
  '1.0.2',
  '1.1.1',
  '2.1.1',
  '2.8.2',
  '3.3.2',
  '3.7.2',
  '3.9.1',
  '4.0.0',
  '4.1.0',
  '4.2.0',
  '4.3.1',
  '4.4.0',
]

/** Every kind of broker, in the order of the table. */
export const allKinds: readonly TargetKind[] = [
  ...releases.map(apacheKafka),
  kfake,
  librdkafkaMock,
  tansu,
]

/** What was found of one broker. */
export interface Row {
  readonly name: string
  /** What this machine lacks for it; null = nothing. */
  readonly missing: string | null
  /** Why it could not be started; null = it ran, or is missing. */
  readonly startError: string | null
  /** Foreign clients that read what was written. */
  readonly readers: readonly string[]
  readonly outcomes: ReadonlyMap<CheckName, Outcome>
}

export const checkNames = Object.keys(checks) as readonly CheckName[]

const notRun = (name: string, why: Pick<Row, 'missing' | 'startError'>): Row => ({
  name,
  ...why,
  readers: [],
  outcomes: new Map(),
})

/** Starts one broker and runs all checks. Never rejects. */
export const checkBroker = async (
  kind: TargetKind,
  sizes: CheckSizes,
  onOutcome: (name: CheckName, outcome: Outcome) => void = () => {},
): Promise<Row> => {
  const missing = await kind.missing()
  if (missing !== null) return notRun(kind.name, { missing, startError: null })
  const outcomes = new Map<CheckName, Outcome>()
  try {
    await using target = await kind.start()
    for (const name of checkNames) {
      const outcome = await runCheck(name, { kind, target, sizes })
      outcomes.set(name, outcome)
      onOutcome(name, outcome)
    }
    return {
      name: kind.name,
      missing: null,
      startError: null,
      readers: target.readers.map(({ name }) => name),
      outcomes,
    }
  } catch (error) {
    return notRun(kind.name, { missing: null, startError: (error as Error).message })
  }
}

/** A broker that is missing has not failed. */
export const hasFailed = ({ startError, outcomes }: Row): boolean =>
  startError !== null || [...outcomes.values()].some(({ state }) => state === 'failed')

const cell = (outcome: Outcome | undefined): string => {
  if (outcome === undefined) return ''
  const { state, note } = outcome
  if (state === 'not offered') return note === '' ? '–' : `– (${note})`
  if (state === 'limited') return `no: ${note}`
  if (state === 'failed') return `**fails**: ${note}`
  return note === '' ? 'yes' : `yes (${note})`
}

/** The rows as a Markdown table. */
export const tableOf = (rows: readonly Row[]): string => {
  const heads = ['broker', ...checkNames, 'read by']
  const lines = rows.map(({ name, missing, startError, readers, outcomes }) => {
    const why = missing ?? startError
    if (why !== null) return `| ${name} | not run: ${why.split('\n')[0]} |`
    const cells = checkNames.map((check) => cell(outcomes.get(check)))
    return `| ${[name, ...cells, readers.join(', ')].join(' | ')} |`
  })
  return [`| ${heads.join(' | ')} |`, `|${'---|'.repeat(heads.length)}`, ...lines].join('\n')
}
