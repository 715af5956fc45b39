// A schema registry for tests: Confluent's HTTP API on a free port of this machine, with a real
// one's compatibility checks, authentication, and faults that a test sets. It owns the HTTP server
// and a RegistryRoutes, whose schemas are in memory. Callers: tests of applications, through
// `@millrace/schema-registry/testing`.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { messageOf } from '../client/registry-text.ts'
import type { SchemaReference, SchemaType } from '../client/schema-registry.ts'
import type { CompatibilityLevel } from './compatibility.ts'
import { RegistryRejection } from './registry-rejection.ts'
import { findRoute, RegistryRoutes } from './registry-routes.ts'

/** The options of a registry for tests. */
export interface SchemaRegistryServerOptions {
  /** The compatibility level of subjects without their own level. Default: `'BACKWARD'`. */
  readonly compatibility?: CompatibilityLevel | undefined
  /** The credentials that clients must send. Default: none. */
  readonly auth?:
    | { readonly username: string; readonly password: string }
    | { readonly token: string }
    | undefined
  /**
   * Serves HTTPS with this certificate; with `ca`, clients must have a certificate signed by it.
   */
  readonly tls?:
    | { readonly cert: string; readonly key: string; readonly ca?: string | undefined }
    | undefined
  /** The port; a free one by default. */
  readonly port?: number | undefined
}

/** A schema to register without a request. */
export interface ServerSchema {
  /** Text, or an object for Avro and JSON Schema. */
  readonly schema: string | object
  /** `'AVRO'` by default. */
  readonly schemaType?: SchemaType | undefined
  /** The registered schemas that the schema imports or names. */
  readonly references?: readonly SchemaReference[] | undefined
  /** Metadata of a data contract. */
  readonly metadata?: object | undefined
  /** Rules of a data contract. */
  readonly ruleSet?: object | undefined
}

/** A fault that replaces the response to requests. */
export interface RegistryFault {
  /** Applies only to requests whose `METHOD /path` matches; to all by default. */
  readonly request?: RegExp | undefined
  /** The number of requests; 1 by default. `Infinity` = until `clearFaults()`. */
  readonly times?: number | undefined
  /** Responds with this HTTP status and an error of the registry. */
  readonly status?: number | undefined
  /** Responds with this text instead of the registry's JSON. */
  readonly body?: string | undefined
  /** Closes the connection without a response. */
  readonly disconnect?: boolean | undefined
  /** Sends no response and keeps the connection open. */
  readonly silent?: boolean | undefined
  /** Sends the response this many milliseconds later. */
  readonly delayMs?: number | undefined
}

const contentType = 'application/vnd.schemaregistry.v1+json'
const bodyBytesMax = 2 * 1024 * 1024
const requestsMax = 10_000

interface PendingFault {
  readonly fault: RegistryFault
  left: number
}

/**
 * A schema registry for tests.
 *
 * @example
 * await using server = await SchemaRegistryServer.start()
 * await server.register('orders-value', { schema: { type: 'string' } })
 * const registry = new SchemaRegistry({ url: server.url })
 */
export class SchemaRegistryServer implements AsyncDisposable {
  readonly #options: SchemaRegistryServerOptions
  readonly #routes: RegistryRoutes
  readonly #requests: string[] = []
  readonly #timers = new Set<NodeJS.Timeout>()
  #faults: PendingFault[] = []
  #server: Server | null = null
  #port: number

  private constructor(options: SchemaRegistryServerOptions) {
    this.#options = options
    this.#port = options.port ?? 0
    this.#routes = new RegistryRoutes(options.compatibility ?? 'BACKWARD')
  }

  /** Starts a registry on a free port of 127.0.0.1. */
  static async start(options: SchemaRegistryServerOptions = {}): Promise<SchemaRegistryServer> {
    const server = new SchemaRegistryServer(options)
    await server.resume()
    return server
  }

  /** `http://127.0.0.1:43210`; the same after `stop` and `resume`. */
  get url(): string {
    return `http${this.#options.tls === undefined ? '' : 's'}://127.0.0.1:${this.#port}`
  }

  /** The last 10,000 requests: `POST /subjects/orders-value/versions`. */
  get requests(): readonly string[] {
    return this.#requests
  }

  /** Registers a schema under a subject, after all checks, and returns its id. */
  async register(subject: string, schema: ServerSchema): Promise<number> {
    const text = typeof schema.schema === 'string' ? schema.schema : JSON.stringify(schema.schema)
    const { stored } = await this.#routes.register(subject, { ...schema, schema: text })
    return stored.id
  }

  /** Adds a fault. Of several faults the first one that matches applies. */
  fail(fault: RegistryFault): void {
    this.#faults.push({ fault, left: fault.times ?? 1 })
  }

  /** Removes all remaining faults. */
  clearFaults(): void {
    this.#faults = []
  }

  /** Closes the port and all connections, as an outage does. The schemas are kept. */
  async stop(): Promise<void> {
    const server = this.#server
    this.#server = null
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    if (server === null) return
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }

  /** Serves again, on the same port, after `stop`. */
  async resume(): Promise<void> {
    if (this.#server !== null) return
    const respond = (request: IncomingMessage, response: ServerResponse): void => {
      this.#serve(request, response).catch(() => response.destroy())
    }
    const { tls } = this.#options
    const clients = tls?.ca === undefined ? {} : { requestCert: true, rejectUnauthorized: true }
    const server =
      tls === undefined ? createServer(respond) : createTlsServer({ ...tls, ...clients }, respond)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#port, '127.0.0.1', resolve)
    })
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
  }

  /** Stops the server, as `stop` does. */
  close(): Promise<void> {
    return this.stop()
  }

  /** Closes it at the end of `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request
    if (this.#requests.length >= requestsMax) this.#requests.shift()
    this.#requests.push(`${method} ${url}`)
    const body = await bodyOf(request)
    const fault = this.#takeFault(`${method} ${url}`)
    if (fault?.silent === true) return
    if (fault?.disconnect === true) {
      request.socket.destroy()
      return
    }
    if (fault?.delayMs !== undefined) await this.#pause(fault.delayMs)
    const [status, content] =
      fault?.status !== undefined
        ? [fault.status, errorBody(fault.status * 100, 'failed on purpose')]
        : await this.#respond(request, body)
    response.writeHead(status, { 'content-type': contentType })
    response.end(fault?.body ?? JSON.stringify(content))
  }

  #takeFault(request: string): RegistryFault | undefined {
    const found = this.#faults.find(({ fault }) => fault.request?.test(request) ?? true)
    if (found === undefined) return undefined
    found.left -= 1
    if (found.left <= 0) this.#faults = this.#faults.filter((one) => one !== found)
    return found.fault
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer)
        resolve()
      }, delayMs)
      this.#timers.add(timer)
    })
  }

  #isAllowed({ headers }: IncomingMessage): boolean {
    const { auth } = this.#options
    if (auth === undefined) return true
    const expected =
      'token' in auth
        ? `Bearer ${auth.token}`
        : `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`
    return headers.authorization === expected
  }

  async #respond(request: IncomingMessage, body: string | null): Promise<[number, unknown]> {
    if (!this.#isAllowed(request)) return [401, errorBody(401, 'Unauthorized')]
    if (body === null) return [413, errorBody(413, 'Request Entity Too Large')]
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost')
    try {
      const route = findRoute(request.method ?? '', pathname)
      if (route === null) return [404, errorBody(404, 'HTTP 404 Not Found')]
      const parsed = body === '' ? {} : JSON.parse(body)
      const { handle, parts } = route
      return [200, await handle(this.#routes, { parts, query: searchParams, body: parsed })]
    } catch (error) {
      if (error instanceof RegistryRejection) {
        return [error.status, errorBody(error.code, error.message)]
      }
      const isMalformed = error instanceof SyntaxError || error instanceof URIError
      if (isMalformed) return [400, errorBody(400, messageOf(error))]
      return [500, errorBody(50001, messageOf(error))]
    }
  }
}

const errorBody = (code: number, message: string): object => ({ error_code: code, message })

/** null = the body is too large. */
const bodyOf = async (request: IncomingMessage): Promise<string | null> => {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) {
    if (text.length <= bodyBytesMax) text += chunk
  }
  return text.length > bodyBytesMax ? null : text
}
