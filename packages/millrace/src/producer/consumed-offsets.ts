// Checks the offsets and the group that a transaction is to commit, and fills in what was left out.

import type { ConsumedOffset, GroupMetadata } from '../engine/ports.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { describeValue } from '../runtime/value-kinds.ts'

/** What a consumer group has read: `offset` is the next one that it is to read. */
export interface OffsetToCommit {
  /** The topic that was read. */
  readonly topic: string
  /** The partition that was read. */
  readonly partition: number
  /** The **next** offset to read: that of the last record read, plus one. */
  readonly offset: number
  /** Leader epoch of the last record read (KIP-320); omitted without it. */
  readonly leaderEpoch?: number | undefined
  /** For people; '' without it. */
  readonly metadata?: string | undefined
}

/**
 * The group whose offsets are committed. With a consumer's generation and member id, its
 * coordinator rejects a consumer that it has replaced (KIP-447).
 */
export interface ConsumerGroupMetadata {
  /** The group's name: Kafka's `group.id`. */
  readonly groupId: string
  /** The generation in which the consumer joined; -1 without it. */
  readonly generationId?: number | undefined
  /** The consumer's id in the group; `''` without it. */
  readonly memberId?: string | undefined
  /** The id of a static member: Kafka's `group.instance.id`. */
  readonly groupInstanceId?: string | null | undefined
}

const partitionMax = 2 ** 31 - 1

const wrong = (field: string, value: unknown, bounds: string): KafkaError =>
  new KafkaError('INVALID_ARGUMENT', `${field} must be ${bounds}, got ${describeValue(value)}`)

const checkInteger = (field: string, value: unknown, min: number, max: number): number => {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) {
    return value
  }
  throw wrong(field, value, `a whole number from ${min} to ${max}`)
}

const checkText = (field: string, value: unknown): string => {
  if (typeof value === 'string' && value !== '') return value
  throw wrong(field, value, 'a string that is not empty')
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

/** Throws INVALID_ARGUMENT if one of them is wrong. */
export const offsetsOf = (offsets: readonly OffsetToCommit[]): readonly ConsumedOffset[] => {
  if (!Array.isArray(offsets)) throw wrong('offsets', offsets, 'an array')
  return offsets.map((entry: OffsetToCommit, index) => {
    const field = `offsets[${index}]`
    if (!isObject(entry)) throw wrong(field, entry, '{ topic, partition, offset }')
    const { metadata = '', leaderEpoch = -1 } = entry
    if (typeof metadata !== 'string') throw wrong(`${field}.metadata`, metadata, 'a string')
    return {
      topic: checkText(`${field}.topic`, entry.topic),
      partition: checkInteger(`${field}.partition`, entry.partition, 0, partitionMax),
      offset: checkInteger(`${field}.offset`, entry.offset, 0, Number.MAX_SAFE_INTEGER),
      leaderEpoch: checkInteger(`${field}.leaderEpoch`, leaderEpoch, -1, partitionMax),
      metadata,
    }
  })
}

/** Throws INVALID_ARGUMENT if it is wrong. */
export const groupMetadataOf = (group: string | ConsumerGroupMetadata): GroupMetadata => {
  if (typeof group === 'string') {
    const groupId = checkText('group', group)
    return { groupId, generationId: -1, memberId: '', groupInstanceId: null }
  }
  if (!isObject(group)) throw wrong('group', group, 'a group id or { groupId, generationId, … }')
  const { generationId = -1, memberId = '', groupInstanceId = null } = group
  if (typeof memberId !== 'string') throw wrong('group.memberId', memberId, 'a string')
  if (groupInstanceId !== null) checkText('group.groupInstanceId', groupInstanceId)
  return {
    groupId: checkText('group.groupId', group.groupId),
    generationId: checkInteger('group.generationId', generationId, -1, partitionMax),
    memberId,
    groupInstanceId,
  }
}
