// One connection of a topic reader to one broker, with promises. A reader opens a session for each
// broker that it reads from, and must close all of them. Callers: reader-cluster.ts and
// topic-reader.ts.

import { Connection } from '../net/connection.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import type { Api, Input } from '../protocol/schema/api.ts'
import { type Clock, systemClock } from '../runtime/clock.ts'
import { tcpTransport } from '../runtime/tcp-transport.ts'
import type { Address, Transport } from '../runtime/transport.ts'

/** The parts that all sessions of one reader share. */
export interface SessionContext {
  readonly transport: Transport
  readonly clock: Clock
  readonly clientId: string
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
  /** The maximum length of a response. */
  readonly maxResponseBytes: number
}

export const defaultSessionContext: SessionContext = {
  transport: tcpTransport,
  clock: systemClock,
  clientId: 'millrace-topic-reader',
  connectTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  maxResponseBytes: 256 * 1024 * 1024,
}

/** Parses `host:port`; an IPv6 address is in brackets. */
export const parseAddress = (text: string): Address => {
  const match = /^(\[.+\]|[^:]+):(\d+)$/.exec(text.trim())
  if (match === null) {
    throw new KafkaError('INVALID_ARGUMENT', `brokers must be HOST:PORT, got '${text}'`)
  }
  return { host: match[1]!, port: Number(match[2]) }
}

export class Session {
  readonly #connection: Connection
  /** Settles once: the connection is negotiated, or it failed. */
  readonly #ready: Promise<void>

  constructor(address: Address, nodeId: number | null, context: SessionContext) {
    const where = `${address.host}:${address.port}`
    const { promise, resolve, reject } = deferred()
    this.#ready = promise
    this.#connection = new Connection(
      {
        ...context,
        address,
        name: nodeId === null ? where : `${where} (node ${nodeId})`,
        connectionsMaxIdleMs: 0,
      },
      {
        onReady: resolve,
        onClosed: (error) =>
          reject(error ?? new KafkaError('CONNECTION_LOST', `${where} was closed`)),
        onMutedChange: () => {},
      },
    )
  }

  /** Waits for the connection, sends the request and resolves with its response. */
  async request<Request, Response>(
    api: Api<Request, Response>,
    request: Input<Request>,
  ): Promise<Response> {
    await this.#ready
    return new Promise((resolve, reject) => {
      this.#connection.request(api, request, (error, response) => {
        if (response === null) reject(error)
        else resolve(response)
      })
    })
  }

  /** Requests in flight fail with `error`. A second call does nothing. */
  close(error?: KafkaError): void {
    this.#connection.close(error)
  }
}

/** A promise that may have no awaiting caller: its rejection must not end the process. */
const deferred = () => {
  let resolve!: () => void
  let reject!: (error: KafkaError) => void
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  promise.catch(() => {})
  return { promise, resolve, reject }
}
