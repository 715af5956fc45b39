// A network for tests: a TCP proxy on the loopback address that counts connections, can close
// them, and can drop their bytes without closing them, as a firewall does that has forgotten a
// connection; and one that makes a broker slow.

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { pipeline } from 'node:stream'
import { pause } from '../soak/load-process.ts'

export interface LoopbackProxy extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly address: string
  /** How many connections clients have opened so far. */
  readonly connections: number
  /** Closes the present connections. */
  closeAll(): void
  /** Resolves once none is open. */
  untilAllClosed(): Promise<void>
  /** The present connections never deliver again and stay open; new ones work. */
  swallow(): void
}

/** Carries connections to `target`, a `host:port`. */
export const startProxy = async (target: string): Promise<LoopbackProxy> => {
  const [host = '', port = ''] = target.split(':')
  const pairs = new Set<readonly [client: Socket, server: Socket]>()
  let connections = 0
  const waiting: (() => void)[] = []
  const proxy = createServer((client) => {
    connections += 1
    const server = connect({ host, port: Number(port) })
    const pair = [client, server] as const
    pairs.add(pair)
    const end = () => {
      pairs.delete(pair)
      if (pairs.size === 0) for (const resolve of waiting.splice(0)) resolve()
      client.destroy()
      server.destroy()
    }
    for (const socket of pair) {
      socket.setNoDelay(true)
      socket.on('error', end)
      socket.on('close', end)
    }
    client.pipe(server)
    server.pipe(client)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  return {
    address: `127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    get connections() {
      return connections
    },
    closeAll: () => {
      for (const [client] of pairs) client.destroy()
    },
    untilAllClosed: () =>
      new Promise((resolve) => {
        if (pairs.size === 0) resolve()
        else waiting.push(resolve)
      }),
    swallow: () => {
      for (const pair of pairs) {
        for (const socket of pair) {
          socket.unpipe()
          socket.pause()
        }
      }
    },
    [Symbol.asyncDispose]: async () => {
      proxy.close()
      for (const pair of pairs) for (const socket of pair) socket.destroy()
    },
  }
}

/** A proxy in front of a broker that is made slow. */
export interface SlowProxy extends AsyncDisposable {
  readonly port: number
  /** Where connections go: to be set before the first one. */
  targetPort: number
  /** Each response of a connection leaves so long after the one before it; 0 = at once. */
  responseDelayMs: number
}

/** Cuts a broker's bytes into responses, and passes one after the other on. */
async function* delayResponses(chunks: AsyncIterable<Buffer>, delayMs: () => number) {
  let rest = Buffer.alloc(0)
  const end = (): number => (rest.length < 4 ? Number.POSITIVE_INFINITY : 4 + rest.readInt32BE())
  for await (const chunk of chunks) {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= end()) {
      if (delayMs() > 0) await pause(delayMs())
      const response = rest.subarray(0, end())
      rest = rest.subarray(response.length)
      yield response
    }
  }
}

export const startSlowProxy = async (): Promise<SlowProxy> => {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const broker = connect({ host: '127.0.0.1', port: proxy.targetPort })
    const end = () => {
      client.destroy()
      broker.destroy()
      for (const socket of [client, broker]) sockets.delete(socket)
    }
    for (const socket of [client, broker]) sockets.add(socket.setNoDelay(true))
    pipeline(client, broker, end)
    pipeline(
      broker,
      (chunks: AsyncIterable<Buffer>) => delayResponses(chunks, () => proxy.responseDelayMs),
      client,
      end,
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy: SlowProxy = {
    port: (server.address() as AddressInfo).port,
    targetPort: 0,
    responseDelayMs: 0,
    [Symbol.asyncDispose]: async () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
  return proxy
}
