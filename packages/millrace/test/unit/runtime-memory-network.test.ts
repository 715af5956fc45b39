import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MemoryNetwork, type MemoryNetworkOptions } from '../../src/runtime/memory-transport.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import type { ByteStream } from '../../src/runtime/transport.ts'
import { VirtualClock } from '../../src/runtime/virtual-clock.ts'

const address = { host: 'broker', port: 9092 }

/** The events of one end of a stream, with the time. */
class Log {
  readonly events: string[] = []
  readonly pieces: Uint8Array[] = []
  readonly #clock: VirtualClock

  constructor(clock: VirtualClock) {
    this.#clock = clock
  }

  onConnect(): void {
    this.events.push(`connect@${this.#clock.now()}`)
  }

  onData(bytes: Uint8Array): void {
    this.pieces.push(bytes)
    this.events.push(`data@${this.#clock.now()}`)
  }

  onClose(error?: Error & { code?: string }): void {
    this.events.push(`close${error ? `:${error.code ?? error.message}` : ''}@${this.#clock.now()}`)
  }

  get bytes(): Buffer {
    return Buffer.concat(this.pieces)
  }
}

const world = async (options: Partial<MemoryNetworkOptions> = {}) => {
  const clock = new VirtualClock()
  const network = new MemoryNetwork({ clock, latencyMs: 5, ...options })
  const accepted: { stream: ByteStream; log: Log }[] = []
  const listener = await network.listen(address, (stream) => {
    const log = new Log(clock)
    accepted.push({ stream, log })
    return log
  })
  const connect = () => {
    const log = new Log(clock)
    return { stream: network.connect(address, log), log }
  }
  const established = async () => {
    const client = connect()
    await clock.advance(10)
    const server = accepted.at(-1)
    assert.ok(server)
    return { client, server }
  }
  return { clock, network, accepted, listener, connect, established }
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

describe('the in-memory network', () => {
  it('connects and delivers after the latency, in order, and nothing inside a call', async () => {
    const { clock, connect, accepted } = await world()
    const client = connect()
    client.stream.write([text('before '), text('connect ')])
    assert.deepEqual(client.log.events, [])
    await clock.advance(10)
    client.stream.write([text('after')])
    await clock.advance(20)
    const server = accepted[0]!
    assert.deepEqual(client.log.events, ['connect@10'])
    assert.equal(server.log.bytes.toString(), 'before connect after')
    assert.deepEqual(server.log.events, ['data@15', 'data@15', 'data@15'])
    server.stream.write([text('response')])
    await clock.advance(5)
    assert.equal(client.log.bytes.toString(), 'response')
  })

  it('closes both ends: bytes on their way arrive first', async () => {
    const { clock, established, network } = await world()
    const { client, server } = await established()
    client.stream.write([text('last words')])
    await clock.advance(1)
    client.stream.destroy()
    assert.deepEqual(client.log.events, ['connect@10'])
    await clock.advance(20)
    assert.deepEqual(client.log.events, ['connect@10', 'close@11'])
    assert.deepEqual(server.log.events, ['data@15', 'close@16'])
    assert.equal(network.openStreams(address), 0)
    assert.equal(clock.pendingTimers, 0)
  })

  it('loses what was not taken when the stream is destroyed, and never flushes it', async () => {
    const { clock, established } = await world({ windowBytes: 4 })
    const { client, server } = await established()
    let flushed = 0
    client.stream.write([text('123456')], () => flushed++)
    await clock.advance(1)
    assert.equal(client.stream.pendingBytes, 2)
    client.stream.destroy(new Error('enough'))
    client.stream.destroy(new Error('twice'))
    client.stream.write([text('x')], () => flushed++)
    await clock.advance(20)
    assert.equal(server.log.bytes.toString(), '1234')
    assert.equal(flushed, 0)
    assert.deepEqual(client.log.events, ['connect@10', 'close:enough@11'])
  })

  it('detects a buffer that is reused before flushed is called', async () => {
    const { clock, established } = await world()
    const { client, server } = await established()
    const bytes = text('good')
    client.stream.write([bytes])
    bytes.fill(0x78)
    await clock.advance(5)
    assert.equal(server.log.bytes.toString(), 'xxxx')
    const later = text('good')
    client.stream.write([later], () => later.fill(0x78))
    await clock.advance(5)
    assert.equal(server.log.bytes.toString(), 'xxxxgood')
  })

  it('holds bytes back while the receiver pauses, up to the window', async () => {
    const { clock, established } = await world({ windowBytes: 4 })
    const { client, server } = await established()
    server.stream.pause()
    client.stream.write([text('123456789')])
    await clock.advance(50)
    assert.equal(server.log.bytes.length, 0)
    assert.equal(client.stream.pendingBytes, 5)
    server.stream.resume()
    await clock.advance(50)
    assert.equal(server.log.bytes.toString(), '123456789')
    assert.equal(client.stream.pendingBytes, 0)
  })

  it('cuts bytes into random pieces, the same ones for the same seed', async () => {
    const run = async (seed: number) => {
      const { clock, established } = await world({ random: seededRandom(seed), pieceBytesMax: 7 })
      const { client, server } = await established()
      client.stream.write([Buffer.from([...Array(100).keys()])])
      await clock.advance(50)
      assert.deepEqual([...server.log.bytes], [...Array(100).keys()])
      return server.log.pieces.map((piece) => piece.length)
    }
    const pieces = await run(1)
    assert.ok(pieces.length >= 100 / 7)
    assert.ok(Math.max(...pieces) <= 7)
    assert.deepEqual(await run(1), pieces)
    assert.notDeepEqual(await run(2), pieces)
  })

  it('keeps the order where the latency varies', async () => {
    let latencyMs = 5
    const { clock, established } = await world({ latencyMs: () => latencyMs })
    const { client, server } = await established()
    latencyMs = 50
    client.stream.write([text('slow ')])
    await clock.advance(1)
    latencyMs = 1
    client.stream.write([text('fast')])
    await clock.advance(60)
    assert.equal(server.log.bytes.toString(), 'slow fast')
  })

  it('refuses without a listener, on request, and after the listener closed', async () => {
    const { clock, network, connect, listener } = await world()
    const log = new Log(clock)
    network.connect({ host: 'broker', port: 1 }, log)
    network.refuse(address)
    const refused = connect()
    await clock.advance(10)
    assert.deepEqual(log.events, ['close:ECONNREFUSED@10'])
    assert.deepEqual(refused.log.events, ['close:ECONNREFUSED@10'])
    network.endOutage(address)
    const healed = connect()
    await clock.advance(10)
    assert.deepEqual(healed.log.events, ['connect@20'])
    await listener.close()
    const late = connect()
    await clock.advance(10)
    assert.deepEqual(late.log.events, ['close:ECONNREFUSED@30'])
    healed.stream.write([text('x')])
    assert.equal(network.openStreams(address), 1)
  })

  it('a black hole delays connections and delivers no bytes until heal()', async () => {
    const { clock, network, connect, established } = await world()
    const { client, server } = await established()
    network.blackHole(address)
    const hanging = connect()
    client.stream.write([text('lost?')])
    server.stream.write([text('and this?')])
    await clock.advance(10_000)
    assert.deepEqual(hanging.log.events, [])
    assert.deepEqual(client.log.events, ['connect@10'])
    assert.deepEqual(server.log.events, [])
    network.endOutage(address)
    await clock.advance(20)
    assert.equal(server.log.bytes.toString(), 'lost?')
    assert.equal(client.log.bytes.toString(), 'and this?')
    assert.equal(hanging.log.events.length, 1)
  })

  it('a one-way black hole delivers no bytes and no end in one direction', async () => {
    const { clock, network, established } = await world()
    const { client, server } = await established()
    network.blackHole(address, 'fromAddress')
    client.stream.write([text('heard')])
    server.stream.write([text('unheard')])
    await clock.advance(100)
    assert.equal(server.log.bytes.toString(), 'heard')
    assert.equal(client.log.pieces.length, 0)
    server.stream.destroy()
    await clock.advance(100)
    assert.deepEqual(client.log.events, ['connect@10'])
    assert.equal(network.openStreams(address), 1)
  })

  it('a cut loses or delivers the bytes in flight, and notifies both ends', async () => {
    for (const inFlight of ['lost', 'delivered'] as const) {
      const { clock, network, established } = await world()
      const { client, server } = await established()
      client.stream.write([text('in flight')])
      await clock.advance(1)
      assert.equal(network.cut(address, { inFlight }), 1)
      await clock.advance(20)
      assert.equal(server.log.bytes.toString(), inFlight === 'lost' ? '' : 'in flight')
      assert.match(client.log.events.at(-1)!, /^close:ECONNRESET/)
      assert.match(server.log.events.at(-1)!, /^close:ECONNRESET/)
      assert.equal(network.openStreams(address), 0)
      assert.equal(clock.pendingTimers, 0)
    }
  })

  it('a paused process accepts and reads nothing until it is resumed', async () => {
    const { clock, network, connect, accepted, established } = await world()
    const { client, server } = await established()
    network.pause(address)
    const waiting = connect()
    waiting.stream.write([text('hello')])
    client.stream.write([text('more')])
    await clock.advance(100)
    assert.deepEqual(waiting.log.events, ['connect@20'])
    assert.equal(accepted.length, 1)
    assert.equal(server.log.pieces.length, 0)
    network.resume(address)
    await clock.advance(20)
    assert.equal(accepted[1]!.log.bytes.toString(), 'hello')
    assert.equal(server.log.bytes.toString(), 'more')
  })

  it('streams silenced by silenceStreams() deliver nothing again, and new ones do', async () => {
    const { clock, network, established } = await world()
    const old = await established()
    network.silenceStreams(address)
    old.client.stream.write([text('void')])
    const fresh = await established()
    fresh.client.stream.write([text('fine')])
    await clock.advance(1_000)
    assert.deepEqual(old.server.log.events, [])
    assert.equal(fresh.server.log.bytes.toString(), 'fine')
  })

  it('a stream that is destroyed while it connects closes once and never connects', async () => {
    const { clock, network, connect, accepted } = await world()
    const early = connect()
    early.stream.destroy()
    const later = connect()
    await clock.advance(7)
    later.stream.destroy()
    await clock.advance(50)
    assert.deepEqual(early.log.events, ['close@0'])
    assert.deepEqual(later.log.events, ['close@7'])
    assert.equal(accepted.length, 1)
    assert.match(accepted[0]!.log.events.join(), /^close@/)
    assert.equal(network.openStreams(address), 0)
    assert.equal(clock.pendingTimers, 0)
  })

  it('gives out free ports, and refuses a second listener on one', async () => {
    const { network } = await world()
    const handler = () => ({ onData() {}, onClose() {} })
    const first = await network.listen({ host: 'h', port: 0 }, handler)
    const second = await network.listen({ host: 'h', port: 0 }, handler)
    assert.notEqual(first.address.port, second.address.port)
    await assert.rejects(network.listen(first.address, handler), { code: 'EADDRINUSE' })
    await first.close()
    await network.listen(first.address, handler)
  })

  it('resolves names as configured', async () => {
    const { clock, network } = await world()
    network.setHost('kafka', ['10.0.0.1', '10.0.0.2'])
    network.setHost('gone', [])
    assert.deepEqual(await clock.runUntil(network.resolve('kafka'), 1), ['10.0.0.1', '10.0.0.2'])
    assert.deepEqual(await clock.runUntil(network.resolve('10.0.0.9'), 1), ['10.0.0.9'])
    await assert.rejects(clock.runUntil(network.resolve('gone'), 1), { code: 'ENOTFOUND' })
  })
})
