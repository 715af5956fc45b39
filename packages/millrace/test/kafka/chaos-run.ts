// Three nodes of a real Kafka, a load of numbered records, and faults one after the other,
// each begun when all replicas are in sync again. Java's consumer then says what is in the log.

import { systemClock } from '../../src/runtime/clock.ts'
import type { LoadReport } from '../soak/load-plan.ts'
import { numberOf } from '../soak/load-plan.ts'
import { LoadProcess, pause } from '../soak/load-process.ts'
import { LogCheck, type LogFindings } from '../soak/log-check.ts'
import { javaConsume, type Kafka, startKafka } from './fixture/index.ts'

export type KafkaFault =
  /** kill -9 of the node that leads partition 0; it comes back after a while. */
  | { readonly kind: 'kill'; readonly awayMs: number }
  /** SIGSTOP of the node that leads partition 0, and SIGCONT. */
  | { readonly kind: 'freeze'; readonly forMs: number }
  /** An orderly restart of these nodes, one after the other. */
  | { readonly kind: 'restart'; readonly nodes: readonly number[] }

export interface ChaosPlan {
  readonly recordsPerSecond: number
  /** More than will be sent in that time. */
  readonly recordsMax: number
  readonly faults: readonly KafkaFault[]
  /** Undisturbed sending before the first one and after each. */
  readonly calmMs: number
  /** Sending goes on for at least as long. */
  readonly runAtLeastMs: number
}

/** Records per second that the issue names. */
export const chaosRate = 20_000

export const shortChaos: ChaosPlan = {
  recordsPerSecond: chaosRate,
  recordsMax: 4_000_000,
  faults: [
    { kind: 'kill', awayMs: 1_000 },
    { kind: 'freeze', forMs: 5_000 },
    { kind: 'restart', nodes: [1] },
  ],
  calmMs: 1_000,
  runAtLeastMs: 0,
}

export const longChaos: ChaosPlan = {
  recordsPerSecond: chaosRate,
  recordsMax: 16_000_000,
  faults: [
    { kind: 'kill', awayMs: 10_000 },
    { kind: 'kill', awayMs: 1_000 },
    { kind: 'freeze', forMs: 15_000 },
    { kind: 'restart', nodes: [1, 2, 3] },
  ],
  calmMs: 15_000,
  runAtLeastMs: 300_000,
}

export interface ChaosOutcome {
  readonly report: LoadReport
  readonly exitCode: number | null
  readonly findings: LogFindings
}

const topic = 'chaos'
const partitions = 6
const replicas = 3
const inSyncPauseMs = 250
const inSyncTimeoutMs = 120_000

const untilInSync = async (kafka: Kafka): Promise<void> => {
  const deadline = systemClock.now() + inSyncTimeoutMs
  for (;;) {
    const found = (await kafka.admin.describeTopic(topic)).partitions
    if (found.every(({ inSync, leader }) => inSync.length === replicas && leader > 0)) return
    if (systemClock.now() > deadline) {
      throw new Error(`The replicas do not get in sync: ${JSON.stringify(found)}`)
    }
    await pause(inSyncPauseMs)
  }
}

const leaderOf = async (kafka: Kafka): Promise<number> =>
  (await kafka.admin.describeTopic(topic)).partitions[0]!.leader

const applyFault = async (kafka: Kafka, fault: KafkaFault): Promise<void> => {
  switch (fault.kind) {
    case 'kill': {
      const node = kafka.node(await leaderOf(kafka))
      await node.kill('SIGKILL')
      await pause(fault.awayMs)
      return node.start()
    }
    case 'freeze': {
      const node = kafka.node(await leaderOf(kafka))
      await node.kill('SIGSTOP')
      await pause(fault.forMs)
      return node.kill('SIGCONT')
    }
    case 'restart': {
      for (const id of fault.nodes) {
        await kafka.node(id).restart()
        await untilInSync(kafka)
      }
      return
    }
    default:
      fault satisfies never
  }
}

const judge = async (kafka: Kafka, check: LogCheck): Promise<LogFindings> => {
  await javaConsume({
    brokers: kafka.brokers,
    topic,
    timeoutMs: 600_000,
    onRecord: ({ value, partition, offset }) => check.onRecord(numberOf(value!), partition, offset),
  })
  return check.findings()
}

/** Runs the plan; `say` hears what happens. */
export const runChaos = async (
  plan: ChaosPlan,
  say: (sentence: string) => void,
): Promise<ChaosOutcome> => {
  await using kafka = await startKafka({ nodes: replicas })
  const configs = { 'min.insync.replicas': '2' }
  await kafka.admin.createTopic(topic, { partitions, replicationFactor: replicas, configs })
  await using load = await LoadProcess.start({
    brokers: kafka.brokers,
    topic,
    recordsPerSecond: plan.recordsPerSecond,
    valueBytes: 100,
    recordsMax: plan.recordsMax,
    offer: 'paced',
    measureEveryMs: 0,
    options: { clientId: 'chaos' },
  })
  await load.until(({ delivered }) => delivered > 0)
  const start = systemClock.now()
  await pause(plan.calmMs)
  for (const fault of plan.faults) {
    say(`${JSON.stringify(fault)} (${load.progress.delivered} delivered so far)`)
    await untilInSync(kafka)
    await applyFault(kafka, fault)
    const { delivered } = load.progress
    await load.until((progress) => progress.delivered > delivered)
    await untilInSync(kafka)
    await pause(plan.calmMs)
  }
  await pause(Math.max(0, start + plan.runAtLeastMs - systemClock.now()))
  const { report, fates, exitCode } = await load.stop()
  say(`sent ${report.sent} records in ${Math.round(report.ranMs / 1000)} s; reading them back`)
  await untilInSync(kafka)
  return { report, exitCode, findings: await judge(kafka, new LogCheck(fates)) }
}
