// Deletes topics and records, adds partitions, and changes settings, for Admin. If a broker rejects
// a change, the call must reject with the broker's error code and message. Callers: admin.ts,
// cluster-description.ts, and transactions.ts (for outcomeError).

import { checkFields } from '../producer/field-check.ts'
import { deleteTopicsApi } from '../protocol/api/20-delete-topics.ts'
import { deleteRecordsApi } from '../protocol/api/21-delete-records.ts'
import { createPartitionsApi } from '../protocol/api/37-create-partitions.ts'
import { incrementalAlterConfigsApi } from '../protocol/api/44-incremental-alter-configs.ts'
import { brokerError, errorNumber } from '../protocol/errors.ts'
import { type ErrorContext, KafkaError } from '../protocol/kafka-error.ts'
import { describeValue } from '../runtime/value-kinds.ts'
import type { BrokerCalls } from './broker-calls.ts'
import {
  checkArray,
  checkBoolean,
  checkMap,
  checkOneOf,
  checkPartition,
  checkText,
  checkWhole,
} from './check.ts'
import { requestLeaders } from './leaders.ts'

/** The topic or the broker that the settings belong to. */
export interface ConfigResource {
  /** Whether `name` names a topic or a broker. */
  readonly type: 'topic' | 'broker'
  /** The topic's name, or the broker's node id as text; '' = the default for all brokers. */
  readonly name: string
}

/** A change of one setting; the others stay as they are. */
export interface ConfigChange {
  /** Kafka's name of the setting: `retention.ms`. */
  readonly name: string
  /**
   * `delete` restores the default; `append` and `subtract` add entries to a list or remove them.
   */
  readonly operation: 'set' | 'delete' | 'append' | 'subtract'
  /** The new value, or the list entries; required unless `operation` is `delete`. */
  readonly value?: string | undefined
}

const operationNumbers = { set: 0, delete: 1, append: 2, subtract: 3 } as const
const resourceNumbers = { topic: 2, broker: 4 } as const
/** From this version on, DeleteTopics has the topic names in `topics`, not in `topicNames`. */
const topicStatesFrom = 6

/** The error fields that responses have for each topic, partition or resource. */
interface Outcome {
  readonly errorCode: number
  readonly errorMessage?: string | null | undefined
}

/**
 * The error of a response for one topic, partition, or resource; null = success. If the response
 * does not mention it, the broker may have made the change anyway.
 */
export const outcomeError = (
  outcome: Outcome | undefined,
  context: ErrorContext & { readonly api: string },
): KafkaError | null => {
  if (outcome === undefined) {
    const text = `The response to ${context.api} must have a result for each item of the request`
    return new KafkaError('MALFORMED_RESPONSE', text, { ...context, persisted: 'maybe' })
  }
  if (outcome.errorCode === errorNumber.NONE) return null
  const brokerMessage = outcome.errorMessage ?? undefined
  return brokerError(outcome.errorCode, { ...context, brokerMessage })
}

export const deleteTopic = async (
  calls: BrokerCalls,
  topic: string,
  timeoutMs: number,
): Promise<void> => {
  const name = checkText('name', topic)
  await calls.toController(
    deleteTopicsApi,
    (link) =>
      link.versionFor(deleteTopicsApi) >= topicStatesFrom
        ? { topics: [{ name }], timeoutMs }
        : { topicNames: [name], timeoutMs },
    ({ responses }, { name: broker }) => {
      const outcome = responses.find((each) => each.name === name)
      return outcomeError(outcome, { api: deleteTopicsApi.name, topic: name, broker })
    },
  )
}

export const createPartitions = async (
  calls: BrokerCalls,
  topic: string,
  totalCount: number,
  timeoutMs: number,
): Promise<void> => {
  const name = checkText('topic', topic)
  const count = checkWhole('totalCount', totalCount, 1, 2 ** 31 - 1)
  await calls.toController(
    createPartitionsApi,
    { topics: [{ name, count, assignments: null }], timeoutMs },
    ({ results }, { name: broker }) => {
      const outcome = results.find((each) => each.name === name)
      return outcomeError(outcome, { api: createPartitionsApi.name, topic: name, broker })
    },
  )
}

const operations = Object.keys(operationNumbers) as (keyof typeof operationNumbers)[]

const checkChange = (given: ConfigChange) => {
  const change = checkFields('a change of a setting', given, ['name', 'operation', 'value'])
  const name = checkText('name', change.name)
  const configOperation = operationNumbers[checkOneOf('operation', change.operation, operations)]
  if (change.operation === 'delete') return { name, configOperation, value: null }
  if (typeof change.value === 'string') return { name, configOperation, value: change.value }
  const message = `value of ${name} must be a string, got ${describeValue(change.value)}`
  throw new KafkaError('INVALID_ARGUMENT', message)
}

export const incrementalAlterConfigs = async (
  calls: BrokerCalls,
  given: ConfigResource,
  changes: readonly ConfigChange[],
  validateOnly: boolean,
): Promise<void> => {
  const { type, name } = checkFields('the resource', given, ['type', 'name'])
  const resourceType = resourceNumbers[checkOneOf('type', type, ['topic', 'broker'])]
  checkBoolean('validateOnly', validateOnly)
  const isOneBroker = type === 'broker' && name !== ''
  const resourceName = type === 'topic' ? checkText('name', name) : name
  const resource = {
    resourceType,
    resourceName,
    configs: checkArray('changes', changes).map(checkChange),
  }
  const request = { resources: [resource], validateOnly }
  const responseError = (
    { responses }: { readonly responses: readonly (Outcome & { resourceName: string })[] },
    link: { readonly name: string },
  ): KafkaError | null => {
    const outcome = responses.find((each) => each.resourceName === name)
    const context = { api: incrementalAlterConfigsApi.name, broker: link.name }
    return outcomeError(outcome, type === 'topic' ? { ...context, topic: name } : context)
  }
  // A request for one broker goes to that broker: the others can't validate all of its settings.
  if (isOneBroker) {
    const nodeId = checkWhole('name', Number(name), 0, 2 ** 31 - 1)
    await calls.toNode(nodeId, incrementalAlterConfigsApi, request, responseError)
  } else await calls.toController(incrementalAlterConfigsApi, request, responseError)
}

export const deleteRecords = (
  calls: BrokerCalls,
  topic: string,
  beforeOffsets: ReadonlyMap<number, number>,
  timeoutMs: number,
): Promise<ReadonlyMap<number, number>> => {
  const name = checkText('topic', topic)
  const { name: api } = deleteRecordsApi
  for (const [partition, offset] of checkMap('beforeOffsets', beforeOffsets)) {
    checkPartition(partition)
    // In Kafka's protocol, -1 deletes all records up to the high watermark.
    checkWhole('offset', offset, -1)
  }
  return requestLeaders(calls, name, [...beforeOffsets.keys()], async (nodeId, partitions) => {
    const requested = partitions.map((partitionIndex) => ({
      partitionIndex,
      offset: beforeOffsets.get(partitionIndex)!,
    }))
    const request = { topics: [{ name, partitions: requested }], timeoutMs }
    const lowWatermarks = new Map<number, number>()
    await calls.toNode(nodeId, deleteRecordsApi, request, ({ topics }, { name: broker }) => {
      const found = topics.flatMap((each) => each.partitions)
      for (const partition of partitions) {
        const outcome = found.find(({ partitionIndex }) => partitionIndex === partition)
        const error = outcomeError(outcome, { api, topic: name, partition, broker })
        if (error !== null) return error
        lowWatermarks.set(partition, outcome!.lowWatermark)
      }
      return null
    })
    return lowWatermarks
  })
}
