// Handles DeleteTopics: deletes topics by name, and from version 6 on also by id. A topic that is
// created later with the same name must have a new id. cluster-state.ts owns the topics. Caller:
// handlers.ts.

import {
  type DeleteTopicsRequest,
  type DeleteTopicsResponse,
  deleteTopicsApi,
} from '../../protocol/api/20-delete-topics.ts'
import { errorNumber } from '../../protocol/errors.ts'
import type { Input } from '../../protocol/schema/api.ts'
import { type ApiCall, defineHandler } from './handler.ts'

type Call = ApiCall<DeleteTopicsRequest, DeleteTopicsResponse>
type TopicResponse = Input<DeleteTopicsResponse['responses'][number]>

const remove = (call: Call, name: string): TopicResponse => {
  const { state } = call.node
  const fault = call.effects.errorAt('before', name)
  if (fault !== 0) return { name, errorCode: fault }
  const topicId = state.topic(name)?.id
  if (!state.deleteTopic(name)) return { name, errorCode: errorNumber.UNKNOWN_TOPIC_OR_PARTITION }
  return { name, topicId, errorCode: call.effects.errorAt('after', name) }
}

const removeById = (call: Call, topicId: Uint8Array): TopicResponse => {
  const topic = call.node.state.topicById(topicId)
  if (topic !== undefined) return remove(call, topic.name)
  return { name: null, topicId, errorCode: errorNumber.UNKNOWN_TOPIC_ID }
}

export const deleteTopicsHandler = defineHandler({
  api: deleteTopicsApi,
  handle: (call) => {
    const { topics, topicNames } = call.request
    call.respond({
      responses: [
        ...topicNames.map((name) => remove(call, name)),
        ...topics.map(({ name, topicId }) =>
          name === null ? removeById(call, topicId) : remove(call, name),
        ),
      ],
    })
  },
  targets: (request, state) =>
    [
      ...request.topicNames,
      ...request.topics.flatMap(
        ({ name, topicId }) => name ?? state.topicById(topicId)?.name ?? [],
      ),
    ].map((topic) => ({ topic, partition: -1 })),
})
