// Owns the check of what prevents the delivery of a producer's records: no broker, a refusal, a
// topic or partition, the transaction coordinator, a full buffer. Caller: OutageReport, which
// decides what lasts long enough to be logged. Invariant: it changes nothing and has no state.

import type { Cluster } from '../cluster-client/cluster-client.ts'
import type { Engine } from '../engine/engine.ts'
import type { ErrorCode, KafkaError } from '../protocol/kafka-error.ts'

export interface OutageCondition {
  /** Equal keys identify the same condition. */
  readonly key: string
  /** The problem, as a sentence without its full stop. */
  readonly text: string
  readonly error: KafkaError | null
  /** The cluster client has logged it at the first failure. */
  readonly isLogged: boolean
  /** No record can be delivered or accepted: the producer is not ready. */
  readonly blocksAll: boolean
  /** The number of consecutive checks before it is logged, because it may be temporary. */
  readonly checksToWarn: number
}

/**
 * A record that has waited less than this is not delayed; a record in a full buffer may wait
 * longer.
 */
const recordAgeMs = 500
const bufferedAgeMs = 1000

const checksToWarn = 4
/** Nothing has failed yet: name resolution, TLS and authentication take time. */
const checksWithoutFailure = 7

/** Limit of the topics in a message: the others usually have the same cause. */
const topicsMax = 3

/** The cluster client logs these itself. */
const refusals: ReadonlySet<ErrorCode> = new Set([
  'AUTHENTICATION_FAILED',
  'TLS_FAILED',
  'UNSUPPORTED_VERSION',
])

export const grouped = (count: number): string => count.toLocaleString('en-US')

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** The current conditions. `isConnecting` = a caller waits for a first connection. */
export const outageConditions = (
  engine: Engine,
  cluster: Cluster,
  isConnecting: boolean,
): OutageCondition[] => {
  const found: OutageCondition[] = []
  const hasWork = isConnecting || engine.readings.hasUnsettled
  const unreachable = unreachableCondition(cluster, hasWork)
  if (unreachable !== null) found.push(unreachable)
  else found.push(...topicConditions(engine))
  const coordinator = engine.transactions?.lastError ?? null
  if (coordinator !== null && unreachable === null) {
    const text = `The transaction coordinator is unavailable: ${coordinator.message}`
    const error = coordinator
    found.push({ key: 'coordinator', text, error, isLogged: false, blocksAll: true, checksToWarn })
  }
  if (isBufferStuck(engine)) found.push(bufferCondition(engine, cluster))
  return found
}

const unreachableCondition = (cluster: Cluster, hasWork: boolean): OutageCondition | null => {
  if (cluster.counters.connections > 0) return null
  const failure = cluster.metadataFailure
  if (!hasWork && failure === null) return null
  const known = failure ?? cluster.nodes().find(({ lastError }) => lastError !== null)?.lastError
  const error = known ?? cluster.metadataError
  const text = error === null ? 'No broker is connected' : sentence(error.message)
  const isLogged = error !== null && refusals.has(error.code)
  return {
    key: isLogged ? 'refused' : 'unreachable',
    text,
    error,
    isLogged,
    blocksAll: true,
    checksToWarn: known == null ? checksWithoutFailure : checksToWarn,
  }
}

const topicConditions = (engine: Engine): OutageCondition[] => {
  const blocked = engine.readings.blockedTopics(engine.now() - recordAgeMs)
  return blocked.slice(0, topicsMax).map(({ topic, error }, index) => {
    const others = index === topicsMax - 1 ? blocked.length - topicsMax : 0
    const more = others > 0 ? ` (and ${others} other topics)` : ''
    const text = `Records of topic "${topic}" can't be delivered: ${error.message}${more}`
    const isLogged = refusals.has(error.code)
    return { key: `topic ${topic}`, text, error, isLogged, blocksAll: false, checksToWarn }
  })
}

/**
 * The buffer is full for callers, and its records do not leave: a fast sender alone is not an
 * outage.
 */
const isBufferStuck = (engine: Engine): boolean => {
  if (engine.hasSpace) return false
  return engine.now() - engine.readings.oldestBufferedAt >= bufferedAgeMs
}

const bufferCondition = (engine: Engine, cluster: Cluster): OutageCondition => {
  const { bufferMemoryBytes } = engine.settings
  const text =
    `The buffer (bufferMemoryBytes ${grouped(bufferMemoryBytes)} bytes) is full: ` +
    'send() waits, enqueue() returns false'
  const error = cluster.metadataFailure
  return { key: 'buffer', text, error, isLogged: false, blocksAll: true, checksToWarn }
}
