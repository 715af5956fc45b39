// Owns the failing of waiting records, of all topics, one topic or one partition, for a caller that
// no longer needs them. Caller: Engine. Invariant: records in flight are settled by their response.

import { KafkaError } from '../../protocol/kafka-error.ts'
import { batchContext } from '../batch/batch-errors.ts'
import type { BatchFailures } from '../delivery/batch-failures.ts'
import type { IncompleteBatches } from '../delivery/incomplete-batches.ts'
import type { EngineHost } from '../settings.ts'
import type { Accumulator } from './accumulator.ts'

/** Which records; all of them without a topic. */
export interface PurgeScope {
  /** Only records of this topic. */
  readonly topic?: string | undefined
  /** Only those of this partition of the topic. */
  readonly partition?: number | undefined
}

/** The parts of the engine that a purge changes. */
export interface PurgeParts {
  readonly host: EngineHost
  readonly accumulator: Accumulator
  readonly incomplete: IncompleteBatches
  readonly failures: BatchFailures
}

const message = 'The record was purged before it was delivered'

/** Returns how many records fail; a call with many records that waits for its turn counts as 1. */
export const purge = (parts: PurgeParts, { topic, partition }: PurgeScope): number => {
  const { host, accumulator, incomplete, failures } = parts
  const isSelected = (name: string, index: number): boolean =>
    (topic === undefined || name === topic) && (partition === undefined || index === partition)
  const isEverything = topic === undefined
  let count = accumulator.purgeWaiting(isEverything ? null : isSelected, (name) => {
    return new KafkaError('ABORTED', message, name === undefined ? {} : { topic: name })
  })
  const now = host.now()
  for (const batch of incomplete.list()) {
    const { queue } = batch
    if (batch.state === 'inFlight' || !isSelected(queue.topic.name, queue.partition)) continue
    count += batch.keptRecordCount
    failures.fail(batch, new KafkaError('ABORTED', message, batchContext(batch, now)))
  }
  return count
}
