// Partitioners as kafkajs knows them: a function that makes the function that chooses. Those of
// kafkajs itself are known to millrace and chosen there; a user's own is asked here, message by
// message.

import { type PartitionView, partitionForKey } from 'millrace'
import { KafkaJSNonRetriableError } from './errors.ts'
import type { Message } from './message.ts'

/** A partition, as partitioners see it. `replicas` and `isr` are empty. */
export interface PartitionMetadata {
  partitionErrorCode: number
  partitionId: number
  /** The node that leads the partition; -1 = none now. */
  leader: number
  /** Empty: millrace does not keep them. */
  replicas: number[]
  isr: number[]
  offlineReplicas?: number[]
}

/** What a partitioner is told of a message. */
export interface PartitionerArgs {
  topic: string
  partitionMetadata: PartitionMetadata[]
  message: Message
}

export type Choose = (args: PartitionerArgs) => number
/** Makes a partitioner: it is called once for each producer. */
export type ICustomPartitioner = () => Choose
/** The type of `Partitioners.DefaultPartitioner`. */
export type DefaultPartitioner = ICustomPartitioner
/** The type of `Partitioners.LegacyPartitioner`. */
export type LegacyPartitioner = ICustomPartitioner

const byKey = (name: 'java' | 'kafkajs_legacy'): ICustomPartitioner => {
  return () => {
    const counters = new Map<string, number>()
    return ({ topic, partitionMetadata, message }) => {
      const { key, partition } = message
      if (partition !== undefined && partition !== null) return partition
      if (key !== undefined && key !== null) {
        return partitionForKey(key, partitionMetadata.length, name)
      }
      const all = partitionMetadata.map(({ partitionId }) => partitionId)
      const led = partitionMetadata.filter(({ leader }) => leader >= 0)
      const free = led.length > 0 ? led.map(({ partitionId }) => partitionId) : all
      const count = counters.get(topic) ?? Math.floor(Math.random() * free.length)
      counters.set(topic, count + 1)
      return free[count % free.length]!
    }
  }
}

const defaultPartitioner = byKey('java')
const legacyPartitioner = byKey('kafkajs_legacy')

/** kafkajs's partitioners: the default one is Java's, the legacy one kafkajs 1's. */
export const Partitioners: {
  readonly DefaultPartitioner: DefaultPartitioner
  readonly LegacyPartitioner: LegacyPartitioner
  readonly JavaCompatiblePartitioner: DefaultPartitioner
} = {
  DefaultPartitioner: defaultPartitioner,
  LegacyPartitioner: legacyPartitioner,
  JavaCompatiblePartitioner: defaultPartitioner,
}

/** The partitioner of millrace that does what this one does; null = ask it here. */
export const nativePartitioner = (
  createPartitioner: ICustomPartitioner | null | undefined,
): 'java' | 'kafkajs_legacy' | null => {
  if (createPartitioner === undefined || createPartitioner === null) return 'java'
  if (createPartitioner === defaultPartitioner) return 'java'
  return createPartitioner === legacyPartitioner ? 'kafkajs_legacy' : null
}

const leaderNotAvailable = 5

export const toPartitionMetadata = (views: readonly PartitionView[]): PartitionMetadata[] =>
  views.map(({ leaderId }, partitionId) => ({
    partitionErrorCode: leaderId < 0 ? leaderNotAvailable : 0,
    partitionId,
    leader: leaderId,
    replicas: [],
    isr: [],
    offlineReplicas: [],
  }))

/** Asks a user's partitioner; throws where it answers no partition that there is. */
export const choosePartition = (choose: Choose, args: PartitionerArgs): number => {
  const partition: unknown = choose(args)
  const count = args.partitionMetadata.length
  if (Number.isInteger(partition) && (partition as number) >= 0 && (partition as number) < count) {
    return partition as number
  }
  throw new KafkaJSNonRetriableError(
    `the partitioner answered ${String(partition)} for topic '${args.topic}': ` +
      `expected a whole number from 0 to ${count - 1}`,
  )
}
