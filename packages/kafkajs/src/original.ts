// kafkajs itself, where it is installed beside this package: for consumers and admin, which millrace
// does not have.

import { createRequire } from 'node:module'
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
