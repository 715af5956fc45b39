// What a seed with a spool does: the lives of its processes, what they send, how they end, and what
// goes wrong meanwhile.

import { Chance } from './chance.ts'

export interface SpoolCall {
  readonly atMs: number
  readonly kind: 'submit' | 'enqueue' | 'send'
  readonly topic: string
  readonly partition: number
  readonly bytes: number
}

export interface LifePlan {
  readonly calls: readonly SpoolCall[]
  /** How the process ends, after so many milliseconds. */
  readonly endsAtMs: number
  readonly end: 'crash' | 'close'
}

export type SpoolFault =
  | { readonly kind: 'stop'; readonly node: number }
  | { readonly kind: 'lost'; readonly count: number }
  | { readonly kind: 'error'; readonly error: string; readonly at: 'before' | 'after' }
  | { readonly kind: 'slow'; readonly delayMs: number }
  | { readonly kind: 'moveLeader'; readonly topic: string; readonly node: number }
  | { readonly kind: 'diskFull' }
  /** One partition has no leader. */
  | { readonly kind: 'leaderless'; readonly topic: string; readonly partition: number }

export type TimedFault = SpoolFault & { readonly atMs: number; readonly forMs: number }

export interface SpoolPlan {
  readonly seed: number
  readonly durability: 'process' | 'machine'
  readonly topics: Readonly<Record<string, number>>
  readonly nodes: number
  readonly maxBytes: number
  readonly bufferMemoryBytes: number
  readonly batchBytes: number
  /** The topics' max.message.bytes: a larger record fails permanently. */
  readonly messageBytesMax: number
  /** Refused records go to a topic, whose max.message.bytes this is; null = no dead letters. */
  readonly deadLetterBytesMax: number | null
  readonly diskLatencyMs: number
  readonly networkLatencyMs: number
  readonly lives: readonly LifePlan[]
  readonly faults: readonly TimedFault[]
}

const drawCalls = (chance: Chance, topics: Readonly<Record<string, number>>, endsAtMs: number) => {
  const calls: SpoolCall[] = []
  const kinds = chance.pick([
    ['submit'],
    ['submit', 'enqueue'],
    ['submit', 'send'],
  ] as const) as readonly SpoolCall['kind'][]
  for (let burst = chance.between(1, 6); burst > 0; burst--) {
    const atMs = chance.between(0, Math.max(1, endsAtMs))
    const topic = chance.pick(Object.keys(topics))
    const isSpread = chance.percent(50)
    const partition = chance.between(0, topics[topic]! - 1)
    for (
      let count = chance.weighted([
        [3, 1],
        [3, 8],
        [2, 40],
      ] as const);
      count > 0;
      count--
    ) {
      calls.push({
        atMs: atMs + (isSpread ? chance.between(0, 20) : 0),
        kind: chance.pick(kinds),
        topic,
        partition: isSpread ? chance.between(0, topics[topic]! - 1) : partition,
        bytes: chance.weighted([
          [5, 20],
          [2, 400],
          [1, 3000],
        ] as const),
      })
    }
  }
  return calls.sort((a, b) => a.atMs - b.atMs)
}

const drawFault = (chance: Chance, nodes: number, topic: string): SpoolFault => {
  const errors = ['NOT_LEADER_OR_FOLLOWER', 'REQUEST_TIMED_OUT', 'NOT_ENOUGH_REPLICAS'] as const
  return chance.weighted<SpoolFault>([
    [4, { kind: 'stop', node: chance.between(1, nodes) }],
    [5, { kind: 'lost', count: chance.between(1, 4) }],
    [2, { kind: 'error', error: chance.pick(errors), at: 'before' }],
    [1, { kind: 'error', error: 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', at: 'after' }],
    [3, { kind: 'slow', delayMs: chance.between(1, 60) }],
    [2, { kind: 'moveLeader', topic, node: chance.between(1, nodes) }],
    [1, { kind: 'diskFull' }],
  ])
}

export const drawSpoolPlan = (seed: number): SpoolPlan => {
  const chance = new Chance(seed)
  const nodes = chance.between(1, 3)
  const topics: Record<string, number> = { alpha: chance.between(1, 3) }
  if (chance.percent(40)) topics.beta = chance.between(1, 2)
  const lives: LifePlan[] = []
  for (let life = chance.between(1, 5); life > 0; life--) {
    const endsAtMs = chance.weighted([
      [1, chance.between(0, 20)],
      [3, chance.between(20, 200)],
      [2, chance.between(200, 1500)],
    ])
    const calls = drawCalls(chance, topics, endsAtMs)
    lives.push({ calls, endsAtMs, end: chance.percent(80) ? 'crash' : 'close' })
  }
  const faults: TimedFault[] = []
  const spanMs = lives.reduce((sum, { endsAtMs }) => sum + endsAtMs, 0)
  for (let count = chance.between(0, 5); count > 0; count--) {
    const fault = drawFault(chance, nodes, chance.pick(Object.keys(topics)))
    const atMs = chance.between(0, spanMs)
    faults.push({ ...fault, atMs, forMs: chance.between(10, 800) })
  }
  const plan = {
    seed,
    durability: chance.percent(50) ? 'process' : 'machine',
    topics,
    nodes,
    maxBytes: chance.pick([2 ** 20, 2 ** 30]),
    bufferMemoryBytes: chance.pick([64 * 1024, 128 * 1024, 2 ** 20]),
    batchBytes: chance.pick([1024, 4096, 16_384]),
    messageBytesMax: chance.percent(25) ? 2500 : 2 ** 20,
    deadLetterBytesMax: null,
    diskLatencyMs: chance.pick([0.1, 1, 10]),
    networkLatencyMs: chance.between(0, 10),
    lives,
    faults,
  } as const satisfies SpoolPlan
  const more = new Chance(seed + leaderlessOffset)
  if (more.percent(25)) return withLeaderless(plan, more, spanMs)
  return more.percent(25) ? withDeadLetters(plan, more) : plan
}

/** Records are refused, and their dead letters may be, too. */
const withDeadLetters = (plan: SpoolPlan, chance: Chance): SpoolPlan => ({
  ...plan,
  messageBytesMax: 2500,
  deadLetterBytesMax: chance.pick([2500, 2 ** 20]),
})

/** Seeds that do not draw it are what they were before there was this fault. */
const leaderlessOffset = 424_256

/** One partition takes nothing for long, while small files of the spool are filled by others. */
const withLeaderless = (plan: SpoolPlan, chance: Chance, spanMs: number): SpoolPlan => {
  const topic = chance.pick(Object.keys(plan.topics))
  const partition = chance.between(0, plan.topics[topic]! - 1)
  const partitions = Object.entries(plan.topics).flatMap(([name, count]) =>
    Array.from({ length: count }, (_, number) => ({ topic: name, partition: number })),
  )
  const isOther = (one: (typeof partitions)[number]): boolean =>
    one.topic !== topic || one.partition !== partition
  const others = partitions.length === 1 ? partitions : partitions.filter(isOther)
  const atMs = chance.between(0, Math.ceil(spanMs / 2))
  const forMs = chance.between(500, 6000)
  const lives = plan.lives.map((life): LifePlan => {
    const endsAtMs = life.endsAtMs + chance.between(0, 4000)
    const calls = [...life.calls]
    for (let burst = chance.between(2, 8); burst > 0; burst--) {
      const burstMs = chance.between(0, endsAtMs)
      for (let count = chance.between(1, 120); count > 0; count--) {
        const target = chance.percent(3) ? { topic, partition } : chance.pick(others)
        calls.push({ atMs: burstMs, kind: 'submit', ...target, bytes: 400 })
      }
    }
    return { ...life, endsAtMs, calls: calls.sort((a, b) => a.atMs - b.atMs) }
  })
  const faults = [...plan.faults, { kind: 'leaderless', topic, partition, atMs, forMs } as const]
  return { ...plan, maxBytes: 2 ** 20, lives, faults }
}
