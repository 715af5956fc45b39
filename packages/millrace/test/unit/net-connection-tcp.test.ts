// The connection over real sockets on loopback: what the in-memory network cannot show.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { Connection, type ConnectionOptions } from '../../src/net/connection.ts'
import type { KafkaError } from '../../src/protocol/kafka-error.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { tcpTransport } from '../../src/runtime/tcp-transport.ts'
import type { Address } from '../../src/runtime/transport.ts'
import { FakeBroker } from './net-fake-broker.ts'

class Signal<Value> {
  readonly promise: Promise<Value>
  resolve: (value: Value) => void = () => {}

  constructor() {
    this.promise = new Promise((resolve) => {
      this.resolve = resolve
    })
  }
}

const connect = (address: Address, more: Partial<ConnectionOptions> = {}) => {
  const ready = new Signal<void>()
  const closed = new Signal<KafkaError | null>()
  const connection = new Connection(
    {
      transport: tcpTransport,
      clock: systemClock,
      address,
      name: `${address.host}:${address.port}`,
      clientId: 'tester',
      connectTimeoutMs: 5_000,
      requestTimeoutMs: 5_000,
      connectionsMaxIdleMs: 0,
      maxResponseBytes: 50_000_000,
      ...more,
    },
    { onReady: () => ready.resolve(), onClosed: closed.resolve, onMutedChange() {} },
  )
  const send = (chunks: readonly Uint8Array[], expectsResponse = true) =>
    new Promise<Uint8Array | null>((resolve, reject) =>
      connection.requestRaw({
        apiKey: 0,
        apiName: 'Produce',
        version: 7,
        flexible: false,
        chunks,
        expectsResponse,
        onResponse: resolve,
        onFailure: reject,
      }),
    )
  return { connection, send, ready: ready.promise, closed: closed.promise }
}

const withBroker = async (context: TestContext, more: Partial<ConnectionOptions> = {}) => {
  const broker = new FakeBroker()
  const address = await broker.listen(tcpTransport, { host: '127.0.0.1', port: 0 })
  const client = connect(address, more)
  context.after(async () => {
    client.connection.close()
    await client.closed
    await broker.close()
  })
  await client.ready
  return { broker, ...client }
}

describe('a connection over TCP', () => {
  it('carries small and large requests and responses', async (context) => {
    const { broker, send } = await withBroker(context)
    broker.onRequest = (request) => broker.respond(request, request.rest)
    const large = Buffer.alloc(5_000_000, 7)
    const bodies = await Promise.all([
      send([Buffer.from('small')]),
      send([Buffer.from('head'), large]),
      send([Buffer.from('small too')]),
    ])
    assert.equal(Buffer.from(bodies[0]!).toString(), 'small')
    assert.deepEqual(Buffer.from(bodies[1]!), Buffer.concat([Buffer.from('head'), large]))
    assert.equal(Buffer.from(bodies[2]!).toString(), 'small too')
  })

  it('settles a request without a response when the system has its bytes', async (context) => {
    const { send } = await withBroker(context)
    assert.equal(await send([Buffer.from('fire and forget')], false), null)
  })

  it('survives a stall that is longer than the request timeout', async (context) => {
    const { broker, send, connection } = await withBroker(context, { requestTimeoutMs: 100 })
    // The broker lives in this process, so its response is put into the kernel before the stall.
    const stalled = new Promise<void>((resolve) => {
      broker.onRequest = (request) => {
        broker.respond(request, Buffer.from('in time'))
        const end = performance.now() + 400
        while (performance.now() < end);
        resolve()
      }
    })
    const body = await send([Buffer.from('x')])
    await stalled
    assert.equal(Buffer.from(body!).toString(), 'in time')
    assert.equal(connection.state, 'ready')
  })

  it('times out in real time', async (context) => {
    const { send, closed } = await withBroker(context, { requestTimeoutMs: 50 })
    await assert.rejects(send([Buffer.from('x')]), { code: 'REQUEST_TIMEOUT', api: 'Produce' })
    assert.equal((await closed)?.code, 'REQUEST_TIMEOUT')
  })

  it('reports that the connection was refused', async () => {
    const listener = await tcpTransport.listen({ host: '127.0.0.1', port: 0 }, () => ({
      onData() {},
      onClose() {},
    }))
    await listener.close()
    const error = await connect(listener.address).closed
    assert.equal(error?.code, 'CONNECTION_FAILED')
    assert.match(
      error.message,
      /^Connecting to 127\.0\.0\.1:\d+ failed: connection refused \(ECONNREFUSED\)$/,
    )
  })

  it('recognises a web server', async (context) => {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    context.after(() => server.close())
    const bound = server.address()
    assert.ok(bound !== null && typeof bound === 'object')
    const error = await connect({ host: '127.0.0.1', port: bound.port }).closed
    assert.equal(error?.code, 'MALFORMED_RESPONSE')
    assert.match(error.message, /a web server responds there/)
  })

  it('says that the connection was lost when the broker closes it', async (context) => {
    const { broker, send, closed } = await withBroker(context)
    broker.onRequest = (request) => request.stream.destroy()
    await assert.rejects(send([Buffer.from('x')]), { code: 'CONNECTION_LOST', api: 'Produce' })
    assert.equal((await closed)?.code, 'CONNECTION_LOST')
  })
})
