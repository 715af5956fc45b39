import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { tcpTransport } from '../../src/runtime/tcp-transport.ts'
import type { ByteStream, StreamHandler } from '../../src/runtime/transport.ts'

/** Collects the events of one end of a stream, and lets a test wait for them. */
class Peer implements StreamHandler {
  readonly events: string[] = []
  readonly pieces: Uint8Array[] = []
  error: (Error & { code?: string }) | undefined
  #size = 0
  #waiting: (() => void)[] = []

  onConnect(): void {
    this.#note('connect')
  }

  onData(bytes: Uint8Array): void {
    this.pieces.push(bytes)
    this.#size += bytes.length
    this.#note('data')
  }

  onClose(error?: Error): void {
    this.error = error
    this.#note('close')
  }

  #note(event: string): void {
    this.events.push(event)
    for (const wake of this.#waiting.splice(0)) wake()
  }

  async until(isReached: () => boolean): Promise<void> {
    while (!isReached()) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  closed(): Promise<void> {
    return this.until(() => this.events.includes('close'))
  }

  received(size: number): Promise<void> {
    return this.until(() => this.#size >= size)
  }

  get bytes(): Buffer {
    return Buffer.concat(this.pieces)
  }
}

const local = { host: '127.0.0.1', port: 0 }

const pair = async (context: TestContext) => {
  const server = new Peer()
  const streams: ByteStream[] = []
  const accepted: ByteStream[] = []
  const listener = await tcpTransport.listen(local, (stream) => {
    streams.push(stream)
    accepted.push(stream)
    return server
  })
  const client = new Peer()
  const stream = tcpTransport.connect(listener.address, client)
  streams.push(stream)
  context.after(async () => {
    for (const each of streams) each.destroy()
    await listener.close()
  })
  await client.until(() => client.events.includes('connect'))
  return { client, server, stream, accepted, listener }
}

describe('the TCP transport', () => {
  it('carries bytes both ways in order, and calls flushed once, later', async (context) => {
    const { client, server, stream, accepted } = await pair(context)
    let flushed = 0
    const whenFlushed = new Promise<void>((resolve) => {
      stream.write([Buffer.from('one '), Buffer.from('two '), Buffer.from('three')], () => {
        flushed++
        resolve()
      })
    })
    assert.equal(flushed, 0)
    await whenFlushed
    await server.received(13)
    assert.equal(server.bytes.toString(), 'one two three')
    assert.equal(stream.pendingBytes, 0)
    accepted[0]!.write([Buffer.from('response')])
    await client.received(6)
    assert.equal(client.bytes.toString(), 'response')
    assert.equal(flushed, 1)
    assert.ok(!server.events.includes('connect'))
  })

  it('buffers bytes that are written before it is connected', async (context) => {
    const server = new Peer()
    let accepted: ByteStream | undefined
    const listener = await tcpTransport.listen(local, (stream) => {
      accepted = stream
      return server
    })
    const stream = tcpTransport.connect(listener.address, new Peer())
    context.after(async () => {
      stream.destroy()
      accepted?.destroy()
      await listener.close()
    })
    stream.write([Buffer.from('early')])
    assert.equal(stream.pendingBytes, 5)
    await server.received(5)
    assert.equal(server.bytes.toString(), 'early')
  })

  it('holds bytes back while the receiver pauses', async (context) => {
    const { server, stream, accepted } = await pair(context)
    await server.until(() => true)
    stream.write([Buffer.from('x')])
    await server.received(1)
    accepted[0]!.pause()
    const large = Buffer.alloc(32 * 1024 * 1024, 1)
    let flushed = false
    stream.write([large], () => {
      flushed = true
    })
    assert.ok(stream.pendingBytes > 0)
    assert.equal(flushed, false)
    accepted[0]!.resume()
    await server.received(large.length + 1)
    assert.equal(stream.pendingBytes, 0)
  })

  it('holds bytes back while the connecting side pauses', async (context) => {
    const { client, stream, accepted } = await pair(context)
    stream.pause()
    await new Promise<void>((resolve) => accepted[0]!.write([Buffer.from('later')], resolve))
    // A turn of the event loop in which the bytes would be read.
    await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(client.pieces, [])
    stream.resume()
    await client.received(5)
    assert.equal(client.bytes.toString(), 'later')
  })

  it('does not change bytes that were received, when more bytes arrive', async (context) => {
    const { client, accepted } = await pair(context)
    accepted[0]!.write([Buffer.from('first')])
    await client.received(5)
    const large = Buffer.alloc(300_000, 'more ')
    accepted[0]!.write([large])
    await client.received(5 + large.length)
    assert.equal(Buffer.from(client.pieces[0]!).toString(), 'first')
    assert.equal(client.bytes.subarray(5).compare(large), 0)
  })

  it('notifies both ends once when one destroys the stream', async (context) => {
    const { client, server, stream, accepted } = await pair(context)
    stream.destroy()
    assert.deepEqual(client.events, ['connect'])
    stream.destroy(new Error('too late'))
    stream.write([Buffer.from('x')], () => assert.fail('flushed after destroy'))
    stream.pause()
    stream.resume()
    stream.setKeepsProcessAlive(false)
    await client.closed()
    await server.closed()
    accepted[0]!.write([Buffer.from('x')], () => assert.fail('flushed after close'))
    assert.deepEqual(client.events, ['connect', 'close'])
    assert.deepEqual(server.events, ['close'])
    assert.equal(client.error, undefined)
  })

  it('closes with the error that it was destroyed with', async (context) => {
    const { client, stream } = await pair(context)
    stream.destroy(new Error('my reason'))
    await client.closed()
    assert.equal(client.error?.message, 'my reason')
  })

  it('delivers nothing after its owner destroyed it from inside onData', async (context) => {
    const { stream, accepted, client } = await pair(context)
    client.onData = (bytes) => {
      client.pieces.push(bytes)
      stream.destroy()
    }
    accepted[0]!.write([Buffer.alloc(8 * 1024 * 1024)])
    await client.closed()
    assert.equal(client.pieces.length, 1)
  })

  it('reports a refused connection and an impossible port, later and once', async () => {
    const listener = await tcpTransport.listen(local, () => new Peer())
    await listener.close()
    const refused = new Peer()
    tcpTransport.connect(listener.address, refused)
    await refused.closed()
    assert.equal(refused.error?.code, 'ECONNREFUSED')
    assert.deepEqual(refused.events, ['close'])
    const impossible = new Peer()
    tcpTransport.connect({ host: '127.0.0.1', port: 70_000 }, impossible)
    assert.deepEqual(impossible.events, [])
    await impossible.closed()
    assert.equal(impossible.error?.code, 'ERR_SOCKET_BAD_PORT')
  })

  it('frees the port when the listener closes, and keeps its streams open', async (context) => {
    const { server, stream, listener } = await pair(context)
    await listener.close()
    const again = await tcpTransport.listen(listener.address, () => new Peer())
    await again.close()
    stream.write([Buffer.from('still here')])
    await server.received(10)
  })

  it('rejects a port that is taken', async (context) => {
    const { listener } = await pair(context)
    await assert.rejects(
      tcpTransport.listen(listener.address, () => new Peer()),
      { code: 'EADDRINUSE' },
    )
  })

  it('closes when the peer closes its half, since no response can arrive', async (context) => {
    const sockets: Socket[] = []
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.push(socket)
      socket.on('error', () => {})
      socket.pause()
      socket.end('bye')
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    context.after(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    const bound = server.address()
    assert.ok(bound !== null && typeof bound === 'object')
    const client = new Peer()
    const stream = tcpTransport.connect({ host: '127.0.0.1', port: bound.port }, client)
    // The peer reads nothing, so these bytes never leave; waiting for them would be waiting for
    // ever.
    stream.write([Buffer.alloc(32 * 1024 * 1024)], () => assert.fail('flushed'))
    await client.closed()
    assert.equal(client.bytes.toString(), 'bye')
    assert.equal(client.error, undefined)
  })

  it('resolves addresses to themselves, and names to their addresses', async () => {
    assert.deepEqual(await tcpTransport.resolve('10.1.2.3'), ['10.1.2.3'])
    assert.deepEqual(await tcpTransport.resolve('[::1]'), ['::1'])
    assert.deepEqual(await tcpTransport.resolve('fe80::1'), ['fe80::1'])
    await assert.rejects(tcpTransport.resolve(''), { code: 'ENOTFOUND' })
    const addresses = await tcpTransport.resolve('localhost')
    assert.ok(addresses.includes('127.0.0.1') || addresses.includes('::1'))
    assert.equal(new Set(addresses).size, addresses.length)
  })
})
