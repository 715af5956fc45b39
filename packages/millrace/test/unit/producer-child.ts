// Scenarios that need a process of their own: what keeps it alive, what reaches it, how large it
// grows. Run by runChild of producer-kit.ts; each prints its report as one line of JSON.

import assert from 'node:assert/strict'
import { type KafkaError, Producer, type ProducerOptions } from '../../src/index.ts'
import { silentLogger } from '../../src/runtime/logger.ts'

const [scenario, address] = process.argv.slice(2)

/** What reached the process that should not have. */
const surprises: string[] = []
process.on('uncaughtException', (error) => surprises.push(String(error)))
process.on('warning', (warning) => surprises.push(String(warning)))

const newProducer = (options: Partial<ProducerOptions> = {}): Producer =>
  new Producer({ brokers: address!, logger: silentLogger, ...options })

/** Pipes are how we report; everything else is ours. */
const openResources = (): string[] =>
  process.getActiveResourcesInfo().filter((name) => name !== 'PipeWrap')

const turn = () => new Promise(setImmediate)

const caught = (promise: Promise<unknown>): Promise<KafkaError> =>
  promise.then(
    () => assert.fail('it did not reject'),
    (error: KafkaError) => error,
  )

const scenarios: Readonly<Record<string, () => Promise<object>>> = {
  'black-hole': async () => {
    const producer = newProducer()
    const connecting = caught(producer.connect({ timeoutMs: 0 }))
    for (let index = 0; index < 20; index++) producer.send({ topic: 't', value: `${index}` })
    while (!process.getActiveResourcesInfo().includes('TCPSocketWrap')) await turn()
    const closed = await producer.close({ timeoutMs: 300 })
    await connecting
    await turn()
    return { closed, resources: openResources() }
  },

  'no-broker': async () => {
    const producer = newProducer({ maxBlockMs: 1000 })
    const errors = await Promise.all([
      caught(producer.send({ topic: 't', value: 'x' })),
      caught(producer.connect({ timeoutMs: 0 })),
    ])
    await producer.close()
    const messages = errors.map(({ message }) => message)
    return { codes: errors.map(({ code }) => code), messages }
  },

  unawaited: async () => {
    let reported = 0
    const onError = (): void => {
      reported++
      // A handler that fails, in either way, is no reason to die.
      if (reported % 2 === 0) throw new Error('onError threw')
    }
    const producer = newProducer({ maxBlockMs: 50, onError })
    for (let index = 0; index < 100; index++) {
      producer.send({ topic: 't', value: 'x' })
      producer.send({ topic: 't', value: 'x' }, { timeoutMs: 10 })
      producer.send({ topic: 't', value: 7 as unknown as string })
      producer.send({ topic: 't', value: 'x' }, { signal: AbortSignal.abort() })
      producer.submit({ topic: 't', value: 'x' })
      producer.enqueue({ topic: 't', value: 'x' })
    }
    producer.sendBatch([{ topic: 't', value: 'x' }])
    producer.connect()
    producer.connect({ timeoutMs: 1 })
    producer.ready({ signal: AbortSignal.abort() })
    producer.flush({ timeoutMs: 1 })
    producer.partitionsFor('t', { timeoutMs: 1 })
    producer.partitionsFor('')
    producer.sendBatch(7 as never)
    await producer.flush()
    await turn()
    const producing = reported
    const { recordsFailed: failed } = producer.metrics()
    producer.close({ timeoutMs: -1 })
    await producer.close()
    producer.send({ topic: 't', value: 'x' })
    producer.sendBatch([])
    await turn()
    return { reported: { producing, afterwards: reported - producing }, failed, surprises }
  },

  flood: async () => {
    // Stack traces take most of the time, and are not what is looked at here.
    Error.stackTraceLimit = 0
    const value = Buffer.alloc(100)
    const flood = async (producer: Producer, records: number): Promise<number> => {
      for (let index = 0; index < records; index++) {
        producer.send({ topic: 't', value })
        if (index % 1000 === 999) await turn()
      }
      return process.memoryUsage().rss
    }
    const held = (): number => {
      global.gc?.()
      const { heapUsed, arrayBuffers } = process.memoryUsage()
      return heapUsed + arrayBuffers
    }
    // What Node itself takes for calls, errors and promises that die young is not the buffer's.
    const warmup = newProducer({ bufferMemoryBytes: 1 << 16 })
    await flood(warmup, 50_000)
    await warmup.close({ timeoutMs: 0 })
    const codes: Record<string, number> = {}
    const onError = ({ code }: KafkaError): void => {
      codes[code] = (codes[code] ?? 0) + 1
    }
    const bufferMemoryBytes = 32 * 2 ** 20
    const producer = newProducer({ bufferMemoryBytes, waitingMemoryBytes: 0, onError })
    const heldBefore = held()
    const rssEarly = await flood(producer, 100_000)
    const rssLate = await flood(producer, 900_000)
    const heldBytes = held() - heldBefore
    producer.destroy()
    await producer.close()
    return { bufferMemoryBytes, heldBytes, rssGrownBytes: rssLate - rssEarly, codes, surprises }
  },
}

const run = scenarios[scenario ?? '']
assert.ok(run, `there is no scenario ${scenario}`)
console.log(JSON.stringify(await run()))
