// What stands around a page while its blocks run: an in-process cluster for each kind of listener
// that the page names (by port), a schema registry, a token endpoint, proxies, and a folder of
// certificates. `connected` turns the addresses of a block into theirs.
//   :9092 plain · :9093 TLS · :9094 TLS, with a certificate of the client
//   :9096 TLS, names and passwords · :9098 TLS, tokens
//   :8081 schema registry · login.example and login.microsoftonline.com token endpoint ·
//   169.254.169.254 and metadata.google.internal metadata server of a cloud ·
//   proxy.example:1080 SOCKS, :3128 HTTP

import { mkdir, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { type ClusterOptions, startCluster, type TestCluster } from '../../src/testing.ts'
import { makeCertificates, type TestCertificates } from '../certificates.ts'
import { startDocRegistry } from './doc-registry.ts'
import { generateAuthToken } from './stand-in-modules.ts'

interface Server {
  readonly port: number
  close(): Promise<void>
}

interface Listening {
  listen(port: number, host: string, done: () => void): unknown
  address(): unknown
  close(done: () => void): unknown
}

const serve = async (server: Listening, sockets: ReadonlySet<Duplex>): Promise<Server> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** Two ends of a tunnel: what one says, the other hears, until one of them ends. */
const join2 = (one: Duplex, other: Duplex, sockets: Set<Duplex>): void => {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    sockets.add(from)
    from.pipe(to)
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroy())
  }
}

/** An HTTP proxy that knows CONNECT. */
const startHttpProxy = (): Promise<Server> => {
  const sockets = new Set<Duplex>()
  const server = createServer()
  server.on('connect', (request: IncomingMessage, client: Duplex) => {
    const [host, port] = request.url!.split(':')
    const target = connect(Number(port), host!, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      join2(client, target, sockets)
    })
  })
  return serve(server, sockets)
}

const greetingBytes = 3

/** A SOCKS 5 proxy for names, without authentication; it trusts its clients to speak properly. */
const startSocksProxy = (): Promise<Server> => {
  const sockets = new Set<Duplex>()
  const respond = (client: Socket, received: Buffer): void => {
    const nameEnd = 5 + received[4]!
    const target = connect(
      received.readUInt16BE(nameEnd),
      received.toString('utf8', 5, nameEnd),
      () => {
        client.write(Buffer.from([5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
        join2(client, target, sockets)
      },
    )
  }
  const server = createTcpServer((client) => {
    let received = Buffer.alloc(0)
    const onData = (bytes: Buffer): void => {
      received = Buffer.concat([received, bytes])
      const nameBytes = received[greetingBytes + 4]
      if (nameBytes === undefined || received.length < greetingBytes + 7 + nameBytes) return
      client.off('data', onData)
      respond(client, received.subarray(greetingBytes))
    }
    client.on('data', onData)
  })
  return serve(server, sockets)
}

/** Gives a token to every client. */
const startTokenEndpoint = (): Promise<Server> => {
  const server = createServer(async (request, response) => {
    request.resume()
    const { token } = await generateAuthToken({ region: 'here' })
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: 900 }))
  })
  return serve(server, new Set())
}

/** The metadata server of Azure and of Google Cloud. */
const startMetadataServer = (): Promise<Server> => {
  const server = createServer(async ({ url = '', headers }, response) => {
    const isAzure = headers.metadata === 'true' && url.includes('api-version=2018-02-01')
    const isGoogle = headers['metadata-flavor'] === 'Google'
    if (!isAzure && !isGoogle) response.statusCode = 400
    if (url.endsWith('/email')) {
      response.end('orders@project.iam.gserviceaccount.com')
      return
    }
    const { token, expiryTime } = await generateAuthToken({ region: 'here' })
    const expires_on = String(Math.floor(expiryTime / 1000))
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ access_token: token, expires_on, expires_in: 900 }))
  })
  return serve(server, new Set())
}

/** Who may log in where names and passwords are required. */
const users = { alice: 'wonderland' }

const writeCertificates = async (folder: string, made: TestCertificates): Promise<void> => {
  await mkdir(folder)
  const files = {
    'ca.pem': made.ca,
    'client.pem': made.client.cert,
    'client.key': made.client.key,
    password: `${users.alice}\n`,
    'federated-token': 'header.payload.signature\n',
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
}

/** Clouds whose brokers take tokens on other ports. */
const cloudBroker = /[\w.-]+\.(servicebus\.windows\.net|cloud\.goog):\d{4}\b/g

/** Whose token it is: any JWT will do. */
const ownerOf = (token: string) => {
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
  return { principal: String(claims.sub), expiresAt: claims.exp * 1000 }
}

/** Made once: each costs milliseconds, and every page may have them. */
const certificates = makeCertificates()

export interface DocStage {
  /** The plain cluster of the page. */
  readonly cluster: TestCluster
  /** What programs and shells are started with. */
  readonly environment: NodeJS.ProcessEnv
  /** Leads `localhost:9092` to another broker from now on: one that the page has started itself. */
  useBroker(address: string): void
  /** A block's code with the addresses of this stage. */
  connected(code: string): string
  [Symbol.asyncDispose](): Promise<void>
}

/** Sets up what the text of a page names; files go into the folder. */
export const setStage = async (text: string, folder: string): Promise<DocStage> => {
  const made = await certificates
  const path = join(folder, 'etc-kafka')
  await writeCertificates(path, made)
  const ends: (() => Promise<void>)[] = []
  const plain = { defaultPartitions: 3, topics: { orders: 6 } }
  const start = async (options: ClusterOptions): Promise<TestCluster> => {
    const cluster = await startCluster({ ...plain, ...options })
    ends.push(() => cluster.close())
    return cluster
  }
  const tls = { ...made.server, ca: made.ca }
  const listeners: Readonly<Record<string, ClusterOptions>> = {
    '9093': { tls },
    '9094': { tls: { ...tls, requestClientCert: true } },
    '9096': { tls, sasl: { mechanisms: ['SCRAM-SHA-512'], users } },
    '9098': { tls, sasl: { mechanisms: ['OAUTHBEARER'], validateToken: ownerOf } },
  }
  const cluster = await start({})
  const addresses = new Map([['9092', cluster.brokers[0]!]])
  for (const [port, options] of Object.entries(listeners)) {
    if (text.includes(`:${port}`)) addresses.set(port, (await start(options)).brokers[0]!)
  }
  const servers = new Map<string, number>()
  const begin = async (name: string, server: Promise<Server>): Promise<void> => {
    const { port, close } = await server
    servers.set(name, port)
    ends.push(close)
  }
  if (text.includes(':8081')) {
    const registry = await startDocRegistry()
    addresses.set('8081', registry.address)
    ends.push(() => registry.close())
  }
  if (/login\.(example|microsoftonline)/.test(text)) await begin('login', startTokenEndpoint())
  if (text.includes('169.254.169.254')) await begin('metadata', startMetadataServer())
  if (text.includes('proxy.example')) {
    await begin('1080', startSocksProxy())
    await begin('3128', startHttpProxy())
  }
  return {
    cluster,
    // So `tls: true` trusts the authority of the test as a public one.
    // Servers of examples listen where there is a free port.
    environment: {
      NODE_EXTRA_CA_CERTS: join(path, 'ca.pem'),
      PORT: '0',
      AZURE_CLIENT_ID: 'orders',
      AZURE_TENANT_ID: 'tenant',
      AZURE_FEDERATED_TOKEN_FILE: join(path, 'federated-token'),
    },
    useBroker: (address) => addresses.set('9092', address),
    connected: (code) =>
      code
        .replace(cloudBroker, () => addresses.get('9098')!)
        .replace(/[\w.-]+:(\d{4})\b/g, (whole, port) => addresses.get(port) ?? whole)
        .replace(
          /https:\/\/login\.(example|microsoftonline\.com)/g,
          () => `http://127.0.0.1:${servers.get('login')}`,
        )
        .replace(
          /http:\/\/(169\.254\.169\.254|metadata\.google\.internal)/g,
          () => `http://127.0.0.1:${servers.get('metadata')}`,
        )
        .replace(
          /host: 'proxy\.example', port: (\d+)/g,
          (_, port) => `host: '127.0.0.1', port: ${servers.get(port)}`,
        )
        .replaceAll('/etc/kafka', path),
    [Symbol.asyncDispose]: async () => {
      for (const end of ends.reverse()) await end()
    },
  }
}
