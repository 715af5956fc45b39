// Makes the status sentence at the top of the page: what the producer does now or, if it can't
// deliver, the reason and the remedy. Of several states it shows the most severe one. It keeps no
// state. Caller: Monitor, at each interval.

import type { BrokerMetrics, ProducerMetrics } from 'millrace'
import { nameOf } from './faults.ts'
import { counted, formatCount, formatMs, formatRate } from './format.ts'
import type { FaultRow, Status } from './view.ts'

/** The facts that the sentence is made from. */
export interface Situation {
  readonly metrics: ProducerMetrics
  /** Records per second, averaged over the last few intervals. */
  readonly recordsAcked: number
  /** How long no record was acknowledged while records wait; 0 = records are acknowledged. */
  readonly stalledMs: number
  /** Records that failed within the last intervals, after all retries. */
  readonly failed: FaultRow | undefined
  /** A connection that failed or was lost within the last intervals. */
  readonly disconnected: FaultRow | undefined
  readonly throttledMs: number
  /** What close() returned; null = the producer is open. */
  readonly closed: { readonly delivered: number; readonly failed: number } | null
}

/** A shorter stall is ignored. */
const stallMinMs = 1500
/** How long a delivery may stall without a known problem before it is shown. */
const stallUnknownMs = 5000
const fullBuffer = 0.9

/** Why records are not delivered, and the affected places. */
interface Problem {
  /** `orders-3`, and the number of other places. */
  readonly places: string
  readonly count: number
  readonly name: string
  readonly message: string
  readonly remedy: string
}

const quiet = { detail: null, remedy: null } as const

const rateText = (rate: number): string =>
  `${formatRate(rate)} ${formatRate(rate) === '1' ? 'record' : 'records'}/s`

/** `orders-3`, `orders-3 and 4 other partitions`. */
const placesText = (first: string, count: number, noun: string): string => {
  if (count <= 1) return first
  return `${first} and ${formatCount(count - 1)} other ${noun}${count === 2 ? '' : 's'}`
}

const leaderless = {
  name: 'no leader',
  message: 'The partition has no leader, so its records cannot be stored.',
  remedy: 'Check the brokers that hold its replicas: the election waits for one of them.',
} as const

/** The blocked partitions, with the problem of the first one. */
const blockedPartitions = ({ topics }: ProducerMetrics): Problem | null => {
  let count = 0
  let found: Omit<Problem, 'count' | 'places'> | null = null
  let place = ''
  for (const { topic, partitions = [] } of topics) {
    for (const { partition, leaderId, lastFailure, recordsHeld } of partitions) {
      if (recordsHeld === 0 || (lastFailure === null && leaderId >= 0)) continue
      count++
      if (found !== null) continue
      place = `${topic}-${partition}`
      found =
        lastFailure === null
          ? leaderless
          : { name: nameOf(lastFailure), message: lastFailure.message, remedy: lastFailure.remedy }
    }
  }
  if (found === null) return null
  return { ...found, count, places: placesText(place, count, 'partition') }
}

const failingBrokers = (brokers: readonly BrokerMetrics[]): Problem | null => {
  const failing = brokers.filter(({ ready, lastFailure }) => !ready && lastFailure !== null)
  const [first] = failing
  if (first === undefined || first.lastFailure === null) return null
  const { message, remedy } = first.lastFailure
  const place = `${first.host}:${first.port}`
  return {
    places: placesText(place, failing.length, 'broker'),
    count: failing.length,
    name: nameOf(first.lastFailure),
    message,
    remedy,
  }
}

const ofFault = (fault: FaultRow | undefined, noun: string): Problem | null => {
  if (fault === undefined) return null
  const { code, message, remedy, places, placeCount } = fault
  const [first] = places
  return {
    places: first === undefined ? '' : placesText(first, placeCount, noun),
    count: placeCount,
    name: code,
    message,
    remedy,
  }
}

const named = ({ name, places }: Problem): string => (places === '' ? name : `${name} on ${places}`)

const closedStatus = ({ delivered, failed }: NonNullable<Situation['closed']>): Status => ({
  level: 'closed',
  topic: 'closed',
  sentence:
    `The producer is closed: ${counted(delivered, 'record')} delivered, ` +
    `${formatCount(failed)} failed.`,
  ...quiet,
})

const stalledStatus = (situation: Situation, problem: Problem | null): Status | null => {
  const { metrics, stalledMs } = situation
  if (problem !== null && stalledMs >= stallMinMs) {
    return {
      level: 'bad',
      topic: `stalled ${problem.name}`,
      sentence: `Not delivering: ${named(problem)}.`,
      detail: problem.message,
      remedy: problem.remedy,
    }
  }
  if (stalledMs < stallUnknownMs) return null
  if (metrics.requestsInFlight === 0) {
    return {
      level: 'quiet',
      topic: 'held',
      sentence: `Holding records for ${formatMs(stalledMs)}: none of them can be sent yet.`,
      detail: 'They wait for their batch to fill, for a flush, or for their topic.',
      remedy: null,
    }
  }
  return {
    level: 'warning',
    topic: 'withoutResponse',
    sentence:
      `No response for ${formatMs(stalledMs)} to ` +
      `${counted(metrics.requestsInFlight, 'request')}.`,
    detail: 'The brokers are connected but do not respond.',
    remedy: 'Check their load and the network.',
  }
}

const degradedStatus = (situation: Situation, problem: Problem | null): Status | null => {
  const { recordsAcked, failed } = situation
  const lost = ofFault(failed, 'partition')
  if (lost !== null) {
    return {
      level: 'bad',
      topic: `failed ${lost.name}`,
      sentence: `Records fail: ${named(lost)}.`,
      detail: lost.message,
      remedy: lost.remedy,
    }
  }
  if (problem === null) return null
  return {
    level: 'warning',
    topic: `problem ${problem.name}`,
    sentence:
      recordsAcked > 0
        ? `Delivering ${rateText(recordsAcked)}, but not all: ${named(problem)}.`
        : `Not delivering yet: ${named(problem)}.`,
    detail: problem.message,
    remedy: problem.remedy,
  }
}

const connectedText = ({ brokers }: ProducerMetrics): string => {
  const connected = brokers.filter(({ ready }) => ready).length
  return connected === 0 ? 'no broker is connected' : `${counted(connected, 'broker')} connected`
}

const deliveringStatus = (situation: Situation): Status => {
  const { metrics, recordsAcked, throttledMs } = situation
  const sentence = `Delivering ${rateText(recordsAcked)}; ${connectedText(metrics)}.`
  if (throttledMs > 0) {
    return {
      level: 'warning',
      topic: 'throttled',
      sentence,
      detail: `A quota of the cluster throttles the producer, by at most ${formatMs(throttledMs)}.`,
      remedy: 'Raise the quota of this client, or send less.',
    }
  }
  const { bufferUsedBytes, bufferWindowBytes, waitingSends } = metrics
  const isFull = waitingSends > 0 || bufferUsedBytes > bufferWindowBytes * fullBuffer
  if (!isFull) return { level: 'good', topic: 'delivering', sentence, ...quiet }
  return {
    level: 'good',
    topic: 'delivering, full',
    sentence,
    detail: 'The buffer is full: this is as fast as the brokers take them.',
    remedy: null,
  }
}

const idleStatus = (metrics: ProducerMetrics): Status => {
  const where = connectedText(metrics)
  const held = metrics.unsettledBatches > 0 || metrics.waitingSends > 0
  const sentence = held
    ? `Sending the first records; ${where}.`
    : metrics.recordsDelivered + metrics.recordsFailed === 0
      ? `Nothing has been sent yet; ${where}.`
      : `Nothing to send: ${counted(metrics.recordsDelivered, 'record')} delivered; ${where}.`
  return { level: 'quiet', topic: held ? 'starting' : 'idle', sentence, ...quiet }
}

export const statusOf = (situation: Situation): Status => {
  const { metrics, closed, disconnected, recordsAcked } = situation
  if (closed !== null) return closedStatus(closed)
  const brokers = failingBrokers(metrics.brokers)
  // Before the first response only addresses are known, not brokers.
  const noBroker = metrics.connections === 0 ? ofFault(disconnected, 'address') : null
  const isHeld = metrics.unsettledBatches > 0 || metrics.waitingSends > 0
  const partitions = blockedPartitions(metrics)
  const problem = isHeld ? (partitions ?? brokers ?? noBroker) : null
  return (
    stalledStatus(situation, problem) ??
    degradedStatus(situation, problem ?? noBroker) ??
    (recordsAcked > 0 ? deliveringStatus(situation) : idleStatus(metrics))
  )
}
