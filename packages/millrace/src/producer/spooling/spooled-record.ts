// Owns the conversion of a record of the spool into a ProducerRecord. Callers: SpoolFeeder,
// RecoveredBatches. Invariant: the data are views of the record's bytes.

import type { ProducerRecord } from '../../engine/record.ts'
import type { SpooledRecord } from '../../spool/entries.ts'
import { decodeRecord } from '../decoded-record.ts'

/** Throws MALFORMED_RESPONSE if the content is not a record. */
export const decodeSpooled = (record: SpooledRecord): ProducerRecord =>
  decodeRecord(record, 'spool', `record ${record.id}`)
