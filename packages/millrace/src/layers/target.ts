// The constructor argument `target` of both layers: broker addresses, or all options of a producer.
// A layer class creates and owns a producer from it. The caller's object must not be changed.
// Callers: the producer classes of both layers.

import type { FlushOption, ProducerOptions } from '../producer/producer-options.ts'
import { KafkaError } from '../protocol/kafka-error.ts'

/** Broker addresses (`'host:port'`, or an array of them), or all options of a producer. */
export type Target = string | readonly string[] | ProducerOptions

const isOptions = (target: Target): target is ProducerOptions =>
  typeof target === 'object' && target !== null && !Array.isArray(target)

/** The producer options of the target. An object that was passed in is not changed. */
export const targetOptions = (target: Target): ProducerOptions => {
  if (!isOptions(target)) return { brokers: target }
  if (target.transactionalId === undefined) return target
  throw new KafkaError(
    'INVALID_OPTION',
    'transactionalId must not be set, because the layers send without transactions: use Producer',
  )
}

/** Throws INVALID_OPTION if the target's `acks` is not 'all'. */
export const requireAllAcks = (options: ProducerOptions, sender: string): void => {
  const { acks } = options
  if (acks === undefined || acks === 'all' || acks === -1) return
  throw new KafkaError(
    'INVALID_OPTION',
    `acks must be 'all', because ${sender} waits for all in-sync replicas, ` +
      `got ${JSON.stringify(acks)}`,
  )
}

/**
 * Adds the count and the interval of a batch as the option `flush`, which the options must not have
 * already.
 */
export const withFlush = (
  options: ProducerOptions,
  flush: Required<Pick<FlushOption, 'records' | 'intervalMs'>>,
  names: string,
): ProducerOptions => {
  const { records, intervalMs } = options.flush ?? {}
  if (records !== undefined || intervalMs !== undefined) {
    throw new KafkaError(
      'INVALID_OPTION',
      `flush.records and flush.intervalMs must be set as ${names} here`,
    )
  }
  return { ...options, flush: { ...options.flush, ...flush } }
}
