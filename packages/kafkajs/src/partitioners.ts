// Partitioners with kafkajs's interface: a function that returns the function that chooses a
// partition. Millrace implements kafkajs's own partitioners; a user's partitioner is called here
// once for each message. Callers: sender.ts, config.ts, and names.ts.

import { type PartitionView, partitionForKey } from 'millrace'
import { refused } from './errors.ts'
import { type Message, toPartition } from './message.ts'

/** A partition, as a partitioner receives it. `replicas` and `isr` are empty. */
export interface PartitionMetadata {
  /** 0, or Kafka's error number if the partition has no leader. */
  partitionErrorCode: number
  /** The number of the partition. */
  partitionId: number
  /** The node id of the leader; -1 = none now. */
  leader: number
  /** Empty: millrace does not store them. */
  replicas: number[]
  /** Empty, as `replicas`. */
  isr: number[]
  /** Empty or missing, as `replicas`. */
  offlineReplicas?: number[]
}

/** The arguments of a partitioner. */
export interface PartitionerArgs {
  /** The topic of the message. */
  topic: string
  /** The partitions of the topic. */
  partitionMetadata: PartitionMetadata[]
  /** The message to choose a partition for. */
  message: Message
}

export type Choose = (args: PartitionerArgs) => number
/** Creates a partitioner; it is called once for each producer. */
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
      if (partition !== undefined && partition !== null) return toPartition(partition)!
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

/** millrace's name for the same partitioner; null = a user's partitioner, which is called here. */
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

/** Calls a user's partitioner; throws if it returns a partition that the topic does not have. */
export const choosePartition = (choose: Choose, args: PartitionerArgs): number => {
  const returned: unknown = choose(args)
  const partition = toPartition(returned)
  const count = args.partitionMetadata.length
  if (Number.isInteger(partition) && partition! >= 0 && partition! < count) return partition!
  throw refused(
    `The partitioner must return a whole number from 0 to ${count - 1} for topic ` +
      `"${args.topic}", got ${String(returned)}`,
  )
}
