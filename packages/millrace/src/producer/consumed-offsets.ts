// Owns the check of the offsets and the group that a transaction commits, and their default values.
// Callers: Transaction, and the recording transaction of testing/. Invariant: the caller's objects
// are not changed.

import type { ConsumedOffset, GroupMetadata } from '../engine/ports.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { describeValue } from '../runtime/value-kinds.ts'
import { readArgument } from './field-check.ts'

/** The position of a consumer group in a partition: `offset` is the next one that it will read. */
export interface OffsetToCommit {
  /** The topic that was read. */
  readonly topic: string
  /** The partition that was read. */
  readonly partition: number
  /** The **next** offset to read: that of the last record read, plus one. */
  readonly offset: number
  /** Leader epoch of the last record read (KIP-320), if known. */
  readonly leaderEpoch?: number | undefined
  /** A readable text that is stored with the offset; '' by default. */
  readonly metadata?: string | undefined
}

/**
 * The group whose offsets are committed. With the generation and member id of a consumer, the
 * coordinator rejects a consumer that was replaced (KIP-447).
 */
export interface ConsumerGroupMetadata {
  /** The group's name: Kafka's `group.id`. */
  readonly groupId: string
  /** The generation in which the consumer joined; -1 by default. */
  readonly generationId?: number | undefined
  /** The member id of the consumer; `''` by default. */
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

/** Throws INVALID_ARGUMENT if one of them is invalid. */
export const offsetsOf = (offsets: readonly OffsetToCommit[]): readonly ConsumedOffset[] => {
  const entries = readArgument('offsets', () => {
    if (!Array.isArray(offsets)) throw wrong('offsets', offsets, 'an array')
    return Array.from(offsets as readonly OffsetToCommit[])
  })
  return entries.map((entry, index) => {
    const field = `offsets[${index}]`
    return readArgument(field, () => offsetOf(field, entry))
  })
}

const offsetOf = (field: string, entry: OffsetToCommit): ConsumedOffset => {
  if (!isObject(entry)) throw wrong(field, entry, '{ topic, partition, offset }')
  const { topic, partition, offset, metadata = '', leaderEpoch = -1 } = entry
  if (typeof metadata !== 'string') throw wrong(`${field}.metadata`, metadata, 'a string')
  return {
    topic: checkText(`${field}.topic`, topic),
    partition: checkInteger(`${field}.partition`, partition, 0, partitionMax),
    offset: checkInteger(`${field}.offset`, offset, 0, Number.MAX_SAFE_INTEGER),
    leaderEpoch: checkInteger(`${field}.leaderEpoch`, leaderEpoch, -1, partitionMax),
    metadata,
  }
}

/** Throws INVALID_ARGUMENT if it is invalid. */
export const groupMetadataOf = (group: string | ConsumerGroupMetadata): GroupMetadata => {
  if (typeof group === 'string') {
    const groupId = checkText('group', group)
    return { groupId, generationId: -1, memberId: '', groupInstanceId: null }
  }
  if (!isObject(group)) throw wrong('group', group, 'a group id or { groupId, generationId, … }')
  const fields = readArgument('group', () => ({ ...group }))
  const { groupId, generationId = -1, memberId = '', groupInstanceId = null } = fields
  if (typeof memberId !== 'string') throw wrong('group.memberId', memberId, 'a string')
  if (groupInstanceId !== null) checkText('group.groupInstanceId', groupInstanceId)
  return {
    groupId: checkText('group.groupId', groupId),
    generationId: checkInteger('group.generationId', generationId, -1, partitionMax),
    memberId,
    groupInstanceId,
  }
}
