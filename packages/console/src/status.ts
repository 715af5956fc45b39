// The sentence at the top of the page: what the producer does now and, where it does not, why and
// what to do. The gravest thing that is true is said. Called by Monitor once an interval.

import type { BrokerMetrics, ProducerMetrics } from 'millrace'
import { nameOf } from './faults.ts'
import { counted, formatCount, formatMs, formatRate } from './format.ts'
import type { FaultRow, Status } from './view.ts'

/** What the sentence is made from. */
export interface Situation {
  readonly metrics: ProducerMetrics
  /** Records a second, of the last few intervals. */
  readonly recordsAcked: number
  /** Brokers that answered a request of late. */
  readonly busyBrokers: number
  /** How long nothing was acknowledged though something is held; 0 = it goes on. */
  readonly stalledMs: number
  /** Records that failed for good a moment ago. */
  readonly failed: FaultRow | undefined
  /** A connection that failed or was lost a moment ago. */
  readonly disconnected: FaultRow | undefined
  readonly throttledMs: number
  /** What close() answered; null = the producer is open. */
  readonly closed: { readonly delivered: number; readonly failed: number } | null
}

/** Shorter than this is no reason to speak of it. */
const stallMinMs = 1500
/** Without a known trouble there is patience. */
const stallUnknownMs = 5000
const fullBuffer = 0.9

interface HeldUp {
  /** `orders-3`, and how many others. */
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
  message: 'The partition has no leader, so nobody takes its records.',
  remedy: 'Look at the brokers that hold its replicas: the election waits for one of them.',
} as const

/** The partitions that can't go on, by the trouble of the first of them. */
const heldUpPartitions = ({ topics }: ProducerMetrics): HeldUp | null => {
  let count = 0
  let found: Omit<HeldUp, 'count' | 'places'> | null = null
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

const failingBrokers = (brokers: readonly BrokerMetrics[]): HeldUp | null => {
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

const ofFault = (fault: FaultRow | undefined, noun: string): HeldUp | null => {
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

const named = ({ name, places }: HeldUp): string => (places === '' ? name : `${name} on ${places}`)

const closedStatus = ({ delivered, failed }: NonNullable<Situation['closed']>): Status => ({
  level: 'closed',
  topic: 'closed',
  sentence:
    `The producer is closed: ${counted(delivered, 'record')} delivered, ` +
    `${formatCount(failed)} failed.`,
  ...quiet,
})

const stalledStatus = (situation: Situation, trouble: HeldUp | null): Status | null => {
  const { metrics, stalledMs } = situation
  if (trouble !== null && stalledMs >= stallMinMs) {
    return {
      level: 'bad',
      topic: `stalled ${trouble.name}`,
      sentence: `Not delivering: ${named(trouble)}.`,
      detail: trouble.message,
      remedy: trouble.remedy,
    }
  }
  if (stalledMs < stallUnknownMs) return null
  if (metrics.requestsInFlight === 0) {
    return {
      level: 'quiet',
      topic: 'held',
      sentence: `Holding records for ${formatMs(stalledMs)}: none of them may go yet.`,
      detail: 'They wait for their batch to fill, for a flush, or for their topic.',
      remedy: null,
    }
  }
  return {
    level: 'warning',
    topic: 'unanswered',
    sentence:
      `No answer for ${formatMs(stalledMs)} to ` +
      `${counted(metrics.requestsInFlight, 'request')}.`,
    detail: 'The brokers are connected and silent.',
    remedy: 'Look at their load and the network.',
  }
}

const troubledStatus = (situation: Situation, trouble: HeldUp | null): Status | null => {
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
  if (trouble === null) return null
  return {
    level: 'warning',
    topic: `trouble ${trouble.name}`,
    sentence:
      recordsAcked > 0
        ? `Delivering ${rateText(recordsAcked)}, but not all: ${named(trouble)}.`
        : `Held up: ${named(trouble)}.`,
    detail: trouble.message,
    remedy: trouble.remedy,
  }
}

const deliveringStatus = (situation: Situation): Status => {
  const { metrics, recordsAcked, busyBrokers, throttledMs } = situation
  const brokers = counted(busyBrokers, 'broker')
  const sentence = `Delivering ${rateText(recordsAcked)} to ${brokers}.`
  if (throttledMs > 0) {
    return {
      level: 'warning',
      topic: 'throttled',
      sentence,
      detail: `A quota of the cluster slows it down, by ${formatMs(throttledMs)} at most.`,
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

const restingStatus = (metrics: ProducerMetrics): Status => {
  const connected = metrics.brokers.filter(({ ready }) => ready).length
  const where =
    connected === 0 ? 'no broker is connected' : `${counted(connected, 'broker')} connected`
  const held = metrics.unsettledBatches > 0 || metrics.waitingSends > 0
  const sentence = held
    ? `Sending the first of what waits; ${where}.`
    : metrics.recordsDelivered + metrics.recordsFailed === 0
      ? `Nothing has been sent yet; ${where}.`
      : `Nothing to send: ${counted(metrics.recordsDelivered, 'record')} delivered; ${where}.`
  return { level: 'quiet', topic: held ? 'starting' : 'idle', sentence, ...quiet }
}

export const statusOf = (situation: Situation): Status => {
  const { metrics, closed, disconnected, recordsAcked } = situation
  if (closed !== null) return closedStatus(closed)
  const brokers = failingBrokers(metrics.brokers)
  // Before the first answer there are addresses only, and nobody knows whose they are.
  const nobody = metrics.connections === 0 ? ofFault(disconnected, 'address') : null
  const isHeld = metrics.unsettledBatches > 0 || metrics.waitingSends > 0
  const partitions = heldUpPartitions(metrics)
  const trouble = isHeld ? (partitions ?? brokers ?? nobody) : null
  return (
    stalledStatus(situation, trouble) ??
    troubledStatus(situation, trouble ?? nobody) ??
    (recordsAcked > 0 ? deliveringStatus(situation) : restingStatus(metrics))
  )
}
