// Codecs as kafkajs numbers them. All four are built into millrace: codecs registered here are
// taken and never called.

import { KafkaJSNonRetriableError } from './errors.ts'

/** Codecs by kafkajs's numbers, for `compression` of a send. */
export const CompressionTypes = {
  None: 0,
  GZIP: 1,
  Snappy: 2,
  LZ4: 3,
  ZSTD: 4,
} as const

/** One of the numbers in CompressionTypes. */
export type CompressionTypes = (typeof CompressionTypes)[keyof typeof CompressionTypes]

const notCalled = (): never => {
  throw new KafkaJSNonRetriableError('Codecs are built into millrace and not called by hand')
}

/**
 * Where kafkajs looks for codecs. `CompressionCodecs[CompressionTypes.Snappy] = SnappyCodec` does
 * no harm, and nothing else: the built-in codec is used.
 */
export const CompressionCodecs: Record<number, () => unknown> = {
  [CompressionTypes.GZIP]: notCalled,
  [CompressionTypes.Snappy]: notCalled,
  [CompressionTypes.LZ4]: notCalled,
  [CompressionTypes.ZSTD]: notCalled,
}

const names = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

/** The name of a codec in millrace; throws where kafkajs has no such number. */
export const codecName = (compression: number | null | undefined): (typeof names)[number] => {
  const name = names[compression ?? 0]
  if (name !== undefined) return name
  throw new KafkaJSNonRetriableError(
    `compression is ${compression}: expected one of CompressionTypes, 0 to 4`,
  )
}
