// A long life in strange networks: sockets of the user's own, proxies, brokers that drop
// connections, names that change, processes that must be able to end.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createServer, request } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type KafkaError, Producer, type ProducerOptions } from '../../src/index.ts'
import { startCluster } from '../../src/testing.ts'
import { makeCertificates } from '../certificates.ts'
import { Remembering } from './security-kit.ts'

const portOf = (broker: string): number => Number(broker.slice(broker.lastIndexOf(':') + 1))

const newProducer = (options: ProducerOptions): Producer =>
  new Producer({ logger: new Remembering(), ...options })

const sendOne = (producer: Producer) =>
  producer.send({ topic: 'a', value: 'x' }, { timeoutMs: 10_000 })

/** An HTTP proxy that takes CONNECT, and remembers what for. */
const startProxy = async (tunnelTo: (host: string, port: number) => Socket) => {
  const urls: string[] = []
  const server = createServer()
  server.on('connect', ({ url = '' }, client: Socket) => {
    urls.push(url)
    const upstream = tunnelTo(url.slice(0, url.lastIndexOf(':')), portOf(url))
    upstream.on('connect', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      client.pipe(upstream).pipe(client)
    })
    upstream.on('error', () => client.destroy())
    client.on('error', () => upstream.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  return { urls, port: (server.address() as AddressInfo).port, close }
}

describe('a socket factory', () => {
  it('reaches a TLS cluster through an HTTP proxy that alone knows its names', async () => {
    const { ca, server } = await makeCertificates()
    await using cluster = await startCluster({ nodes: 1, topics: { a: 1 }, tls: server })
    const proxy = await startProxy((_host, port) => connect({ host: '127.0.0.1', port }))
    const port = portOf(cluster.brokers[0] ?? '')
    const producer = newProducer({
      brokers: `kafka.internal:${port}`,
      tls: { ca, serverName: 'localhost' },
      socketFactory: (address) =>
        new Promise((resolve, reject) => {
          const path = `${address.host}:${address.port}`
          const connectRequest = request({
            host: '127.0.0.1',
            port: proxy.port,
            method: 'CONNECT',
            path,
          })
          connectRequest.on('connect', (_response, socket) => resolve(socket))
          connectRequest.on('error', reject)
          connectRequest.end()
        }),
    })
    await sendOne(producer)
    await producer.close()
    assert.equal(proxy.urls[0], `kafka.internal:${port}`)
    proxy.close()
  })

  it('may give any duplex stream, also one that knows nothing of sockets', async () => {
    await using cluster = await startCluster({ nodes: 1, topics: { a: 1 } })
    const socketFactory = ({ host, port }: { host: string; port: number }): Duplex => {
      const socket = connect({ host, port })
      return Duplex.from({ readable: socket, writable: socket })
    }
    const producer = newProducer({ brokers: cluster.brokers, socketFactory })
    await sendOne(producer)
    await producer.close()
  })

  it('that fails, throws or gives something else is a failed attempt, with its words', async () => {
    for (const [socketFactory, pattern] of [
      [() => Promise.reject(new Error('the tunnel is shut')), /the tunnel is shut/],
      [
        () => {
          throw new Error('no proxy today')
        },
        /no proxy today/,
      ],
      [() => 'socket', /socketFactory must return a duplex stream/],
      [() => null, /socketFactory must return a duplex stream/],
    ] as const) {
      const producer = newProducer({
        brokers: 'kafka.internal:9092',
        socketFactory: socketFactory as never,
      })
      await assert.rejects(producer.connect({ timeoutMs: 0 }), (error) => {
        assert.equal((error as KafkaError).code, 'CONNECTION_FAILED')
        return pattern.test((error as KafkaError).message)
      })
      await producer.close()
    }
  })

  it('that hangs fails after connectTimeoutMs, and its late socket destroyed', async () => {
    let give: (socket: Duplex) => void = () => {}
    const producer = newProducer({
      brokers: 'kafka.internal:9092',
      connectTimeoutMs: 100,
      socketFactory: () =>
        new Promise((resolve) => {
          give = resolve
        }),
    })
    await assert.rejects(producer.connect({ timeoutMs: 0 }), /no response within 100 ms/)
    await producer.close()
    const late = new Duplex({ read() {}, write() {} })
    const destroyed = new Promise((resolve) => late.on('close', resolve))
    give(late)
    await destroyed
  })
})

describe('long-lived connections', () => {
  it('are opened again without a request after the broker closed them', async () => {
    await using cluster = await startCluster({ nodes: 1, topics: { a: 1 } })
    const sockets: Socket[] = []
    const socketFactory = (address: { host: string; port: number }): Socket => {
      const socket = connect(address)
      sockets.push(socket)
      return socket
    }
    const producer = newProducer({ brokers: cluster.brokers, socketFactory })
    for (let round = 0; round < 3; round++) {
      await sendOne(producer)
      for (const socket of sockets) socket.destroy()
    }
    await sendOne(producer)
    await producer.close()
    assert.equal(cluster.records('a').length, 4)
  })

  it('that stop responding are closed by a request, which is sent over another', async () => {
    await using cluster = await startCluster({ nodes: 1, topics: { a: 1 } })
    const sockets: Socket[] = []
    const socketFactory = (address: { host: string; port: number }): Socket => {
      const socket = connect(address)
      sockets.push(socket)
      return socket
    }
    const producer = newProducer({
      brokers: cluster.brokers,
      socketFactory,
      requestTimeoutMs: 300,
    })
    await sendOne(producer)
    // As a load balancer that forgets a connection: no byte passes, and neither end is notified.
    for (const socket of sockets) socket.pause()
    await sendOne(producer)
    await producer.close()
    assert.equal(cluster.records('a').length, 2)
  })
})

const childPath = fileURLToPath(new URL('./security-child.ts', import.meta.url))
const runnable = import.meta.url.endsWith('.ts') ? childPath : childPath.replace(/\.ts$/, '.js')

const runChild = async (keepProcessAlive: boolean, broker: string): Promise<string> => {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const arguments_ = [runnable, String(keepProcessAlive), broker]
  const { stdout } = await promisify(execFile)(process.execPath, arguments_, {
    env,
    timeout: 20_000,
  })
  return stdout
}

describe('keepProcessAlive', () => {
  it('false lets a process exit with its connections open', async () => {
    await using cluster = await startCluster({ nodes: 1, topics: { a: 1 } })
    assert.equal(await runChild(false, cluster.brokers[0] ?? ''), 'sent, 0 ms left over\n')
  })

  it('true keeps the process alive until the producer is closed', async () => {
    await using cluster = await startCluster({ nodes: 1, topics: { a: 1 } })
    assert.equal(await runChild(true, cluster.brokers[0] ?? ''), 'sent, closed by the timer\n')
  })
})
