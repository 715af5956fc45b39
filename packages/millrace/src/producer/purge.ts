// Owns the check of a `purge` call, which is then passed to the engine. Caller: Producer.
// Invariant: an invalid call changes nothing.

import type { Engine, PurgeScope } from '../engine/engine.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { describeValue } from '../runtime/value-kinds.ts'
import { checkFields } from './field-check.ts'

/** Throws if the call is invalid. Returns the number of records that fail. */
export const purgeRecords = (engine: Engine, scope: PurgeScope = {}): number => {
  const { topic, partition } = checkFields('the scope', scope, ['topic', 'partition'])
  if (topic !== undefined && (typeof topic !== 'string' || topic === '')) {
    const text = `topic must be a topic name, got ${describeValue(topic)}`
    throw new KafkaError('INVALID_ARGUMENT', text)
  }
  if (partition !== undefined && !(Number.isInteger(partition) && partition >= 0)) {
    const text = `partition must be a whole number from 0, got ${describeValue(partition)}`
    throw new KafkaError('INVALID_ARGUMENT', text)
  }
  if (partition !== undefined && topic === undefined) {
    throw new KafkaError('INVALID_ARGUMENT', 'topic must be set where partition is set')
  }
  if (engine.hasSpool) {
    const text = 'purge: records in the spool are kept until they are delivered'
    throw new KafkaError('INVALID_STATE', text)
  }
  return engine.purge({ topic, partition })
}
