// kafkajs's codec numbers and its registry of codecs. Producers use the four codecs that are built
// into Millrace; a codec that a program registers is used only by kafkajs's consumers. The
// numbers must be those of kafkajs. Callers: names.ts, producer-pool.ts, and transaction.ts.

import { KafkaJSNotImplemented, refused } from './errors.ts'
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
 * The registry in which kafkajs's consumers find codecs:
 * `CompressionCodecs[CompressionTypes.Snappy] = SnappyCodec`. If kafkajs is installed, it is the
 * registry of kafkajs. Producers use the codecs that are built into millrace.
 */
export const CompressionCodecs: Record<number, () => unknown> = originalCodecs() ?? {
  [CompressionTypes.GZIP]: notInstalled,
  [CompressionTypes.Snappy]: notInstalled,
  [CompressionTypes.LZ4]: notInstalled,
  [CompressionTypes.ZSTD]: notInstalled,
}

const names = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

/** The name of a codec in millrace; throws if kafkajs does not have the number. */
export const codecName = (compression: number | null | undefined): (typeof names)[number] => {
  const name = names[compression ?? 0]
  if (name !== undefined) return name
  throw refused(`compression must be one of CompressionTypes, 0 to 4, got ${String(compression)}`)
}
