// Sends one HTTP request with node:http or node:https, to a registry or to a token endpoint. It
// owns the kept-alive connections. It must not follow redirects, so that no header or body reaches
// another host; a response is uncompressed and read up to a limit. Callers: registry-requests.ts
// and registry-login.ts.

import http from 'node:http'
import https from 'node:https'
import { clearTimeout, setTimeout } from 'node:timers'
import type { RegistryTls, SchemaRegistryOptions } from './registry-options.ts'

/** A request to send. */
export interface HttpRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | undefined
}

/** A complete response. */
export interface HttpResponse {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly text: string
}

/** Sends a request; rejects if no complete response arrives in time. */
export type HttpSend = (request: HttpRequest) => Promise<HttpResponse>

/** Schemas are smaller than 1 MiB: a registry keeps each in one Kafka record. */
const bodyBytesMax = 8 * 1024 * 1024

const tlsSettings = ({ ca, cert, key, passphrase, serverName }: RegistryTls = {}) => ({
  ...(ca !== undefined && { ca: toList(ca) }),
  ...(cert !== undefined && { cert: toPem(cert) }),
  ...(key !== undefined && { key: toPem(key) }),
  ...(passphrase !== undefined && { passphrase }),
  ...(serverName !== undefined && { servername: serverName }),
})

type Pem = string | Uint8Array

const toPem = (pem: Pem): string | Buffer => (typeof pem === 'string' ? pem : Buffer.from(pem))

const toList = (ca: Pem | readonly Pem[]): (string | Buffer)[] =>
  (Array.isArray(ca) ? ca : [ca]).map(toPem)

const read = async (response: http.IncomingMessage): Promise<string> => {
  const encoding = response.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity') {
    throw new Error('the response is compressed, although the request did not allow it')
  }
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response) {
    bytes += chunk.length
    if (bytes > bodyBytesMax) throw new Error(`the response has more than ${bodyBytesMax} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** The peer closed a kept-alive connection before it received this request. */
class StaleConnection extends Error {}

/** Returns a function that sends requests; they share connections and options. */
export const httpSender = (
  { tls, agent }: Pick<SchemaRegistryOptions, 'tls' | 'agent'>,
  requestTimeoutMs: number,
): HttpSend => {
  const shared = { keepAlive: true, maxSockets: 16, maxFreeSockets: 4 }
  const plainAgent = agent ?? new http.Agent(shared)
  const tlsAgent = agent ?? new https.Agent({ ...shared, ...tlsSettings(tls) })
  const sendOnce = ({ method, url, headers, body }: HttpRequest): Promise<HttpResponse> =>
    new Promise((resolve, reject) => {
      const isTls = url.startsWith('https:')
      const bytes = body === undefined ? undefined : Buffer.from(body)
      const request = (isTls ? https : http).request(url, {
        method,
        agent: isTls ? tlsAgent : plainAgent,
        headers: {
          'accept-encoding': 'identity',
          ...headers,
          ...(bytes !== undefined && { 'content-length': bytes.length }),
        },
      })
      const timer = setTimeout(() => {
        fail(new Error(`no response within ${requestTimeoutMs} ms (requestTimeoutMs)`))
      }, requestTimeoutMs)
      const fail = (error: unknown): void => {
        clearTimeout(timer)
        request.destroy()
        reject(error)
      }
      request.on('error', (error: NodeJS.ErrnoException) => {
        const isStale = request.reusedSocket && ['ECONNRESET', 'EPIPE'].includes(error.code ?? '')
        fail(isStale ? new StaleConnection(error.message) : error)
      })
      request.on('response', (response) => {
        read(response).then((text) => {
          clearTimeout(timer)
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text })
        }, fail)
      })
      request.end(bytes)
    })
  return async (request) => {
    for (;;) {
      try {
        return await sendOnce(request)
      } catch (error) {
        // At most once per kept-alive connection: a new connection is never stale.
        if (!(error instanceof StaleConnection)) throw error
      }
    }
  }
}
