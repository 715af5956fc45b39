// A process for spool-kills.test.ts: takes numbered records by submit(), at a steady rate, and says
// how many of them were reported as taken, before it is killed. On SIGTERM it takes no more,
// delivers what is in the spool, and says what became of it.

import { writeSync } from 'node:fs'
import { Producer } from '../../src/index.ts'
import { systemClock } from '../../src/runtime/clock.ts'

export interface SpoolLife {
  readonly brokers: readonly string[]
  readonly directory: string
  readonly durability: 'process' | 'machine'
  readonly topic: string
  readonly partitions: number
  /** Which process of the service it is, from 0. */
  readonly life: number
  readonly recordsPerSecond: number
  readonly valueBytes: number
}

const tickMs = 5
/** Records that are not reported as taken yet: the service waits for them. */
const outstandingMax = 2000
const plan = JSON.parse(process.argv[2]!) as SpoolLife
const producer = new Producer({
  brokers: plan.brokers,
  clientId: 'spool-kills',
  spool: { directory: plan.directory, durability: plan.durability },
  onError: (error) => say({ error: `${error.code}: ${error.message}` }),
})
const filling = 'x'.repeat(plan.valueBytes)
let sent = 0
let taken = 0
let isEnding = false

/** Written at once: what is said is said, whatever happens next. */
function say(message: object): void {
  writeSync(1, `${JSON.stringify(message)}\n`)
}

const submitUpTo = (count: number): void => {
  for (; sent < count; sent++) {
    const number = sent
    const record = {
      topic: plan.topic,
      partition: number % plan.partitions,
      value: `${plan.life} ${number} ${filling}`,
    }
    producer.submit(record).then(
      () => {
        taken = number + 1
      },
      (error) => say({ error: String(error) }),
    )
  }
}

let startedAt = 0
let reported = 0

const tick = (): void => {
  if (isEnding) return
  const due = Math.floor(((systemClock.now() - startedAt) / 1000) * plan.recordsPerSecond)
  submitUpTo(Math.min(due, taken + outstandingMax))
  if (taken > reported) {
    reported = taken
    say({ taken })
  }
  systemClock.setTimer(tickMs, tick)
}

process.once('SIGTERM', () => {
  isEnding = true
  const end = async (): Promise<void> => {
    await producer.flushSpool()
    await producer.flush()
    say({ taken })
    say({ report: await producer.close() })
  }
  end().catch((error) => say({ error: String(error) }))
})

producer.ready().then(() => {
  startedAt = systemClock.now()
  tick()
})
