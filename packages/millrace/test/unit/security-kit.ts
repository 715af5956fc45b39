// For tests of security against the in-process cluster: a logger that remembers, and sends whose
// failure is what a test wants to see.

import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { KafkaError, type Logger, Producer, type ProducerOptions } from '../../src/index.ts'

/** Everything that was said, in one text. */
export class Remembering implements Logger {
  readonly lines: string[] = []

  #add(level: string, message: string, details?: object): void {
    this.lines.push(`${level} ${message}${details === undefined ? '' : ` ${inspect(details)}`}`)
  }

  debug(message: string, details?: object): void {
    this.#add('debug', message, details)
  }

  info(message: string, details?: object): void {
    this.#add('info', message, details)
  }

  warn(message: string, details?: object): void {
    this.#add('warn', message, details)
  }

  error(message: string, details?: object): void {
    this.#add('error', message, details)
  }

  warnings(): string[] {
    return this.lines.filter((line) => line.startsWith('warn'))
  }
}

/** A caller that waits gets the error within this time. */
export const reportMsMax = 5000

export interface Failure {
  readonly error: KafkaError
  readonly tookMs: number
  readonly logger: Remembering
}

/** What a send to a broker fails with that does not let us in. */
export const failureOf = async (options: ProducerOptions): Promise<Failure> => {
  const logger = new Remembering()
  const producer = new Producer({ onError: () => {}, logger, ...options })
  const since = performance.now()
  try {
    const error = await producer.send({ topic: 'a', value: 'x' }, { timeoutMs: 20_000 }).then(
      () => assert.fail('the send went through'),
      (thrown: unknown) => thrown,
    )
    assert.ok(error instanceof KafkaError)
    return { error, tookMs: performance.now() - since, logger }
  } finally {
    await producer.close()
  }
}

/** What a constructor says of its options. */
export const problemOf = (options: object): string => {
  try {
    new Producer({ brokers: 'localhost:9092', ...options } as ProducerOptions)
  } catch (error) {
    assert.ok(error instanceof KafkaError)
    assert.equal(error.code, 'INVALID_OPTION')
    return error.message
  }
  return assert.fail('the options were taken')
}
