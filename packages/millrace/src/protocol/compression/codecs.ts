// Owns the list of codecs, by name and by the number in a batch's attributes. Callers: the
// producer's options, the readers of batches, telemetry, the in-process cluster. Invariant: the
// numbers are Kafka's.

import { KafkaError } from '../kafka-error.ts'
import type { Codec, CompressionType } from './codec.ts'
import { gzipCodec } from './gzip.ts'
import { lz4Codec } from './lz4.ts'
import { noneCodec } from './none.ts'
import { snappyCodec } from './snappy.ts'
import { zstdCodec } from './zstd.ts'

const byName = {
  none: noneCodec,
  gzip: gzipCodec,
  snappy: snappyCodec,
  lz4: lz4Codec,
  zstd: zstdCodec,
} as const satisfies Record<CompressionType, Codec>

const byId: readonly Codec[] = Object.values(byName)

export const compressionTypes = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

export const codecOf = (name: CompressionType): Codec => byName[name]

/** The codec with this number; an unknown number is a MALFORMED_RESPONSE. */
export const codecById = (id: number): Codec => {
  const codec = byId[id]
  if (codec === undefined) {
    const message = `Malformed record batch: codec must be from 0 to ${byId.length - 1}, got ${id}`
    throw new KafkaError('MALFORMED_RESPONSE', message)
  }
  return codec
}

/** The default limit of a decompressed batch: more than Kafka accepts. */
export const decompressedBytesMax = 256 * 1024 * 1024

/** The decompressed records of a batch whose attributes name this codec. */
export const decompress = (
  codecId: number,
  bytes: Uint8Array,
  maxBytes = decompressedBytesMax,
): Uint8Array => codecById(codecId).decompress(bytes, maxBytes)
