// Handles Fetch: returns whole batches from the requested offsets on, within the request's limits.
// The first batch is returned whatever its size, so that a reader always makes progress. It waits
// until enough bytes are available or the wait time ends. It keeps no fetch sessions: every
// response says so, and readers then send full requests. Caller: handlers.ts.

import { type FetchRequest, type FetchResponse, fetchApi } from '../../protocol/api/01-fetch.ts'
import { errorNumber } from '../../protocol/errors.ts'
import type { Input } from '../../protocol/schema/api.ts'
import { leaderEpochError } from '../leader-epoch.ts'
import type { Partition, Topic } from '../topic.ts'
import { type ApiCall, defineHandler } from './handler.ts'

type Call = ApiCall<FetchRequest, FetchResponse>
type FetchTopic = FetchRequest['topics'][number]
type FetchPartition = FetchTopic['partitions'][number]
type TopicResponse = Input<FetchResponse['responses'][number]>
type PartitionResponse = Input<FetchResponse['responses'][number]['partitions'][number]>

const topicIdsSince = 13
const leadersSince = 12
const endpointsSince = 16
const readCommitted = 1
const noRecords = new Uint8Array(0)

/** The space that is left in one response. */
interface Budget {
  leftBytes: number
  /** No batch was found yet: the next one is added whatever its size. */
  isEmpty: boolean
}

interface FetchedPartitions {
  readonly responses: readonly TopicResponse[]
  readonly byteLength: number
  readonly hasError: boolean
  readonly leaders: ReadonlySet<number>
}

const topicOf = (call: Call, requested: FetchTopic): Topic | undefined =>
  call.version >= topicIdsSince
    ? call.node.state.topicById(requested.topicId)
    : call.node.state.topic(requested.topic)

const failed = (partitionIndex: number, errorCode: number): PartitionResponse => ({
  partitionIndex,
  errorCode,
  highWatermark: -1,
  records: noRecords,
})

const joined = (chunks: readonly Uint8Array[], byteLength: number): Uint8Array => {
  if (chunks.length === 1) return chunks[0]!
  const bytes = Buffer.allocUnsafe(byteLength)
  let position = 0
  for (const chunk of chunks) {
    bytes.set(chunk, position)
    position += chunk.byteLength
  }
  return bytes
}

/** Why the partition can't be read; 0 = it can be read. */
const problemOf = (call: Call, partition: Partition, requested: FetchPartition): number => {
  const { log } = partition
  const fault = call.effects.errorAt('before', partition.topic.name, partition.index)
  if (fault !== 0) return fault
  const epochError = leaderEpochError(partition, call.node.id, requested.currentLeaderEpoch)
  if (epochError !== 0) return epochError
  const inLog = requested.fetchOffset >= log.startOffset && requested.fetchOffset <= log.endOffset
  if (!inLog) return errorNumber.OFFSET_OUT_OF_RANGE
  return call.effects.errorAt('after', partition.topic.name, partition.index)
}

const namesLeader = (code: number): boolean =>
  code === errorNumber.NOT_LEADER_OR_FOLLOWER || code === errorNumber.FENCED_LEADER_EPOCH

const readPartition = (
  call: Call,
  partition: Partition,
  requested: FetchPartition,
  budget: Budget,
): PartitionResponse => {
  const { log, index } = partition
  const problem = problemOf(call, partition, requested)
  if (problem !== 0) {
    const response = failed(index, problem)
    const hasLeader = namesLeader(problem) && call.version >= leadersSince
    if (!hasLeader) return response
    const { leaderId, leaderEpoch } = partition
    return { ...response, currentLeader: { leaderId, leaderEpoch } }
  }
  const maxBytes = Math.min(requested.partitionMaxBytes, budget.leftBytes)
  const isCommitted = call.request.isolationLevel === readCommitted
  const upTo = isCommitted ? log.lastStableOffset : log.endOffset
  const slice = log.read(requested.fetchOffset, upTo, maxBytes, budget.isEmpty)
  const { chunks, byteLength, nextOffset } = slice
  budget.leftBytes -= byteLength
  if (byteLength > 0) budget.isEmpty = false
  return {
    partitionIndex: index,
    highWatermark: log.endOffset,
    lastStableOffset: log.lastStableOffset,
    logStartOffset: log.startOffset,
    abortedTransactions: isCommitted
      ? log.transactions.abortedIn(requested.fetchOffset, nextOffset)
      : null,
    records: joined(chunks, byteLength),
  }
}

const readPartitions = (call: Call): FetchedPartitions => {
  const { topics, maxBytes } = call.request
  const budget: Budget = { leftBytes: maxBytes, isEmpty: true }
  let hasError = false
  const leaders = new Set<number>()
  const responses = topics.map((requested) => {
    const topic = topicOf(call, requested)
    const partitions = requested.partitions.map((each): PartitionResponse => {
      const partition = topic?.partitions[each.partition]
      const response =
        partition === undefined
          ? failed(each.partition, unknownTopic(call, topic))
          : readPartition(call, partition, each, budget)
      if (response.errorCode) hasError = true
      if (response.currentLeader?.leaderId !== undefined)
        leaders.add(response.currentLeader.leaderId)
      return response
    })
    return { topic: requested.topic, topicId: requested.topicId, partitions }
  })
  return { responses, byteLength: maxBytes - budget.leftBytes, hasError, leaders }
}

const unknownTopic = (call: Call, topic: Topic | undefined): number =>
  topic === undefined && call.version >= topicIdsSince
    ? errorNumber.UNKNOWN_TOPIC_ID
    : errorNumber.UNKNOWN_TOPIC_OR_PARTITION

const respond = (call: Call, { responses, leaders }: FetchedPartitions): void => {
  if (call.version < endpointsSince) {
    call.respond({ responses })
    return
  }
  const nodeEndpoints = call.node.state.livingNodes
    .filter((node) => leaders.has(node.id))
    .map(({ id, host, port, rack }) => ({ nodeId: id, host, port, rack }))
  call.respond({ responses, nodeEndpoints })
}

const isEnough = (call: Call, fetched: FetchedPartitions): boolean =>
  fetched.hasError ||
  fetched.byteLength >= call.request.minBytes ||
  call.request.topics.length === 0

/**
 * Gathers again after each append to one of the logs, and responds with the available records when
 * the wait time ends.
 */
const wait = (call: Call): void => {
  const { clock } = call.node.state
  const stops: (() => void)[] = []
  const stop = (): void => {
    timer.cancel()
    for (const each of stops) each()
  }
  const timer = clock.setTimer(call.request.maxWaitMs, () => {
    stop()
    respond(call, readPartitions(call))
  })
  const tryRespond = (): void => {
    const fetched = readPartitions(call)
    if (!isEnough(call, fetched)) return
    stop()
    respond(call, fetched)
  }
  for (const requested of call.request.topics) {
    const topic = topicOf(call, requested)
    for (const { partition } of requested.partitions) {
      const log = topic?.partitions[partition]?.log
      if (log !== undefined) stops.push(log.listen(tryRespond))
    }
  }
  call.onGone(stop)
}

/**
 * An epoch beyond the first of a session means that the reader continues a session; none is kept.
 */
const continuesSession = (request: FetchRequest): boolean =>
  request.sessionId !== 0 && request.sessionEpoch > 0

export const fetchHandler = defineHandler({
  api: fetchApi,
  handle: (call) => {
    const { request } = call
    if (continuesSession(request)) {
      call.respond({ errorCode: errorNumber.FETCH_SESSION_ID_NOT_FOUND, responses: [] })
      return
    }
    const fetched = readPartitions(call)
    if (isEnough(call, fetched) || request.maxWaitMs <= 0) respond(call, fetched)
    else wait(call)
  },
  targets: (request, state) =>
    request.topics.flatMap(({ topic, topicId, partitions }) => {
      const name = topic === '' ? (state.topicById(topicId)?.name ?? '') : topic
      return partitions.map(({ partition }) => ({ topic: name, partition }))
    }),
})
