// Owns the option `deadLetter`: its type and its check. Callers: option-table.ts, options.ts,
// DeadLetters. Invariant: an error message does not contain the value of the option.

import type { ProducerRecord } from '../engine/record.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import { topicNameProblem } from '../protocol/topic-name.ts'

/**
 * Where records are stored that were accepted and failed: a topic, a file with one JSON object per
 * line, or a function; see docs/dead-letters.md.
 */
export type DeadLetterOption =
  | {
      /** The topic that they are sent to, with headers that describe the error. */
      readonly topic: string
    }
  | {
      /** The file that they are appended to, in the format that `millrace produce` reads. */
      readonly file: string
    }
  | ((record: ProducerRecord, error: KafkaError) => void | Promise<void>)

const expected = 'must be { topic }, { file } or a function'

/** The problem with the value of the option, as the end of a sentence; null = none. */
export const deadLetterProblem = (value: unknown): string | null => {
  if (typeof value === 'function') return null
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return `${expected}, got ${value === null ? 'null' : typeof value}`
  }
  const fields = Object.entries(value).filter(([, given]) => given !== undefined)
  const [name, given] = fields[0] ?? []
  if (fields.length !== 1 || (name !== 'topic' && name !== 'file')) {
    return `${expected}, got { ${fields.map(([each]) => each).join(', ')} }`
  }
  if (typeof given !== 'string' || given === '')
    return `must have text as its ${name}, got ${given === '' ? "''" : typeof given}`
  const problem = name === 'topic' ? topicNameProblem(given) : null
  return problem === null ? null : `has a topic that can't be: ${problem}`
}
