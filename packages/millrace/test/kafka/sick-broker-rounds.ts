// The long form of sick-broker.test.ts: Millrace and Java's producer in turns, three rounds, as
// tables for docs/measurements.md.

import { appendFileSync } from 'node:fs'
import {
  type Flow,
  racks,
  type SickFigures,
  type SickKafka,
  type Sickness,
  type SickPlan,
  sickId,
} from './sick-broker-run.ts'

const rounds = 3
/** Rounds differ by so much where both clients deliver all. */
const tolerance = 0.03

interface Contestant {
  readonly name: string
  readonly client: SickPlan['client']
  readonly properties: Readonly<Record<string, string>>
}

/** Millrace has a timeout of one second by default. */
const contestants: readonly Contestant[] = [
  { name: 'Java', client: 'java', properties: {} },
  {
    name: 'Java, availability timeout 1 s',
    client: 'java',
    properties: { 'partitioner.availability.timeout.ms': '1000' },
  },
  { name: 'Millrace', client: 'millrace', properties: {} },
]

/** Writes a line where scripts/sick-brokers.mjs reads it. */
const write = (line: string): void => {
  const path = process.env.MILLRACE_SICK_BROKERS_SUMMARY
  if (path !== undefined) appendFileSync(path, `${line}\n`)
}

const row = (cells: readonly (string | number)[]): void => write(`| ${cells.join(' | ')} |`)

/** Another one begins in each round. */
const orderOf = (round: number): Contestant[] => [
  ...contestants.slice(round % contestants.length),
  ...contestants.slice(0, round % contestants.length),
]

const shown = ({ perSecond, lowest }: Flow): string => `${perSecond} (${lowest})`

const failures = ({ failed }: SickFigures): string => {
  const counts = Object.entries(failed).map(
    ([name, count]) => `${count} ${name.replace(/[\d.]+:\d+ /, '')}`,
  )
  return counts.length === 0 ? '0' : counts.join(', ')
}

/** A node is sick for a while; returns where Millrace delivered a smaller part than Java. */
export const compareSick = async (
  kafka: SickKafka,
  sickness: Sickness,
  sickMs: number,
  common: Readonly<Record<string, string>> = {},
): Promise<string[]> => {
  const behind: string[] = []
  const settings = Object.entries(common).map(([name, value]) => `, ${name} ${value}`)
  write(`\nOne node of three is ${sickness} for ${sickMs / 1000} s${settings.join('')}:\n`)
  row(['round', 'client', 'no key', 'keys, others', 'longest pause', 'keys, this node', 'failed'])
  row(['--:', '---', '--:', '--:', '--:', '--:', '---'])
  for (let round = 1; round <= rounds; round += 1) {
    const bestOf = new Map<string, { keyless: number; healthy: number }>()
    for (const { name, client, properties: own } of orderOf(round)) {
      const properties = { ...common, ...own }
      const load = { keylessPerSecond: 1000, keyedPerSecond: 1000 }
      const phases = { calmMs: 3000, sickMs, afterMs: 2000 }
      const figures = await kafka.run({ client, sickness, properties, ...load, ...phases })
      const { keyless, healthy, sick } = figures
      const better = bestOf.get(client)
      bestOf.set(client, {
        keyless: Math.max(keyless.inTime, better?.keyless ?? 0),
        healthy: Math.max(healthy.inTime, better?.healthy ?? 0),
      })
      const flows = [shown(keyless), shown(healthy), `${healthy.pauseMs} ms`, shown(sick)]
      row([round, name, ...flows, failures(figures)])
    }
    const [java, own] = [bestOf.get('java')!, bestOf.get('millrace')!]
    for (const kind of ['keyless', 'healthy'] as const) {
      // More than all is what was sent before.
      const expected = Math.min(1, java[kind]) - tolerance
      if (own[kind] < expected) behind.push(`${round}: ${kind} ${own[kind]}, Java ${java[kind]}`)
    }
  }
  return behind
}

interface RackCase {
  readonly rack: string
  readonly sickness: Sickness
}

/** Node 3 is in the last rack. */
const rackCases: readonly RackCase[] = [
  ...racks.map((rack) => ({ rack, sickness: 'none' }) as const),
  { rack: racks[sickId - 1]!, sickness: 'slow' },
  { rack: racks[sickId - 1]!, sickness: 'frozen' },
]

/** Producers with a rack; returns where records left it although its node responded. */
export const compareRacks = async (kafka: SickKafka): Promise<string[]> => {
  const left: string[] = []
  write('\nRecords without a key of a client with a rack, by the rack of the leader:\n')
  row(['round', 'client', 'rack', 'its node is', 'a', 'b', 'c', 'delivered meanwhile'])
  row(['--:', '---', '---', '---', '--:', '--:', '--:', '--:'])
  for (let round = 1; round <= rounds; round += 1) {
    for (const { name, client, properties } of orderOf(round)) {
      for (const { rack, sickness } of rackCases) {
        // The timeout is for nodes that do not respond.
        if (sickness !== 'frozen' && Object.keys(properties).length > 0) continue
        const { inLog, keyless } = await kafka.run({
          client,
          sickness,
          properties: { ...properties, 'client.rack': rack, 'partitioner.rack.aware': 'true' },
          keylessPerSecond: 2000,
          keyedPerSecond: 0,
          calmMs: 1000,
          sickMs: sickness === 'frozen' ? 10_000 : 5000,
          afterMs: 1000,
        })
        const counts = racks.map((_, index) => inLog[index + 1]!)
        const outside = counts.filter((count, index) => racks[index] !== rack && count > 0)
        const state = sickness === 'none' ? 'well' : sickness
        const delivered = `${Math.round(keyless.inTime * 100)} %`
        row([round, name, rack, state, ...counts, delivered])
        if (client === 'millrace' && sickness !== 'frozen' && outside.length > 0) {
          left.push(`round ${round}, rack ${rack}, ${state}: ${counts}`)
        }
      }
    }
  }
  return left
}
