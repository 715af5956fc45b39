import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '../../src/runtime/random.ts'
import { brokerAddress, startScene, summaryOf } from './net-connection-fixture.ts'

describe('the deadlines of a connection', () => {
  it('closes when a response is overdue, failing everything in flight', async () => {
    const scene = await startScene()
    await scene.ready()
    scene.send('a')
    await scene.clock.advance(400)
    scene.send('b', { apiName: 'Metadata' })
    await scene.clock.runUntilIdle()
    assert.deepEqual(summaryOf(scene.outcomes), [
      'a! REQUEST_TIMEOUT true',
      'b! REQUEST_TIMEOUT true',
    ])
    assert.deepEqual(
      scene.outcomes.map((outcome) => outcome.atMs),
      [530, 530],
    )
    assert.match(scene.closeErrors[0]!.message, /did not respond to Produce within 500 ms/)
    assert.equal(scene.outcomes[1]!.error!.api, 'Metadata')
    assert.deepEqual(scene.events, ['ready@30', 'closed@530'])
  })

  it('counts each request from its own write', async () => {
    const scene = await startScene()
    await scene.ready()
    let count = 0
    scene.broker.onRequest = (request) => {
      count++
      if (count < 3)
        scene.clock.setTimer(400, () => scene.broker.respond(request, Buffer.from('x')))
    }
    scene.send('a')
    await scene.clock.advance(300)
    scene.send('b')
    await scene.clock.advance(300)
    scene.send('c')
    await scene.clock.runUntilIdle()
    assert.deepEqual(summaryOf(scene.outcomes), ['a: x', 'b: x', 'c! REQUEST_TIMEOUT true'])
    assert.equal(scene.outcomes[2]?.atMs, 30 + 600 + 500)
  })

  it('counts for requests without a response too', async () => {
    const scene = await startScene({ network: { windowBytes: 100 } })
    await scene.ready()
    scene.network.pause(brokerAddress)
    scene.send('a', { expectsResponse: false, chunks: [Buffer.alloc(500)] })
    await scene.clock.runUntilIdle()
    assert.deepEqual(summaryOf(scene.outcomes), ['a! REQUEST_TIMEOUT true'])
  })

  it('has no timer left once it is closed', async () => {
    const scene = await startScene({ connection: { connectionsMaxIdleMs: 10_000 } })
    await scene.ready()
    scene.send('a')
    scene.connection.throttle(200)
    assert.ok(scene.clock.pendingTimers >= 1)
    scene.connection.close()
    await scene.clock.advance(20)
    assert.equal(scene.clock.pendingTimers, 0)
  })

  it('has one timer, whatever the number of requests', async () => {
    const scene = await startScene()
    await scene.ready()
    scene.broker.onRequest = (request) => scene.broker.respond(request, Buffer.from('x'))
    scene.network.blackHole(brokerAddress, 'toAddress')
    const before = scene.clock.pendingTimers
    for (let index = 0; index < 50; index++) scene.send(`${index}`)
    assert.ok(scene.clock.pendingTimers <= before + 1)
    scene.network.endOutage(brokerAddress)
    await scene.clock.advance(10)
    assert.equal(scene.outcomes.length, 50)
    const wakeups = scene.clock.timerWakeups
    await scene.clock.advance(100_000)
    // The timer that was armed for the deadline; without anything to wait for it is not armed
    // again.
    assert.equal(scene.clock.timerWakeups - wakeups, 1)
    assert.equal(scene.clock.pendingTimers, 0)
  })

  it('does not time out a response that waits in the kernel after a stall', async () => {
    const scene = await startScene()
    await scene.ready()
    scene.broker.onRequest = (request) => scene.broker.respond(request, Buffer.from('x'))
    scene.send('a')
    await scene.clock.advance(7)
    // The response is on its way; the program blocks for 5 s, ten times the request's time.
    scene.clock.stall(5_000)
    await scene.clock.advance(5_000)
    assert.deepEqual(summaryOf(scene.outcomes), ['a: x'])
    assert.equal(scene.connection.state, 'ready')
  })

  it('extends the deadlines of what is in flight by a stall, once', async () => {
    const scene = await startScene()
    await scene.ready()
    // This broker gets the request only after the stall, as where the bytes had not left.
    scene.network.pause(brokerAddress)
    scene.send('a')
    await scene.clock.advance(100)
    scene.clock.stall(700)
    await scene.clock.advance(200)
    // A second stall across the new deadline changes nothing.
    scene.clock.stall(400)
    await scene.clock.runUntil(() => scene.outcomes.length === 1, 10_000)
    // The one timer was armed for 510, when the first response of the handshake was due, and woke
    // at 830: the sentence was put off by 320 ms, to 1150, and fell as soon as the loop ran again.
    assert.equal(scene.outcomes[0]?.atMs, 1_430)
    assert.equal(scene.outcomes[0]?.error?.code, 'REQUEST_TIMEOUT')
  })

  it('does not time out a response while it arrives in chunks', async () => {
    const scene = await startScene({ network: { random: seededRandom(1), pieceBytesMax: 50 } })
    await scene.ready()
    // At 520, so that it begins to arrive at 525; the deadline is at 530.
    scene.broker.onRequest = (request) =>
      scene.clock.setTimer(485, () => scene.broker.respond(request, Buffer.alloc(1_000)))
    let responded = false
    scene.send('a', {
      onResponse: () => {
        responded = true
      },
    })
    await scene.clock.advance(491)
    assert.equal(scene.clock.now(), 521)
    // Short enough not to count as a stall.
    scene.clock.stall(15)
    await scene.clock.advance(20)
    assert.equal(responded, true)
    assert.equal(scene.connection.state, 'ready')
  })

  it('closes after its idle time, and only then', async () => {
    const scene = await startScene({ connection: { connectionsMaxIdleMs: 1_000 } })
    await scene.ready()
    scene.broker.onRequest = (request) => scene.broker.respond(request, Buffer.from('x'))
    await scene.clock.advance(900)
    scene.send('a')
    await scene.clock.advance(999)
    assert.equal(scene.connection.state, 'ready')
    await scene.clock.advance(1)
    assert.equal(scene.connection.state, 'closed')
    assert.deepEqual(scene.closeErrors, [null])
    assert.deepEqual(scene.events, ['ready@30', 'closed@1930'])
    assert.deepEqual(summaryOf(scene.outcomes), ['a: x'])
    await scene.clock.runUntilIdle()
    assert.equal(scene.clock.pendingTimers, 0)
  })

  it('is not idle while something is in flight or held', async () => {
    const scene = await startScene({
      connection: { connectionsMaxIdleMs: 100, requestTimeoutMs: 2_000 },
    })
    await scene.ready()
    scene.send('a')
    await scene.clock.advance(500)
    assert.equal(scene.connection.state, 'ready')
    scene.broker.respond(scene.broker.payloads[0]!, Buffer.from('x'))
    scene.connection.throttle(300)
    scene.send('b')
    await scene.clock.advance(299)
    assert.equal(scene.connection.state, 'ready')
    assert.deepEqual(summaryOf(scene.outcomes), ['a: x'])
  })

  it('does not write on a connection after the process was suspended', async () => {
    const scene = await startScene({ connection: { connectionsMaxIdleMs: 1_000 } })
    await scene.ready()
    scene.clock.stall(60_000)
    scene.send('a')
    assert.equal(scene.connection.state, 'closed')
    await scene.clock.runUntilIdle()
    assert.deepEqual(summaryOf(scene.outcomes), ['a! CONNECTION_LOST false'])
    assert.deepEqual(scene.closeErrors, [null])
    assert.equal(scene.broker.payloads.length, 0)
  })
})
