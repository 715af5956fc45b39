// A connection over the in-memory network under virtual time, with the fake broker at its other
// end.

import { Connection, type ConnectionOptions, type RawRequest } from '../../src/net/connection.ts'
import type { KafkaError } from '../../src/protocol/kafka-error.ts'
import { MemoryNetwork, type MemoryNetworkOptions } from '../../src/runtime/memory-transport.ts'
import { VirtualClock } from '../../src/runtime/virtual-clock.ts'
import { FakeBroker } from './net-fake-broker.ts'

export const brokerAddress = { host: 'broker', port: 9092 }
export const brokerName = 'broker:9092 (node 1)'

/** One way, so that a round trip takes 10 ms. */
export const latencyMs = 5

export interface Outcome {
  readonly name: string
  readonly body?: string | null
  readonly error?: KafkaError
  readonly written?: boolean
  readonly atMs: number
}

export interface Scene {
  readonly clock: VirtualClock
  readonly network: MemoryNetwork
  readonly broker: FakeBroker
  readonly connection: Connection
  /** The events that the connection sent to its owner. */
  readonly events: string[]
  /** The errors given to onClosed. */
  readonly closeErrors: (KafkaError | null)[]
  /** What became of the requests made by `send`, in order. */
  readonly outcomes: Outcome[]
  readonly callbackErrors: unknown[]
  send(name: string, more?: Partial<RawRequest>): void
  /** Until it is ready. */
  ready(): Promise<void>
}

export interface SceneOptions {
  readonly connection?: Partial<ConnectionOptions>
  readonly network?: Partial<MemoryNetworkOptions>
  readonly listens?: boolean
  readonly broker?: FakeBroker
}

export const startScene = async (options: SceneOptions = {}): Promise<Scene> => {
  const clock = new VirtualClock()
  const network = new MemoryNetwork({ clock, latencyMs, ...options.network })
  const broker = options.broker ?? new FakeBroker()
  if (options.listens ?? true) await broker.listen(network, brokerAddress)
  const events: string[] = []
  const closeErrors: (KafkaError | null)[] = []
  const outcomes: Outcome[] = []
  const callbackErrors: unknown[] = []
  const connection = new Connection(
    {
      transport: network,
      clock,
      address: brokerAddress,
      name: brokerName,
      clientId: 'tester',
      connectTimeoutMs: 1_000,
      requestTimeoutMs: 500,
      connectionsMaxIdleMs: 0,
      maxResponseBytes: 100_000,
      ...options.connection,
    },
    {
      onReady: () => events.push(`ready@${clock.now()}`),
      onClosed: (error) => {
        closeErrors.push(error)
        events.push(`closed@${clock.now()}`)
      },
      onMutedChange: () => events.push(`${connection.muted ? 'muted' : 'unmuted'}@${clock.now()}`),
      onCallbackError: (error) => callbackErrors.push(error),
    },
  )
  return {
    clock,
    network,
    broker,
    connection,
    events,
    closeErrors,
    outcomes,
    callbackErrors,
    send: (name, more = {}) =>
      connection.requestRaw({
        apiKey: 0,
        apiName: 'Produce',
        version: 7,
        flexible: false,
        chunks: [Buffer.from(name)],
        expectsResponse: true,
        onResponse: (body) =>
          outcomes.push({
            name,
            body: body === null ? null : Buffer.from(body).toString(),
            atMs: clock.now(),
          }),
        onFailure: (error, written) => outcomes.push({ name, error, written, atMs: clock.now() }),
        ...more,
      }),
    ready: () => clock.runUntil(() => connection.state === 'ready', 10_000),
  }
}

/** `name: body` or `name! CODE written` of each outcome, in order. */
export const summaryOf = (outcomes: readonly Outcome[]): string[] =>
  outcomes.map(({ name, body, error, written }) =>
    error === undefined ? `${name}: ${body}` : `${name}! ${error.code} ${written}`,
  )
