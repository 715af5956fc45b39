// One node of three is frozen (SIGSTOP), or takes 200 ms for each response, under 2,000 records of
// 1 KB a second, half of them with keys; and producers with a rack. The long form is `npm run
// sick-brokers`, which sets MILLRACE_SICK_BROKERS to its parts and compares with Java's producer.

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { compareRacks, compareSick } from './sick-broker-rounds.ts'
import { racks, SickKafka, type SickPlan } from './sick-broker-run.ts'

const longParts = process.env.MILLRACE_SICK_BROKERS?.split(',')

let sick: SickKafka
before(async () => {
  sick = await SickKafka.start()
})
after(async () => sick[Symbol.asyncDispose]())

const shortPlan = {
  client: 'millrace',
  keylessPerSecond: 1000,
  keyedPerSecond: 1000,
  calmMs: 0,
  afterMs: 0,
} as const satisfies Partial<SickPlan>
/** What is delivered meanwhile is counted: how long that takes does not matter. */
const untilEnough = { enough: 4000, sickMs: 90_000 }

const shortForm = (): void => {
  it('that is frozen stops neither records without a key nor those of others', async (context) => {
    // Records with a key for the frozen node fill such a buffer in three seconds.
    const properties = { 'buffer.memory': String(2 * 2 ** 20) }
    const plan = { ...shortPlan, ...untilEnough, properties, sickness: 'frozen' } as const
    const figures = await sick.run(plan)
    context.diagnostic(JSON.stringify(figures))
    assert.ok(figures.isEnough)
  })

  it('that takes 200 ms for each response does not slow down the others', async (context) => {
    const plan = { ...shortPlan, ...untilEnough, properties: {}, sickness: 'slow' } as const
    const figures = await sick.run(plan)
    context.diagnostic(JSON.stringify(figures))
    assert.ok(figures.isEnough)
    assert.deepEqual(figures.failed, {})
  })

  for (const client of ['millrace', 'java'] as const) {
    it(`gets all records without a key of ${client} from its rack`, async () => {
      const { inLog } = await sick.run({
        ...shortPlan,
        client,
        sickness: 'none',
        properties: { 'client.rack': racks[1], 'partitioner.rack.aware': 'true' },
        keyedPerSecond: 0,
        sickMs: 1000,
      })
      const { 2: near, ...far } = inLog
      assert.deepEqual(far, { 1: 0, 3: 0 })
      assert.ok(near! > 100)
    })
  }
}

const longForm = (parts: readonly string[]): void => {
  if (parts.includes('frozen')) {
    it('that is frozen costs Millrace no more than Java, in each of three rounds', async () => {
      assert.deepEqual(await compareSick(sick, 'frozen', 30_000), [])
    })
  }
  if (parts.includes('buffer')) {
    it('that is frozen and fills the buffer stops no others, in each of three rounds', async () => {
      const common = { 'buffer.memory': String(4 * 2 ** 20) }
      assert.deepEqual(await compareSick(sick, 'frozen', 30_000, common), [])
    })
  }
  if (parts.includes('slow')) {
    it('that is slow costs Millrace no more than Java, in each of three rounds', async () => {
      assert.deepEqual(await compareSick(sick, 'slow', 20_000), [])
    })
  }
  if (parts.includes('racks')) {
    it('gets all records without a key from its rack while it responds', async () => {
      assert.deepEqual(await compareRacks(sick), [])
    })
  }
}

describe('one node of three', () => {
  if (longParts === undefined) shortForm()
  else longForm(longParts)
})
