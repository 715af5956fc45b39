// A process for security-failures.test.ts: a producer that can't get in. It reads its
// task as one line of JSON, prints all that could contain a secret (default logger, error,
// producer, metrics), and ends with one line of JSON. Its output is searched for secrets.

import { inspect } from 'node:util'
import { KafkaError, Producer, type ProducerOptions } from '../../src/index.ts'
import { systemClock } from '../../src/runtime/clock.ts'

export interface Attempt {
  readonly options: ProducerOptions
  /** For OAUTHBEARER: JSON has no functions. */
  readonly token?: string
}

export interface Outcome {
  readonly code: string
  readonly step: string | undefined
  readonly kind: string
  readonly message: string
  readonly brokerMessage: string | undefined
  readonly elapsedMs: number
  readonly later: readonly string[]
  readonly attempts: number
}

const limitMs = 5_000
const laterSends = 3

const showAll = (error: KafkaError, producer: Producer): void => {
  const deep = { depth: 12, showHidden: true, getters: true }
  const shown: unknown[] = [inspect(producer, deep), producer.metrics()]
  for (let cause: unknown = error; cause !== undefined; ) {
    shown.push(inspect(cause, deep), JSON.stringify(cause), String(cause))
    if (!(cause instanceof Error)) break
    shown.push(cause.stack, { ...cause })
    cause = cause.cause
  }
  console.log(...shown)
  console.error(error)
}

/** The broker's own words, wherever in the chain of causes they are. */
const saidByBroker = (error: unknown): string | undefined => {
  if (!(error instanceof KafkaError)) return undefined
  return error.brokerMessage ?? saidByBroker(error.cause)
}

const isInTime = <Value>(promise: Promise<Value>): Promise<Value> =>
  new Promise((resolve, reject) => {
    const timer = systemClock.setTimer(limitMs, () => reject(new Error(`not within ${limitMs} ms`)))
    promise.then(resolve, reject).finally(() => timer.cancel())
  })

const failureOf = async (promise: Promise<unknown>): Promise<KafkaError> => {
  try {
    await isInTime(promise)
  } catch (error) {
    if (error instanceof KafkaError) return error
    throw error
  }
  throw new Error('it did not fail')
}

const run = async ({ options, token }: Attempt): Promise<void> => {
  const sasl =
    token === undefined
      ? options.sasl
      : { mechanism: 'OAUTHBEARER' as const, token: async () => ({ value: token }) }
  const producer = new Producer({ ...options, sasl })
  const startMs = systemClock.now()
  const record = { topic: 'orders', value: 'x' }
  const sends = Array.from({ length: 100 }, () => failureOf(producer.send(record)))
  const [error] = await Promise.all(sends)
  const elapsedMs = systemClock.now() - startMs
  const later: string[] = []
  for (let send = 0; send < laterSends; send++) {
    later.push((await failureOf(producer.send(record))).code)
  }
  showAll(error!, producer)
  const { connectionsOpened, connectionFailures } = producer.metrics()
  await producer.close({ timeoutMs: 1000 })
  const { code, step, kind, message } = error!
  const brokerMessage = saidByBroker(error!)
  const attempts = connectionsOpened + connectionFailures
  const outcome = { code, step, kind, message, brokerMessage, elapsedMs, later, attempts }
  console.log(`\n${JSON.stringify(outcome satisfies Outcome)}`)
}

let input = ''
for await (const text of process.stdin.setEncoding('utf8')) input += text
await run(JSON.parse(input) as Attempt)
