// One broker of three that hangs or is slow, and racks: the producer on virtual time, 2,000 records
// of 1 KB a second.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type KafkaError, Producer, type ProducerOptions } from '../../src/index.ts'
import { onStage, type Stage } from '../layers/stage.ts'

const topic = 't'
const stageOptions = {
  nodes: 3,
  topics: { [topic]: { partitions: 6, replicationFactor: 1 } },
}
const value = 'x'.repeat(1000)

interface Load {
  /** Records delivered in each second. */
  readonly delivered: number[]
  readonly errors: KafkaError[]
}

const pause = (stage: Stage, delayMs: number): Promise<void> =>
  stage.run(new Promise((resolve) => void stage.clock.setTimer(delayMs, resolve)))

/** 2,000 records a second; `partitionOf` names the partition of each, undefined = without a key. */
const load = async (
  stage: Stage,
  options: Partial<ProducerOptions>,
  seconds: number,
  partitionOf: (index: number) => number | undefined,
  atSecond: (second: number) => void,
): Promise<Load> => {
  const producer = new Producer(stage.target(options), stage.environment)
  const delivered = Array.from({ length: seconds }, () => 0)
  const errors: KafkaError[] = []
  const startMs = stage.clock.now()
  const onDelivered = (): void => {
    const second = Math.floor((stage.clock.now() - startMs) / 1000)
    if (second < seconds) delivered[second]! += 1
  }
  let sent = 0
  for (let tick = 0; tick < seconds * 100; tick += 1) {
    if (tick % 100 === 0) atSecond(tick / 100)
    for (let count = 0; count < 20; count += 1) {
      const partition = partitionOf(sent++)
      producer.send({ topic, value, partition }).then(onDelivered, (error) => errors.push(error))
    }
    await pause(stage, 10)
  }
  producer.destroy()
  return { delivered, errors }
}

describe('a broker of three that hangs', () => {
  it('does not stop records without a key: their rate falls for less than two seconds', () =>
    onStage(stageOptions, async (stage) => {
      const { delivered } = await load(
        stage,
        {},
        40,
        () => undefined,
        (second) => {
          if (second === 3) stage.cluster.node(3).blackHole(true)
        },
      )
      const low = delivered.slice(1).filter((count) => count < 1950)
      assert.ok(low.length <= 2 && low.every((count) => count > 1000), delivered.join())
    }))
})

describe('a broker of three that takes 200 ms for each response', () => {
  it('does not reduce the throughput of records without a key', () =>
    onStage(stageOptions, async (stage) => {
      stage.cluster.fault({
        api: 'Produce',
        node: 3,
        delayMs: 200,
        count: Number.POSITIVE_INFINITY,
      })
      const { delivered } = await load(
        stage,
        {},
        20,
        () => undefined,
        () => undefined,
      )
      assert.ok(
        delivered.slice(2).every((count) => count > 1800),
        delivered.join(),
      )
    }))
})

describe('racks', () => {
  it('of the brokers decide where records without a key go', () =>
    onStage({ ...stageOptions, racks: ['a', 'b', 'c'] }, async (stage) => {
      const leaderOf = (partition: number): number =>
        stage.cluster.partitions(topic)[partition]!.leader
      const leaders = (): Set<number> =>
        new Set(stage.cluster.records(topic).map(({ partition }) => leaderOf(partition)))
      await load(
        stage,
        { rack: 'b' },
        3,
        () => undefined,
        () => undefined,
      )
      assert.deepEqual([...leaders()], [2])
      await load(
        stage,
        { rack: 'none of them' },
        3,
        () => undefined,
        () => undefined,
      )
      assert.deepEqual([...leaders()].sort(), [1, 2, 3])
    }))
})
