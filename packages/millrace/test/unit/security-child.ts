// A program that sends one record and does not close its producer: run by security-life.test.ts. A
// timer that holds no process shows whether something else does.

import { Producer } from '../../src/index.ts'
import { systemClock } from '../../src/runtime/clock.ts'

const [keepProcessAlive, brokers = ''] = process.argv.slice(2)

const producer = new Producer({ brokers, keepProcessAlive: keepProcessAlive === 'true' })

// Nothing of a producer that lets the process end keeps it alive while it sends: this does.
const busy = systemClock.setTimer(15_000, () => {})
await producer.send({ topic: 'a', value: 'x' })
busy.cancel()

let ended = 'sent, 0 ms left over'
const watch = systemClock.setTimer(500, () => {
  ended = 'sent, closed by the timer'
  void producer.close()
})
watch.unref?.()
process.on('exit', () => console.log(ended))
