// A proxy before one node of a cluster that changes texts in its responses: terminal sequences,
// line breaks, direction marks. A replacement has the length of what it replaces, so that every
// response can be read as before, whatever its API and version.

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Sets a window's title, clears the screen, forges a line, turns the direction of text. */
const attack = Buffer.from('\x1b]0;t\x07\x1b[2J\r\n\u009b31m\u2028\u202eforged ')

const attackOf = (length: number): Buffer => {
  const bytes = Buffer.alloc(length, ' ')
  // Whole characters only: a broken one would be a malformed response.
  const text = Buffer.from(attack.toString().slice(0, length))
  bytes.set(text.length <= length ? text : Buffer.from('\x1b[2J'.slice(0, length)))
  return bytes
}

export interface HostileProxy extends AsyncDisposable {
  readonly broker: string
  /** Texts that were changed. */
  readonly changed: () => number
}

/** `keeps`: texts that stay, such as the topic that the test uses. */
export const startHostileProxy = async (
  broker: string,
  keeps: readonly string[],
): Promise<HostileProxy> => {
  const [host = '', port = ''] = broker.split(':')
  const sockets = new Set<Socket>()
  let changed = 0
  let ownPort = Buffer.alloc(4)
  const realPort = Buffer.alloc(4)
  realPort.writeInt32BE(Number(port))
  const change = (bytes: Buffer): Buffer => {
    const result = Buffer.from(bytes)
    for (let at = bytes.indexOf(realPort); at >= 0; at = bytes.indexOf(realPort, at + 1)) {
      result.set(ownPort, at)
    }
    for (const { 0: text, index } of bytes.toString('latin1').matchAll(/[A-Za-z][\w .-]{3,}/g)) {
      if (keeps.some((kept) => text.includes(kept))) continue
      changed++
      result.set(attackOf(text.length), index)
    }
    return result
  }
  const server = createServer((client) => {
    const upstream = connect(Number(port), host)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        client.destroy()
        upstream.destroy()
        sockets.delete(socket)
      })
    }
    client.pipe(upstream)
    upstream.on('data', (bytes: Buffer) => client.write(change(bytes)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port: boundPort } = server.address() as AddressInfo
  ownPort = Buffer.alloc(4)
  ownPort.writeInt32BE(boundPort)
  return {
    broker: `127.0.0.1:${boundPort}`,
    changed: () => changed,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
