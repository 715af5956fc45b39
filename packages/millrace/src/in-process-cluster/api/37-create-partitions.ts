// Handles CreatePartitions: adds partitions to topics. Any node does it, as if it were the
// controller. cluster-state.ts owns the topics. Caller: handlers.ts. Invariant: each topic has its
// own result, and a fault with `at: 'after'` returns its error although the partitions were added.

import {
  type CreatePartitionsRequest,
  type CreatePartitionsResponse,
  createPartitionsApi,
} from '../../protocol/api/37-create-partitions.ts'
import { errorNumber } from '../../protocol/errors.ts'
import { ApiError } from '../api-error.ts'
import { type ApiCall, defineHandler } from './handler.ts'

type Call = ApiCall<CreatePartitionsRequest, CreatePartitionsResponse>

const create = (call: Call, name: string, count: number) => {
  const { state } = call.node
  const rejected = (errorCode: number, errorMessage: string | null = null) => {
    return { name, errorCode, errorMessage }
  }
  const fault = call.effects.errorAt('before', name)
  if (fault !== 0) return rejected(fault)
  const topic = state.topic(name)
  if (topic === undefined) return rejected(errorNumber.UNKNOWN_TOPIC_OR_PARTITION)
  try {
    state.createPartitions(topic, count, call.request.validateOnly)
    return rejected(call.effects.errorAt('after', name))
  } catch (error) {
    if (error instanceof ApiError) return rejected(error.code, error.message)
    throw error
  }
}

export const createPartitionsHandler = defineHandler({
  api: createPartitionsApi,
  handle: (call) => {
    const { topics } = call.request
    call.respond({ results: topics.map(({ name, count }) => create(call, name, count)) })
  },
  targets: (request) => request.topics.map(({ name }) => ({ topic: name, partition: -1 })),
})
