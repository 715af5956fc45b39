// kafkajs itself, where it is installed beside this package: for consumers and admin, which
// millrace does not have.

import { createRequire } from 'node:module'
import type { KafkaConfig } from './config.ts'
import { KafkaJSNotImplemented } from './errors.ts'

type Original = typeof import('kafkajs')

/** `what` is what was asked for: `'kafka.consumer()'`. */
export const originalFor = (what: string): Original => {
  try {
    return createRequire(import.meta.url)('kafkajs') as Original
  } catch (cause) {
    throw new KafkaJSNotImplemented(
      `${what} is not part of millrace, which only produces: install kafkajs beside ` +
        '@millrace/kafkajs, and it is passed on to there',
      { cause },
    )
  }
}

/** A client of kafkajs with the same configuration. */
export const originalKafka = (what: string, { millrace: _, ...config }: KafkaConfig) => {
  const { Kafka } = originalFor(what)
  return new Kafka(config as ConstructorParameters<typeof Kafka>[0])
}
