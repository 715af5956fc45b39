// Loads kafkajs if it is installed beside this package, for consumers and admin clients. Its error
// classes and its codec registry must be shared, so that a consumer's error is an instance of an
// exported class, and a registered codec reaches the consumer. Callers: kafka.ts, errors.ts,
// error-mapping.ts, compression.ts, and constants.ts.

import modules from './original-modules.cjs'
import { KafkaJSNotImplemented, type ProtocolErrorFields } from './own-errors.ts'

/** The error classes of kafkajs; their constructors equal those in own-errors.ts. */
export const originalErrors = modules.errors

/** The codecs that kafkajs's consumers decompress with, by their numbers. */
export const originalCodecs = (): Record<number, () => unknown> | undefined =>
  modules.compression()?.Codecs

/** kafkajs's description of an error by Kafka's number; undefined if kafkajs is missing. */
export const describeProtocolError = (code: number): ProtocolErrorFields | undefined =>
  modules.protocolError()?.createErrorFromCode(code)

/** `what` is the call or the export that needs kafkajs: `'kafka.consumer()'`. */
export const originalFor = (what: string): typeof import('kafkajs') => {
  const { module, error } = modules.kafkajs()
  if (module !== undefined) return module
  throw new KafkaJSNotImplemented(
    `${what} needs kafkajs, for millrace only produces: install kafkajs beside @millrace/kafkajs`,
    { cause: error },
  )
}

/** A client of kafkajs with the same configuration, without the options of millrace. */
export const originalKafka = (
  what: string,
  { millrace: _, ...config }: { readonly millrace?: unknown },
) => {
  const { Kafka } = originalFor(what)
  return new Kafka(config as ConstructorParameters<typeof Kafka>[0])
}

type CommittedOffsets = Record<string, Record<string, string>>

/**
 * Stores offsets that a transaction committed, so that `uncommittedOffsets()` of a consumer of the
 * same client does not return them again. kafkajs keeps them in a map of its own.
 */
export const markOffsetsCommitted = (
  kafka: object,
  groupId: string,
  topics: readonly {
    readonly topic: string
    readonly partitions: readonly { readonly partition: number; readonly offset: string }[]
  }[],
): void => {
  const symbols = Object.getOwnPropertySymbols(kafka)
  const key = symbols.find(({ description }) => description === 'private:Kafka:offsets')
  const groups = key === undefined ? undefined : (kafka as Record<symbol, unknown>)[key]
  if (!(groups instanceof Map)) return
  const committed: CommittedOffsets = groups.get(groupId) ?? {}
  groups.set(groupId, committed)
  for (const { topic, partitions } of topics) {
    const ofTopic = committed[topic] ?? {}
    committed[topic] = ofTopic
    for (const { partition, offset } of partitions) ofTopic[partition] = offset
  }
}
