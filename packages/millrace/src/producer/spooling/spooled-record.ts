// A record of the spool as the user's own kind of record. Callers: SpoolFeeder, RecoveredBatches.

import type { ProducerRecord } from '../../engine/record.ts'
import type { SpooledRecord } from '../../spool/entries.ts'
import { decodeRecord } from '../decoded-record.ts'

/** Throws MALFORMED_RESPONSE if the content is not a record's. */
export const decodeSpooled = (record: SpooledRecord): ProducerRecord =>
  decodeRecord(record, 'spool', `record ${record.id}`)
