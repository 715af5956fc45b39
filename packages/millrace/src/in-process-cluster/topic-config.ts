// The settings of a topic. Those that affect this cluster have Kafka's names and defaults; others
// are stored and described, but have no effect. A TopicConfig is immutable: `changed` returns a new
// one. Callers: cluster-state.ts, topic.ts, batch-check.ts, and 44-incremental-alter-configs.ts.

import { KafkaError } from '../protocol/kafka-error.ts'

interface ConfigDefinition {
  readonly initial: string
  /** Returns the problem of a value; null = it is valid. */
  problem(value: string): string | null
}

const wholeNumber = (min: number) => (value: string) =>
  /^-?\d+$/.test(value) && Number(value) >= min ? null : `must be a whole number from ${min} on`

const oneOf =
  (...allowed: readonly string[]) =>
  (value: string) =>
    allowed.includes(value) ? null : `must be one of ${allowed.join(', ')}`

const definitions = {
  'cleanup.policy': {
    initial: 'delete',
    problem: oneOf('delete', 'compact', 'compact,delete', 'delete,compact'),
  },
  'compression.type': {
    initial: 'producer',
    problem: oneOf('producer', 'uncompressed', 'gzip', 'snappy', 'lz4', 'zstd'),
  },
  'max.message.bytes': { initial: '1048588', problem: wholeNumber(0) },
  'message.timestamp.after.max.ms': { initial: '3600000', problem: wholeNumber(0) },
  'message.timestamp.before.max.ms': { initial: '9223372036854775807', problem: wholeNumber(0) },
  'message.timestamp.type': {
    initial: 'CreateTime',
    problem: oneOf('CreateTime', 'LogAppendTime'),
  },
  'min.insync.replicas': { initial: '1', problem: wholeNumber(1) },
  'retention.bytes': { initial: '-1', problem: wholeNumber(-1) },
} as const satisfies Record<string, ConfigDefinition>

type KnownName = keyof typeof definitions

const isKnown = (name: string): name is KnownName => Object.hasOwn(definitions, name)

export interface DescribedConfig {
  readonly name: string
  readonly value: string
  readonly isDefault: boolean
}

export class TopicConfig {
  readonly #set: ReadonlyMap<string, string>
  readonly compacted: boolean
  readonly maxMessageBytes: number
  readonly timestampAfterMaxMs: number
  readonly timestampBeforeMaxMs: number
  readonly logAppendTime: boolean
  readonly minInsyncReplicas: number
  /** Infinity = unlimited. */
  readonly retentionBytes: number

  /** `defaults` are those of the cluster. Throws INVALID_OPTION with every invalid value. */
  constructor(
    values: Readonly<Record<string, string>>,
    defaults: Readonly<Record<string, string>>,
  ) {
    const problems: string[] = []
    this.#set = new Map(Object.entries({ ...defaults, ...values }))
    for (const [name, value] of this.#set) {
      const problem = isKnown(name) ? definitions[name].problem(value) : null
      if (problem !== null) problems.push(`${name} ${problem}, not ${JSON.stringify(value)}`)
    }
    if (problems.length > 0) throw new KafkaError('INVALID_OPTION', problems.join('; '))
    this.compacted = this.#text('cleanup.policy').includes('compact')
    this.maxMessageBytes = Number(this.#text('max.message.bytes'))
    this.timestampAfterMaxMs = Number(this.#text('message.timestamp.after.max.ms'))
    this.timestampBeforeMaxMs = Number(this.#text('message.timestamp.before.max.ms'))
    this.logAppendTime = this.#text('message.timestamp.type') === 'LogAppendTime'
    this.minInsyncReplicas = Number(this.#text('min.insync.replicas'))
    const retentionBytes = Number(this.#text('retention.bytes'))
    this.retentionBytes = retentionBytes === -1 ? Number.POSITIVE_INFINITY : retentionBytes
  }

  /** A copy with these values; null = the default of the cluster or of Kafka. */
  changed(
    changes: ReadonlyMap<string, string | null>,
    defaults: Readonly<Record<string, string>>,
  ): TopicConfig {
    const values = Object.fromEntries(this.#set)
    for (const [name, value] of changes) {
      if (value === null) delete values[name]
      else values[name] = value
    }
    return new TopicConfig(values, defaults)
  }

  /** The value in effect; '' if there is none. */
  value(name: string): string {
    return this.#set.get(name) ?? (isKnown(name) ? definitions[name].initial : '')
  }

  describe(): DescribedConfig[] {
    const names = new Set([...Object.keys(definitions), ...this.#set.keys()])
    return [...names].sort().map((name) => ({
      name,
      value: this.#set.get(name) ?? (isKnown(name) ? definitions[name].initial : ''),
      isDefault: !this.#set.has(name),
    }))
  }

  #text(name: KnownName): string {
    return this.#set.get(name) ?? definitions[name].initial
  }
}
