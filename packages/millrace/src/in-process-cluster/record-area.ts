// Decompresses the records of a batch, within a size limit, for checks and for reading. The limit
// must stay: a small compressed batch can expand to more memory than the process has. Callers:
// batch-check.ts, cluster-records.ts, and 02-list-offsets.ts.

import { codecById } from '../protocol/compression/codecs.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { batchHeaderBytes } from '../protocol/records/layout.ts'
import {
  type BatchHeader,
  type BatchRecord,
  decodeBatchHeader,
  decodeRecords,
} from '../protocol/records/record-batch.ts'

/** The maximum number of bytes decompressed from one batch. */
const areaBytesMax = 256 * 1024 * 1024

/**
 * A view of the batch if it is not compressed; null = it can't be decompressed within the limit.
 */
export const uncompressedArea = (header: BatchHeader, batch: Uint8Array): Uint8Array | null => {
  const area = batch.subarray(batchHeaderBytes)
  if (header.codecId === 0) return area
  try {
    return codecById(header.codecId).decompress(area, areaBytesMax)
  } catch (error) {
    // A missing codec library is not an error of the producer, so it is not reported as a bad
    // batch.
    if (error instanceof KafkaError && error.code === 'MALFORMED_RESPONSE') return null
    throw error
  }
}

/** The records of a batch that was checked before. */
export const recordsOf = (batch: Uint8Array): readonly BatchRecord[] => {
  const header = decodeBatchHeader(batch)
  const area = uncompressedArea(header, batch)
  return area === null ? [] : decodeRecords(header, area)
}
