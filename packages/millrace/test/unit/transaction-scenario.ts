// What a scenario of transactions is: see transaction-scenarios.ts.

import { errorNumber } from '../../src/protocol/errors.ts'
import type { Mode, Wire, WireProducer } from './in-process-cluster-transaction-kit.ts'

export interface Play {
  readonly wire: Wire
  readonly mode: Mode
  readonly topic: string
  /** A producer that has not started. */
  producer(id?: string): WireProducer
}

export interface Scenario {
  readonly name: string
  /** In one mode only; both by default. */
  readonly mode?: Mode
  /** Releases before 4.0 respond otherwise. */
  readonly since4?: boolean
  run(play: Play): Promise<unknown>
  readonly expected: unknown
  /** Where the modes differ: under transaction.version 2. */
  readonly expected2?: unknown
}

const names = new Map<number, string>(
  Object.entries(errorNumber).map(([name, code]) => [code, name]),
)

/** Numbers as Kafka's names. */
export const errorNames = (...codes: readonly number[]): string[] =>
  codes.map((code) => names.get(code) ?? String(code))

export const started = (play: Play): Promise<WireProducer> => play.producer().start()

/** What the scenario has to come to. */
export const expectedOf = ({ expected, expected2 }: Scenario, mode: Mode): unknown =>
  mode === 2 && expected2 !== undefined ? expected2 : expected
