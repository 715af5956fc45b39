// Checks the offsets and the group that a transaction is to commit, and fills in what was left out.

import type { ConsumedOffset, GroupMetadata } from '../engine/ports.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import type { ConsumerGroupMetadata, OffsetToCommit } from './transaction.ts'

const partitionMax = 2 ** 31 - 1

const describe = (value: unknown): string =>
  typeof value === 'string' ? JSON.stringify(value) : String(value)

const wrong = (field: string, value: unknown, bounds: string): KafkaError =>
  new KafkaError('INVALID_ARGUMENT', `${field} is ${describe(value)}: expected ${bounds}`)

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

/** Throws INVALID_ARGUMENT where one of them is wrong. */
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

/** Throws INVALID_ARGUMENT where it is wrong. */
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
