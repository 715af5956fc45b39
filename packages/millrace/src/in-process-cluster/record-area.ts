// The uncompressed records of a batch, within a bound: for checking what is produced, and for
// reading.

import { codecById } from '../protocol/compression/codecs.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { batchHeaderBytes } from '../protocol/records/layout.ts'
import {
  type BatchHeader,
  type BatchRecord,
  decodeBatchHeader,
  decodeRecords,
} from '../protocol/records/record-batch.ts'

/** More bytes than these are not unpacked from one batch. */
const areaBytesMax = 256 * 1024 * 1024

/** A view of the batch where it is not compressed; null = it can't be unpacked within the bound. */
export const uncompressedArea = (header: BatchHeader, batch: Uint8Array): Uint8Array | null => {
  const area = batch.subarray(batchHeaderBytes)
  if (header.codecId === 0) return area
  try {
    return codecById(header.codecId).decompress(area, areaBytesMax)
  } catch (error) {
    // A codec whose library is missing is not the sender's fault.
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
