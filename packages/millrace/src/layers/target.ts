// The constructor argument `target` of both layers: broker addresses, or all options of a producer.
// A layer class creates and owns a producer from it. The caller's object must not be changed.
// Callers: the producer classes of both layers.

import { readArgument } from '../producer/field-check.ts'
import type { FlushOption, ProducerOptions } from '../producer/producer-options.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { ownFields } from '../runtime/own-fields.ts'
import { describeValue } from '../runtime/value-kinds.ts'

/** Broker addresses (`'host:port'`, or an array of them), or all options of a producer. */
export type Target = string | readonly string[] | ProducerOptions

const isOptions = (target: Target): target is ProducerOptions =>
  typeof target === 'object' && target !== null && !Array.isArray(target)

/** A copy of the producer options of the target. */
export const targetOptions = (target: Target): ProducerOptions => {
  const options = readArgument(
    'target',
    (): ProducerOptions => (isOptions(target) ? { ...ownFields(target) } : { brokers: target }),
    'INVALID_OPTION',
  )
  if (options.transactionalId === undefined) return options
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
      `got ${describeValue(acks)}`,
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
  const given = readArgument('flush', () => ({ ...ownFields(options.flush) }), 'INVALID_OPTION')
  const { records, intervalMs } = given
  if (records !== undefined || intervalMs !== undefined) {
    throw new KafkaError(
      'INVALID_OPTION',
      `flush.records and flush.intervalMs must be set as ${names} here`,
    )
  }
  return { ...options, flush: { ...given, ...flush } }
}
