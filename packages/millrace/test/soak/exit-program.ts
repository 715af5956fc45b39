// Ends a process while records have no result, in the way that the argument names. Run by
// exit.test.ts, which reads its log: every line of standard output is one warning.

import { Producer } from '../../src/index.ts'
import { systemClock } from '../../src/runtime/clock.ts'

const [way, broker] = process.argv.slice(2)

const newProducer = (flushRecords: number): Producer =>
  new Producer({
    brokers: broker!,
    flush: { records: flushRecords },
    logger: {
      debug() {},
      info() {},
      warn: (message) => console.log(message),
      error: (message) => console.log(message),
    },
  })

const turn = (): Promise<void> => new Promise((resolve) => systemClock.setImmediate(resolve))

const ways: Readonly<Record<string, () => Promise<void>>> = {
  /** Three records that a flush setting holds, and process.exit(). */
  exit: async () => {
    const producer = newProducer(100)
    await producer.partitionsFor('t')
    for (let index = 0; index < 3; index++) producer.enqueue({ topic: 't', value: `${index}` })
    await turn()
    process.exit(0)
  },

  /** The same, with records that wait for their topic, and no broker. */
  'exit-early': async () => {
    const producer = newProducer(100)
    producer.send({ topic: 't', value: 'a' })
    producer.send({ topic: 't', value: 'b' })
    process.exit(0)
  },

  /** Every record was cancelled by its caller. */
  cancelled: async () => {
    const producer = newProducer(100)
    const record = { topic: 't', value: 'x' }
    await producer.send(record, { timeoutMs: 0 }).catch(() => {})
    await producer.sendBatch([record, record], { timeoutMs: 0 })
    process.exit(0)
  },

  /** Node's own event is emitted here, since open connections keep a process alive. */
  'before-exit': async () => {
    const producer = newProducer(100)
    await producer.partitionsFor('t')
    const settled = new Promise<void>((resolve) => {
      producer.enqueue({ topic: 't', value: 'held' }, () => resolve())
    })
    process.emit('beforeExit', 0)
    process.emit('beforeExit', 0)
    await settled
    process.emit('beforeExit', 0)
    await producer.close()
  },

  /** Everything is settled, or closed: no word, no listener, and the process ends by itself. */
  closed: async () => {
    const warnings: string[] = []
    process.on('warning', (warning) => warnings.push(warning.message))
    const events = ['exit', 'beforeExit']
    // Node itself may listen.
    const before = events.map((event) => process.listenerCount(event))
    const added = () => events.map((event, index) => process.listenerCount(event) - before[index]!)
    const producers = Array.from({ length: 50 }, () => newProducer(1))
    for (const producer of producers) await producer.send({ topic: 't', value: 'x' })
    if (added().some((count) => count !== 1)) console.log(`listeners: ${added()}`)
    await Promise.all(producers.map((producer) => producer.close()))
    if (added().some((count) => count !== 0)) console.log(`listeners left: ${added()}`)
    await turn()
    for (const warning of warnings) console.log(warning)
  },
}

await ways[way!]!()
