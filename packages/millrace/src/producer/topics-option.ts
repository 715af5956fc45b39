// Owns the option `topics`: options of single topics by name, which override those of the producer.
// Callers: option-table.ts, options.ts, Producer. Invariant: a field has the same check as the
// producer's option.

import { createPartitioner } from '../engine/partitioner/partitioner.ts'
import type { Partitioner, PartitionerFactory } from '../engine/partitioner/partitioner-contract.ts'
import type { TopicSettings } from '../engine/settings.ts'
import { topicNameProblem } from '../protocol/topic-name.ts'
import { nearestName } from '../runtime/nearest-name.ts'
import type { Random } from '../runtime/random.ts'
import { describeValue } from '../runtime/value-kinds.ts'
import { compressionSettings } from './compression-option.ts'
import type { PerTopicOptions, ProducerOptions } from './producer-options.ts'

/** The fields of an option's row that are needed here. */
interface Row {
  readonly problem: (value: unknown) => string | null
}

type Fields = Readonly<Record<string, unknown>>

/** A Map or an array would look empty, or has other names. */
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Map)

/** The problem with the option, as the end of a sentence; `rows` are those of the fields. */
export const topicsProblem = (
  value: unknown,
  rows: Readonly<Record<keyof PerTopicOptions, Row>>,
): string | null => {
  const names = Object.keys(rows)
  if (!isFields(value)) {
    return `must be { TOPIC: { ${names.join(', ')} } }, got ${describeValue(value)}`
  }
  const problems: string[] = []
  for (const [topic, options] of Object.entries(value)) {
    if (options === undefined) continue
    const where = JSON.stringify(topic)
    const nameProblem = topicNameProblem(topic)
    if (nameProblem !== null) problems.push(nameProblem)
    else if (!isFields(options)) {
      problems.push(`${where} must be an object, got ${describeValue(options)}`)
    } else {
      for (const [name, given] of Object.entries(options)) {
        if (given === undefined) continue
        const row = Object.hasOwn(rows, name) ? rows[name as keyof PerTopicOptions] : undefined
        const nearest = nearestName(name, names)
        const advice = nearest === undefined ? '' : `. Did you mean ${nearest}?`
        const problem =
          row === undefined ? `is not an option of a topic${advice}` : row.problem(given)
        if (problem !== null) problems.push(`${where}: ${name} ${problem}`)
      }
    }
  }
  return problems.length === 0 ? null : problems.join('; ')
}

/** The producer's options that a topic may override. */
type Inherited = Required<{
  [Name in keyof PerTopicOptions]: NonNullable<PerTopicOptions[Name]>
}> & { readonly topics: ProducerOptions['topics'] }

const entriesOf = (topics: ProducerOptions['topics']): [string, PerTopicOptions][] =>
  Object.entries(topics ?? {}).filter((entry) => entry[1] !== undefined)

/** Settings of the topics with options of their own. */
export const topicSettings = (values: Inherited): ReadonlyMap<string, TopicSettings> =>
  new Map(
    entriesOf(values.topics).map(([topic, options]) => [
      topic,
      {
        batchBytes: options.batchBytes ?? values.batchBytes,
        lingerMs: options.lingerMs ?? values.lingerMs,
        codecs: compressionSettings(options.compression ?? values.compression),
      },
    ]),
  )

/** The topics whose batches are larger than a request. */
export const oversizedTopics = (
  topics: ProducerOptions['topics'],
  maxRequestBytes: number,
): string[] =>
  entriesOf(topics)
    .filter(([, { batchBytes = 0 }]) => batchBytes > maxRequestBytes)
    .map(
      ([topic, { batchBytes }]) =>
        `topics ${JSON.stringify(topic)}: batchBytes must be at most maxRequestBytes ` +
        `(${maxRequestBytes}), got ${batchBytes}`,
    )

/** Creates the partitioner of each topic: its own, or the producer's. */
export const topicPartitioners = (
  { partitioner, topics }: Pick<Inherited, 'partitioner' | 'topics'>,
  random: Random,
): PartitionerFactory => {
  const usual = createPartitioner(partitioner, random)
  const own = new Map<string, () => Partitioner>()
  for (const [topic, options] of entriesOf(topics)) {
    if (options.partitioner !== undefined) {
      own.set(topic, createPartitioner(options.partitioner, random))
    }
  }
  return (topic: string): Partitioner => (own.get(topic) ?? usual)()
}
