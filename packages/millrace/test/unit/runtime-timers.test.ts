// A test that uses fake timers sends and receives all the same: connections run in real time.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { afterEach, describe, it, mock } from 'node:test'
import { Producer } from '../../src/index.ts'
import { startCluster } from '../../src/testing.ts'

const nodeTimers = process.getBuiltinModule('node:timers')
const { setImmediate } = nodeTimers

/** Loads the module anew, as in a process that imports millrace now. */
let copies = 0
const load = async (): Promise<typeof import('../../src/runtime/timers.ts')> =>
  import(new URL(`../../src/runtime/timers.js?copy=${++copies}`, import.meta.url).href)

describe('fake timers', () => {
  afterEach(() => {
    mock.timers.reset()
    Object.assign(nodeTimers, { setImmediate })
  })

  it('of node:test do not delay a send', async () => {
    mock.timers.enable({ apis: ['setImmediate', 'setInterval', 'Date'] })
    await using cluster = await startCluster({ topics: { orders: 1 } })
    const producer = new Producer({ brokers: cluster.brokers, lingerMs: 5 })
    const { timestamp } = await producer.send({ topic: 'orders', value: 'x' })
    await producer.close()
    assert.equal(cluster.records('orders').length, 1)
    assert.equal(timestamp, Date.now(), 'the time of a record is the fake time')
  })

  it('that were installed before millrace was loaded are replaced by the real ones', async () => {
    const fake = Object.assign(() => assert.fail('a fake timer was called'), {
      clock: { _setImmediate: setImmediate },
    })
    Object.assign(nodeTimers, { setImmediate: fake })
    const loaded = await load()
    assert.equal(loaded.setImmediate, setImmediate)
  })

  it('that keep no real timers are named in a warning at once', async () => {
    const fake = Object.assign(() => {}, { _isMockFunction: true })
    Object.assign(nodeTimers, { setImmediate: fake })
    const warned = once(process, 'warning')
    await load()
    const [{ code, message }] = await warned
    assert.equal(code, 'MILLRACE_FAKE_TIMERS')
    assert.match(message, /Import millrace before you install fake timers/)
  })
})
