// Owns the failure of records before the engine has them. Callers: SpoolFeeder, RecoveredBatches.
// Invariant: the records leave the spool, also as dead letters.

import type { KafkaError } from '../../protocol/kafka-error.ts'
import type { SpooledRecord } from '../../spool/entries.ts'
import type { SpoolingParts } from './spooling-options.ts'

/** Reports the failure, or creates dead letters; in both cases the records leave the spool. */
export const failSpooled = (
  { spool, options, results, held }: SpoolingParts,
  records: readonly SpooledRecord[],
  error: KafkaError,
  isDeadLetter: boolean,
): void => {
  const { deadLetters } = options
  for (const record of records) {
    const { id } = record
    const settle = results.settleOf(id)
    if (isDeadLetter && deadLetters?.wants(record.topic, error)) {
      deadLetters.take(record, error, settle, id)
    } else if (settle === null) options.onUnobservedFailure(error)
    else results.settled(id, error, null)
  }
  spool.drop(records.map(({ id }) => id).filter((id) => !held.has(id)))
}
