// A process for security-long-life.test.ts that is frozen and thawed: a producer that sends a
// record every ten milliseconds, all its connections through the proxy it is given, until its
// standard input ends. It says how many were delivered, line by line, and at last what failed.

import { connect } from 'node:net'
import { Producer, type ProducerOptions } from '../../src/index.ts'
import { systemClock } from '../../src/runtime/clock.ts'

export interface FrozenReport {
  readonly sent: number
  readonly delivered: number
  readonly failed: readonly string[]
}

const [proxyPort, options] = process.argv.slice(2)
const pauseMs = 10

const producer = new Producer({
  ...(JSON.parse(options!) as ProducerOptions),
  socketFactory: () => connect({ host: '127.0.0.1', port: Number(proxyPort) }),
})
const failed: string[] = []
let sent = 0
let delivered = 0
let isOver = false

const tick = () => {
  if (isOver) return
  producer.send({ topic: 'frozen', value: `${sent}` }).then(
    () => {
      delivered++
      console.log(delivered)
    },
    (error) => failed.push(String(error)),
  )
  sent++
  systemClock.setTimer(pauseMs, tick)
}

process.stdin.resume()
process.stdin.once('end', async () => {
  isOver = true
  await producer.close({ timeoutMs: 20_000 })
  console.log(JSON.stringify({ sent, delivered, failed } satisfies FrozenReport))
})
tick()
