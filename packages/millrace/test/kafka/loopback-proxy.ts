// A stretch of network for tests: a TCP proxy on the loopback address that counts connections and
// can swallow what it carries, as a firewall that has forgotten a connection does. Nobody is told.

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface LoopbackProxy extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly address: string
  /** How many connections clients have opened so far. */
  readonly connections: number
  /** Resolves once none is open. */
  untilAllClosed(): Promise<void>
  /** The connections of now never deliver again, and nobody is told; new ones work. */
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
