// A process for sick-broker.test.ts: records without a key and with one at a steady rate, counted
// by partition and moment. SickBrokerLoad.java does the same with Java's producer.

import { type KafkaError, optionsFromProperties, Producer } from '../../src/index.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { silentLogger } from '../../src/runtime/logger.ts'

export interface SickLoad {
  /** Of the producer, by Kafka's names. */
  readonly properties: Readonly<Record<string, string>>
  readonly topic: string
  readonly partitions: number
  readonly keylessPerSecond: number
  readonly keyedPerSecond: number
  /** Keys that are used in turn. */
  readonly keys: readonly string[]
  readonly valueBytes: number
  /** At most. */
  readonly loadMs: number
  readonly bucketMs: number
  /** The load is over once so many records of each kind are delivered to these partitions. */
  readonly enough?: { readonly count: number; readonly partitions: readonly number[] } | undefined
}

/** Delivered records by partition and part of the run, each part of `bucketMs`. */
export interface SickSeries {
  /** By the moment of the call. */
  readonly sent: readonly (readonly number[])[]
  /** By the moment of the acknowledgement. */
  readonly delivered: readonly (readonly number[])[]
}

export interface SickReport {
  /** Milliseconds since the epoch. */
  readonly beganAt: number
  readonly keyless: SickSeries
  readonly keyed: SickSeries
  /** How many records failed, by their kind, the error, and the broker that it names. */
  readonly failed: Readonly<Record<string, number>>
}

/** A load that is later than this takes its schedule from where it is. */
const lagMsMax = 100

interface Counts {
  readonly sent: number[][]
  readonly delivered: number[][]
  /** Delivered records by partition. */
  readonly total: number[]
}

const runLoad = async (plan: SickLoad): Promise<void> => {
  const { topic, bucketMs } = plan
  const options = await optionsFromProperties(plan.properties)
  const producer = new Producer({ ...options, logger: silentLogger })
  const value = 'x'.repeat(plan.valueBytes)
  const partitions = Array.from({ length: plan.partitions }, (_, partition) => partition)
  await Promise.all(partitions.map((partition) => producer.send({ topic, partition, value })))

  const buckets = Math.floor(plan.loadMs / bucketMs) + 1
  const grid = () => partitions.map(() => new Array<number>(buckets).fill(0))
  const counts = (): Counts => ({
    sent: grid(),
    delivered: grid(),
    total: partitions.map(() => 0),
  })
  const keyless = counts()
  const keyed = counts()
  const failed: Record<string, number> = {}
  const startMs = performance.now()
  const beganAt = Date.now()
  console.log(JSON.stringify({ beganAt }))
  const bucket = () => Math.floor((performance.now() - startMs) / bucketMs)
  const note = (series: number[][], partition: number, at: number) => {
    if (at < buckets) series[partition]![at]! += 1
  }
  const send = (key: string | null, { sent, delivered, total }: Counts) => {
    const sentAt = bucket()
    producer.send({ topic, key, value }).then(
      ({ partition }) => {
        total[partition]! += 1
        note(sent, partition, sentAt)
        note(delivered, partition, bucket())
      },
      (error: KafkaError) => {
        const name = [key === null ? 'keyless' : 'keyed', error.code, error.broker].join(' ').trim()
        failed[name] = (failed[name] ?? 0) + 1
      },
    )
  }
  const paced = (perSecond: number, sendOne: (index: number) => void) => {
    let scheduleMs = perSecond === 0 ? Number.POSITIVE_INFINITY : 0
    let count = 0
    return (nowMs: number) => {
      if (nowMs - scheduleMs > lagMsMax) scheduleMs = nowMs - lagMsMax
      for (const stepMs = 1000 / perSecond; scheduleMs < nowMs; scheduleMs += stepMs) {
        sendOne(count++)
      }
    }
  }
  const loads = [
    paced(plan.keylessPerSecond, () => send(null, keyless)),
    paced(plan.keyedPerSecond, (index) => send(plan.keys[index % plan.keys.length]!, keyed)),
  ]
  const { enough } = plan
  const isEnough = () =>
    enough !== undefined &&
    [keyless, keyed].every(({ total }) => {
      const counts = enough.partitions.map((partition) => total[partition]!)
      return counts.reduce((sum, count) => sum + count) >= enough.count
    })
  const tick = () => {
    const nowMs = performance.now() - startMs
    if (nowMs >= plan.loadMs || isEnough()) return finish()
    for (const load of loads) load(nowMs)
    systemClock.setTimer(2, tick)
  }
  const finish = async () => {
    console.log(JSON.stringify({ isEnough: isEnough() }))
    await producer.close()
    const report: SickReport = { beganAt, keyless, keyed, failed }
    console.log(JSON.stringify(report))
  }
  tick()
}

await runLoad(JSON.parse(process.argv[2]!) as SickLoad)
