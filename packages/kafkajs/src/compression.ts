// Codecs by kafkajs's numbers. All four are built into millrace, so that producers use those; what
// a program registers is for kafkajs's consumers.

import { KafkaJSNonRetriableError, KafkaJSNotImplemented } from './errors.ts'
import { originalCodecs } from './original.ts'

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

const notInstalled = (): never => {
  throw new KafkaJSNotImplemented('Codecs are for consumers, which need kafkajs: install kafkajs')
}

/**
 * Where kafkajs's consumers look for codecs: `CompressionCodecs[CompressionTypes.Snappy] =
 * SnappyCodec`. It is the registry of kafkajs itself where kafkajs is installed. Producers use the
 * codecs that are built into millrace.
 */
export const CompressionCodecs: Record<number, () => unknown> = originalCodecs() ?? {
  [CompressionTypes.GZIP]: notInstalled,
  [CompressionTypes.Snappy]: notInstalled,
  [CompressionTypes.LZ4]: notInstalled,
  [CompressionTypes.ZSTD]: notInstalled,
}

const names = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

/** The name of a codec in millrace; throws if kafkajs has no such number. */
export const codecName = (compression: number | null | undefined): (typeof names)[number] => {
  const name = names[compression ?? 0]
  if (name !== undefined) return name
  throw new KafkaJSNonRetriableError(
    `compression must be one of CompressionTypes, 0 to 4, got ${String(compression)}`,
  )
}
