// The HTTP server of a console. It only reads, listens on 127.0.0.1, and responds only if the Host
// header has a loopback name. The check must stay: it rejects the page of another site whose name
// resolves to 127.0.0.1 (DNS rebinding). Owner and caller: serveConsole.

import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Asset } from './assets.ts'

const loopback = '127.0.0.1'
const loopbackNames: ReadonlySet<string> = new Set([loopback, 'localhost', '[::1]'])

const connectionsMax = 64
const requestTimeoutMs = 10_000
const headersTimeoutMs = 5000
const headerBytesMax = 8192
const filterCharactersMax = 260

const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const

/**
 * Returns the view for the page: samples after number `after`, and partitions whose name contains
 * `filter`.
 */
export type ReadView = (after: number, filter: string) => unknown

/** The host name in a Host header, which may include a port; null if there is none. */
const hostName = (header: string | undefined): string | null =>
  /^(\[[\da-f:.]+\]|[^:]+)(?::\d+)?$/i.exec(header ?? '')?.[1]?.toLowerCase() ?? null

interface PageResponse {
  readonly status: number
  readonly type: string
  readonly body: string | Buffer
  readonly allow?: string
}

const textResponse = (status: number, text: string): PageResponse => ({
  status,
  type: 'text/plain; charset=utf-8',
  body: `${text}\n`,
})

export class HttpServer {
  readonly #assets: ReadonlyMap<string, Asset>
  readonly #readView: ReadView
  readonly #server: Server
  #closed: Promise<unknown> | undefined

  constructor(assets: ReadonlyMap<string, Asset>, readView: ReadView) {
    this.#assets = assets
    this.#readView = readView
    this.#server = createServer(
      {
        requestTimeout: requestTimeoutMs,
        headersTimeout: headersTimeoutMs,
        maxHeaderSize: headerBytesMax,
      },
      (request, response) => this.#respond(request, response),
    )
    this.#server.maxConnections = connectionsMax
    // Open pages must not keep the process alive.
    this.#server.on('connection', (socket) => socket.unref())
  }

  /** Resolves with the URL; rejects if the port is in use. */
  async listen(port: number): Promise<string> {
    this.#server.listen(port, loopback)
    await once(this.#server, 'listening')
    this.#server.unref()
    return `http://${loopback}:${(this.#server.address() as AddressInfo).port}/`
  }

  close(): Promise<unknown> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  #close(): Promise<unknown> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    return closed
  }

  #respond(request: IncomingMessage, response: ServerResponse): void {
    const { status, type, body, allow } = this.#route(request)
    response.writeHead(status, {
      ...headers,
      'content-type': type,
      'content-length': Buffer.byteLength(body),
      ...(allow === undefined ? {} : { allow }),
    })
    response.end(request.method === 'HEAD' ? undefined : body)
    // The body of a rejected request is discarded.
    if (status >= 400) request.resume()
  }

  #route({ method, headers: { host }, url = '/' }: IncomingMessage): PageResponse {
    if (!loopbackNames.has(hostName(host) ?? '')) {
      return textResponse(403, 'The console responds to 127.0.0.1 and localhost only.')
    }
    if (method !== 'GET' && method !== 'HEAD') {
      return { ...textResponse(405, 'The console only shows: GET and HEAD.'), allow: 'GET, HEAD' }
    }
    const [path = '', query = ''] = url.split('?', 2)
    if (path === '/view') return this.#view(new URLSearchParams(query))
    const asset = this.#assets.get(path)
    return asset === undefined ? textResponse(404, 'Not found.') : { status: 200, ...asset }
  }

  #view(query: URLSearchParams): PageResponse {
    const after = Number(query.get('after') ?? 0)
    const filter = query.get('filter') ?? ''
    if (!Number.isSafeInteger(after) || after < 0) {
      return textResponse(400, 'after must be a whole number from 0.')
    }
    if (filter.length > filterCharactersMax) {
      return textResponse(400, `filter: at most ${filterCharactersMax} characters.`)
    }
    const body = JSON.stringify(this.#readView(after, filter))
    return { status: 200, type: 'application/json; charset=utf-8', body }
  }
}
