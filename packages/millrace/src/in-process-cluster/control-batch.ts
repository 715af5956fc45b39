// Encodes a transaction marker: a control batch with one record. Its key contains commit or abort,
// and its value the coordinator's epoch. The bytes must equal those of a Kafka broker. Caller:
// topic.ts.

import type { ProducerId } from '../protocol/producer-id.ts'
import { encodeBatch } from '../protocol/records/encode-batch.ts'

const markerVersion = 0
const abortType = 0
const commitType = 1

export interface Marker {
  readonly producerId: ProducerId
  /** The producer's epoch; already the raised one if the end of a transaction raises it. */
  readonly epoch: number
  readonly isCommit: boolean
  readonly coordinatorEpoch: number
}

export const encodeMarker = (marker: Marker, wallTime: number): Uint8Array => {
  const key = Buffer.alloc(4)
  key.writeInt16BE(markerVersion, 0)
  key.writeInt16BE(marker.isCommit ? commitType : abortType, 2)
  const value = Buffer.alloc(6)
  value.writeInt16BE(markerVersion, 0)
  value.writeInt32BE(marker.coordinatorEpoch, 2)
  return encodeBatch([{ key, value, timestamp: wallTime }], {
    producerId: marker.producerId,
    producerEpoch: marker.epoch,
    transactional: true,
    control: true,
  })
}
