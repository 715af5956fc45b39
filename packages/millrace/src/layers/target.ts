// Where a sender sends to: broker addresses, or all options of a producer. Every class of the two
// layers takes one, and owns the producer that is made of it.

import type { FlushOption, ProducerOptions } from '../producer/producer-options.ts'
import { KafkaError } from '../protocol/kafka-error.ts'

/** Broker addresses (`'host:port'`, several as an array), or every option that a producer has. */
export type Target = string | readonly string[] | ProducerOptions

const isOptions = (target: Target): target is ProducerOptions =>
  typeof target === 'object' && target !== null && !Array.isArray(target)

/** The target as options of a producer; an object that was passed in is never changed. */
export const targetOptions = (target: Target): ProducerOptions => {
  if (!isOptions(target)) return { brokers: target }
  if (target.transactionalId === undefined) return target
  throw new KafkaError(
    'INVALID_OPTION',
    'transactionalId: the layers send without transactions; use producer.transaction of Producer',
  )
}

/** Throws INVALID_OPTION if the target asks for less than acks from all in-sync replicas. */
export const requireAllAcks = (options: ProducerOptions, sender: string): void => {
  const { acks } = options
  if (acks === undefined || acks === 'all' || acks === -1) return
  throw new KafkaError(
    'INVALID_OPTION',
    `acks is ${JSON.stringify(acks)}: ${sender} always waits for all in-sync replicas (acks 'all')`,
  )
}

/**
 * The options with count and interval of a batch put into `flush`, which must not name them too.
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
      `flush.records and flush.intervalMs: here they are named ${names}`,
    )
  }
  return { ...options, flush: { ...options.flush, ...flush } }
}
