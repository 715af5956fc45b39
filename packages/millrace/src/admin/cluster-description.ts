// Describes the cluster, its consumer groups, their offsets, and the offsets of partitions, for
// Admin. It keeps no state and changes nothing in the cluster. Callers: admin.ts, record-reader.ts,
// and transactions.ts.

import { listOffsetsApi } from '../protocol/api/02-list-offsets.ts'
import { offsetFetchApi } from '../protocol/api/09-offset-fetch.ts'
import { listGroupsApi } from '../protocol/api/16-list-groups.ts'
import type { BrokerCalls } from './broker-calls.ts'
import { checkOneOf, checkText, checkTimestamp } from './check.ts'
import { requestLeaders } from './leaders.ts'
import { outcomeError } from './topic-changes.ts'

/** One broker in the description of a cluster. */
export interface BrokerDescription {
  /** The broker's node id. */
  readonly nodeId: number
  /** The host of its client listener. */
  readonly host: string
  /** The port of that listener. */
  readonly port: number
  /** The `broker.rack` of the broker; `null` = none. */
  readonly rack: string | null
}

/** The result of `Admin.describeCluster`. */
export interface ClusterDescription {
  /** The id of the cluster; `null` = the brokers did not return it. */
  readonly clusterId: string | null
  /**
   * Node id of the controller; -1 = none now. With KRaft it is any broker, which forwards requests
   * to the controller.
   */
  readonly controllerId: number
  /** The brokers of the cluster, in ascending order of their node ids. */
  readonly brokers: readonly BrokerDescription[]
}

/** One group in the result of `Admin.listConsumerGroups`. */
export interface ConsumerGroupSummary {
  /** The group's id. */
  readonly groupId: string
  /** The state: `Stable`, `Empty`, …; '' if the broker does not return it (before Kafka 2.6). */
  readonly state: string
  /**
   * The type: `classic` or `consumer`; '' if the broker does not return it (before Kafka 3.8).
   */
  readonly type: string
  /** `consumer` for groups of consumers. */
  readonly protocolType: string
  /** Node id of its coordinator. */
  readonly coordinatorId: number
}

/** One committed offset of a group. */
export interface ConsumerGroupOffset {
  /** The topic that the group reads. */
  readonly topic: string
  /** The partition that the group reads. */
  readonly partition: number
  /** Offset of the next record that the group reads. */
  readonly offset: number
  /** The leader epoch of the last read record; -1 = it was committed without one. */
  readonly leaderEpoch: number
  /** The text that the group stored with the offset. */
  readonly metadata: string
}

export const describeCluster = async (calls: BrokerCalls): Promise<ClusterDescription> => {
  const { clusterId, controllerId, brokers } = await calls.metadata({
    topics: [],
    allowAutoTopicCreation: false,
  })
  const rows = brokers.map(({ nodeId, host, port, rack }) => ({ nodeId, host, port, rack }))
  return { clusterId, controllerId, brokers: rows.sort((one, other) => one.nodeId - other.nodeId) }
}

/** The node ids of the brokers in the cluster's metadata. */
export const brokerIds = async (calls: BrokerCalls): Promise<readonly number[]> => {
  const { brokers } = await describeCluster(calls)
  return brokers.map(({ nodeId }) => nodeId)
}

/** Every broker coordinates some of the groups, so the request goes to all brokers. */
export const listConsumerGroups = (calls: BrokerCalls): Promise<readonly ConsumerGroupSummary[]> =>
  calls.untilDone(async () => {
    const ids = await brokerIds(calls)
    const responses = await Promise.all(
      ids.map(async (coordinatorId) => {
        const { groups } = await calls.toNode(coordinatorId, listGroupsApi, {}, (response, link) =>
          outcomeError(response, { api: listGroupsApi.name, broker: link.name, persisted: 'no' }),
        )
        return groups.map(({ groupId, groupState, groupType, protocolType }) => {
          return { groupId, state: groupState, type: groupType, protocolType, coordinatorId }
        })
      }),
    )
    return responses.flat().sort((one, other) => (one.groupId < other.groupId ? -1 : 1))
  }, true)

/** From this version on, an OffsetFetch request can contain several groups. */
const groupsFrom = 8

export const listConsumerGroupOffsets = async (
  calls: BrokerCalls,
  group: string,
): Promise<readonly ConsumerGroupOffset[]> => {
  const groupId = checkText('groupId', group)
  const { name: api } = offsetFetchApi
  const { groups, topics } = await calls.toCoordinator(
    'group',
    groupId,
    offsetFetchApi,
    (link) =>
      link.versionFor(offsetFetchApi) >= groupsFrom
        ? { groups: [{ groupId, topics: null }] }
        : { groupId, topics: null },
    (response, { name: broker }) =>
      outcomeError(response.groups[0] ?? response, { api, broker, persisted: 'no' }),
  )
  const names = await topicNames(calls, groups[0]?.topics ?? [])
  const found = groups[0]?.topics ?? topics
  return found
    .flatMap(({ name, partitions, ...rest }) =>
      partitions
        .filter(({ errorCode, committedOffset }) => errorCode === 0 && committedOffset >= 0)
        .map(({ partitionIndex, committedOffset, committedLeaderEpoch, metadata }) => ({
          topic: name || (names.get(idText((rest as WithId).topicId)) ?? ''),
          partition: partitionIndex,
          offset: committedOffset,
          leaderEpoch: committedLeaderEpoch,
          metadata: metadata ?? '',
        })),
    )
    .sort((one, other) =>
      one.topic === other.topic
        ? one.partition - other.partition
        : one.topic < other.topic
          ? -1
          : 1,
    )
}

interface WithId {
  readonly topicId?: Uint8Array
}

const idText = (topicId: Uint8Array | undefined): string =>
  topicId === undefined ? '' : Buffer.from(topicId).toString('hex')

/** From version 10 on, responses contain topic ids instead of names. */
const topicNames = async (
  calls: BrokerCalls,
  topics: readonly { readonly name: string }[],
): Promise<ReadonlyMap<string, string>> => {
  if (topics.every(({ name }) => name !== '')) return new Map()
  const all = await calls.metadata({ topics: null, allowAutoTopicCreation: false })
  return new Map(all.topics.map(({ topicId, name }) => [idText(topicId), name ?? '']))
}

/** Selects an offset of a partition: the first one, the end, or the first at or after a time. */
export type OffsetSpec = 'earliest' | 'latest' | { readonly timestamp: number }

/** Which records count: all, or only those without open and aborted transactions. */
export type OffsetIsolation = 'read_uncommitted' | 'read_committed'

export const isolations = ['read_uncommitted', 'read_committed'] as const

const consumerReplicaId = -1

const timestampOf = (spec: OffsetSpec): number => {
  if (spec === 'latest') return -1
  if (spec === 'earliest') return -2
  return checkTimestamp('spec', spec)
}

/** -1 = there is no record at or after this time. */
export const listOffsets = async (
  calls: BrokerCalls,
  topic: string,
  partitions: readonly number[] | null,
  spec: OffsetSpec,
  isolation: OffsetIsolation,
): Promise<ReadonlyMap<number, number>> => {
  const name = checkText('topic', topic)
  const timestamp = timestampOf(spec)
  checkOneOf('isolation', isolation, isolations)
  const api = listOffsetsApi.name
  return requestLeaders(calls, name, partitions, async (nodeId, requested) => {
    const request = {
      replicaId: consumerReplicaId,
      isolationLevel: isolations.indexOf(isolation),
      topics: [
        { name, partitions: requested.map((partitionIndex) => ({ partitionIndex, timestamp })) },
      ],
    }
    const offsets = new Map<number, number>()
    await calls.toNode(nodeId, listOffsetsApi, request, ({ topics }, { name: broker }) => {
      const found = topics.flatMap((each) => each.partitions)
      for (const partition of requested) {
        const outcome = found.find(({ partitionIndex }) => partitionIndex === partition)
        const context = { api, topic: name, partition, broker, persisted: 'no' } as const
        const error = outcomeError(outcome, context)
        if (error !== null) return error
        offsets.set(partition, outcome!.offset)
      }
      return null
    })
    return offsets
  })
}
