// What a seed stands for: cluster, network, producer options, the calls of the workload and the
// faults, each with its moment. Plain data, drawn before anything runs, so that a mutation or a
// fix changes what happens and never what is tried.

import type { TopicOptions } from '../../src/in-process-cluster/cluster-options.ts'
import type { UnknownProducerRule } from '../../src/in-process-cluster/producer-state.ts'
import type { KafkaRelease } from '../../src/in-process-cluster/versions.ts'
import type { ProducerOptions } from '../../src/producer/producer-options.ts'
import { Chance } from './chance.ts'
import { bendOf } from './plan-bends.ts'
import { type CallStep, drawCalls, drawEnding, type Ending } from './plan-calls.ts'
import type { Claim } from './plan-decisions.ts'
import { drawFaults, type FaultStep } from './plan-faults.ts'
import { drawOptions } from './plan-options.ts'

export interface TopicPlan {
  readonly name: string
  readonly partitions: number
  readonly config: NonNullable<TopicOptions['config']>
  /** False = it is not there at first; a client's question makes it, where that is allowed. */
  readonly exists: boolean
}

export interface NetworkPlan {
  readonly latencyMinMs: number
  readonly latencyMaxMs: number
  readonly pieceBytesMax: number
  readonly windowBytes: number
}

export interface ClusterPlan {
  readonly nodes: number
  readonly versions: KafkaRelease
  readonly unknownProducers: UnknownProducerRule
  readonly electionMs: number
  readonly autoCreateTopics: boolean
  /** Resends get DUPLICATE_SEQUENCE_NUMBER, as from old brokers. */
  readonly tellsDuplicates: boolean
  /** Of each node; none where it is missing. */
  readonly racks?: readonly string[]
}

export interface Plan {
  readonly seed: number
  readonly cluster: ClusterPlan
  readonly network: NetworkPlan
  readonly topics: readonly TopicPlan[]
  readonly options: Omit<ProducerOptions, 'brokers' | 'logger' | 'onError'>
  /** The first node only, all, or a name that DNS resolves. */
  readonly bootstrap: 'first' | 'all' | 'name'
  readonly calls: readonly CallStep[]
  readonly faults: readonly FaultStep[]
  /** From here on nothing goes wrong any more. */
  readonly calmAtMs: number
  readonly ending: Ending
  /** What must come of it beside what must hold in every run. */
  readonly claims?: readonly Claim[]
}

const drawTopics = (chance: Chance, nodes: number): TopicPlan[] =>
  Array.from({ length: chance.between(1, 3) }, (_, index) => {
    const config: Record<string, string> = {}
    if (chance.percent(12)) config['cleanup.policy'] = 'compact'
    if (chance.percent(15)) config['max.message.bytes'] = String(chance.pick([700, 2000, 6000]))
    if (chance.percent(15)) config['message.timestamp.type'] = 'LogAppendTime'
    if (chance.percent(10)) config['message.timestamp.after.max.ms'] = '1000'
    if (nodes > 1 && chance.percent(20)) config['min.insync.replicas'] = '2'
    return {
      name: `topic-${index}`,
      partitions: chance.between(1, 4),
      config,
      exists: index === 0 || chance.percent(80),
    }
  })

const drawCluster = (chance: Chance): ClusterPlan => ({
  nodes: chance.between(1, 3),
  versions: chance.weighted<KafkaRelease>([
    [6, '4.4'],
    [2, '3.9'],
    [1, '2.8'],
    [1, '2.1'],
  ]),
  unknownProducers: chance.weighted<UnknownProducerRule>([
    [5, 'accept'],
    [3, 'zero-if-never-written'],
    [2, 'reject'],
  ]),
  electionMs: chance.pick([0, 0, 30, 300]),
  autoCreateTopics: chance.percent(85),
  tellsDuplicates: chance.percent(20),
})

const drawNetwork = (chance: Chance): NetworkPlan => {
  const latencyMinMs = chance.pick([0, 0, 1, 5])
  return {
    latencyMinMs,
    latencyMaxMs: latencyMinMs + chance.pick([0, 1, 10]),
    pieceBytesMax: chance.pick([0, 0, 0, 300, 2000]),
    windowBytes: chance.pick([256 * 1024, 256 * 1024, 4096, 1024]),
  }
}

/** A plan whose end is not known yet. */
export type DrawnPlan = Omit<Plan, 'calmAtMs'>

/** Draws everything that the seed decides. */
export const drawPlan = (seed: number): Plan => {
  const chance = new Chance(seed)
  const cluster = drawCluster(chance.fork(1))
  const topics = drawTopics(chance.fork(2), cluster.nodes)
  const network = drawNetwork(chance.fork(3))
  const options = drawOptions(chance.fork(4))
  const isCalm = chance.percent(12)
  const durationMs = chance.pick([300, 2000, 5000, 15_000])
  const calls = drawCalls(chance.fork(5), { topics, durationMs })
  const faults = isCalm ? [] : drawFaults(chance.fork(6), { topics, cluster, durationMs })
  const bootstrap = chance.pick(['first', 'all', 'name'] as const)
  const ending = drawEnding(chance.fork(7), durationMs)
  const drawn = { seed, cluster, network, topics, options, bootstrap, calls, faults, ending }
  const bend = bendOf(seed)
  const plan: DrawnPlan = bend === undefined ? drawn : bend(drawn, chance.fork(8), durationMs)
  return { ...plan, calmAtMs: calmAt(plan, durationMs) }
}

const calmAt = ({ faults, claims = [] }: DrawnPlan, durationMs: number): number =>
  Math.max(
    durationMs,
    ...faults.map(({ atMs, forMs }) => atMs + forMs),
    ...claims.map(({ toMs }) => toMs),
  )
