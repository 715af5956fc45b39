// Owns the option `compression` of a producer and of a topic: one codec, or several in the order of
// preference, because a broker may not support the first one. It checks the option and creates the
// engine's settings. Callers: option-table.ts, options.ts, topics-option.ts. Invariant: a level is
// checked by its codec.

import type { CompressionSettings } from '../engine/settings.ts'
import {
  basicRequirements,
  type VersionRequirement,
  zstdRequirement,
} from '../net/version-requirements.ts'
import type { CompressionType } from '../protocol/compression/codec.ts'
import { codecOf, compressionTypes } from '../protocol/compression/codecs.ts'
import { describeValue } from '../runtime/value-kinds.ts'
import type { CompressionChoice, CompressionOption } from './producer-options.ts'

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The allowed values, for error messages and docs/options.md. */
export const compressionBounds = `one of ${compressionTypes.join(', ')}`

const isCodecField = (name: string): boolean => name === 'type' || name === 'level'

/** The problem with one codec, as the end of a sentence; null = none. */
const codecProblem = (value: unknown): string | null => {
  const type = isObject(value) ? value.type : value
  const level = isObject(value) ? value.level : undefined
  if (!compressionTypes.includes(type as CompressionType)) {
    return `must be ${compressionBounds}, or { type, level }, got ${describeValue(type)}`
  }
  if (level !== undefined && typeof level !== 'number') {
    return `must have a number as its level, got ${describeValue(level)}`
  }
  const fields = isObject(value) ? Object.keys(value) : []
  const unknownFields = fields.filter((name) => !isCodecField(name))
  if (unknownFields.length > 0) {
    return `must be { type, level }, got the unknown field '${unknownFields.join("', '")}'`
  }
  const problem = codecOf(type as CompressionType).levelProblem(level)
  return problem === null ? null : `has an invalid level: ${problem}`
}

const typeOf = (option: CompressionType | CompressionOption): CompressionType =>
  typeof option === 'string' ? option : option.type

/** The problem with the option, as the end of a sentence; null = none. */
export const compressionProblem = (value: unknown): string | null => {
  if (!Array.isArray(value)) return codecProblem(value)
  if (value.length === 0) return 'must name at least one codec, got []'
  const problem = value.map(codecProblem).find((each) => each !== null)
  if (problem !== undefined) return problem
  const types = value.map(typeOf)
  return new Set(types).size === types.length
    ? null
    : `must name each codec once, got ${types.join(', ')}`
}

const listOf = (choice: CompressionChoice): readonly (CompressionType | CompressionOption)[] =>
  Array.isArray(choice) ? choice : [choice as CompressionType | CompressionOption]

/** The codecs in the order of preference; null means `none`. */
export const compressionSettings = (
  choice: CompressionChoice,
): readonly (CompressionSettings | null)[] =>
  listOf(choice).map((option) => {
    const type = typeOf(option)
    if (type === 'none') return null
    const level = typeof option === 'string' ? undefined : option.level
    const codec = codecOf(type)
    return {
      codecId: codec.id,
      produceVersionMin: type === 'zstd' ? zstdRequirement.min : undefined,
      compress: (bytes, done) => codec.compress(bytes, level, done),
    }
  })

/**
 * The API versions that brokers must support. Those of zstd are required only if the engine cannot
 * choose another codec.
 */
export const compressionRequirements = (
  choice: CompressionChoice,
): readonly VersionRequirement[] => {
  const isZstdOnly = listOf(choice).every((option) => typeOf(option) === 'zstd')
  return isZstdOnly ? [...basicRequirements, zstdRequirement] : basicRequirements
}

/** The option as one text: `zstd:3, lz4`. */
export const shownCompression = (choice: CompressionChoice): string =>
  listOf(choice)
    .map((option) => {
      const level = typeof option === 'string' ? undefined : option.level
      return level === undefined ? typeOf(option) : `${typeOf(option)}:${level}`
    })
    .join(', ')
