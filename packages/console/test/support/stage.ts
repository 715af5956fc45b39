// What the tests of the console share: a cluster with a producer and its console, a producer that
// is none, and a request whose every header is ours.

import { channel } from 'node:diagnostics_channel'
import { connect } from 'node:net'
import {
  type DiagnosticEvents,
  Producer,
  type ProducerMetrics,
  type ProducerOptions,
} from 'millrace'
import { startCluster } from 'millrace/testing'
import { serveConsole } from '../../src/index.ts'
import type { Source } from '../../src/monitor.ts'
import type { View } from '../../src/view.ts'

export const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** The shortest that is allowed: the tests wait for samples. */
export const intervalMs = 100

/** A cluster with three nodes, a producer, its console. */
export const startStage = async (options: Partial<ProducerOptions> = {}) => {
  const cluster = await startCluster({ nodes: 3, topics: { orders: 6 } })
  const start = async () => {
    const own = { clientId: 'shop', logger: silent, onError: () => {}, ...options }
    const producer = new Producer({ brokers: cluster.brokers, ...own } as ProducerOptions)
    return { producer, served: await serveConsole(producer, { intervalMs }) }
  }
  const { producer, served } = await start().catch(async (error) => {
    await cluster.close()
    throw error
  })
  return {
    cluster,
    producer,
    served,
    [Symbol.asyncDispose]: async () => {
      await served.close()
      producer.destroy()
      await cluster.close()
    },
  }
}

export const readView = async (url: string, query = ''): Promise<View> => {
  const response = await fetch(`${url}view${query}`)
  return (await response.json()) as View
}

/** The first view that satisfies the check; views are requested one after the other. */
export const untilView = async (
  url: string,
  isThere: (view: View) => boolean,
  query = '',
): Promise<View> => {
  for (;;) {
    const view = await readView(url, query)
    if (isThere(view)) return view
  }
}

/** The server's response to exactly these bytes; the server must close the connection. */
export const rawRequest = (port: number, text: string, host = '127.0.0.1'): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, host, () => socket.write(text))
    let received = ''
    socket.setEncoding('latin1')
    socket.on('data', (chunk) => {
      received += chunk
    })
    socket.on('end', () => resolve(received))
    socket.on('error', reject)
  })

/** A distribution of which nothing was measured. */
export const none = { count: 0, sum: 0, avg: 0, max: 0, p50: 0, p99: 0 }

/** The snapshot of a producer that has done nothing, with what is named. */
export const metricsOf = (own: Partial<ProducerMetrics> = {}): ProducerMetrics => ({
  at: 1_800_000_000_000,
  clientId: 'stand-in',
  clusterId: null,
  recordsSent: 0,
  recordsDelivered: 0,
  recordsFailed: 0,
  recordsRetried: 0,
  recordBytesSent: 0,
  recordBytesDelivered: 0,
  batches: 0,
  retries: 0,
  splits: 0,
  batchBytes: none,
  compressionRate: 1,
  recordQueueTimeMs: none,
  deliveryTimeMs: none,
  retryTimeMs: none,
  requests: 0,
  requestBytes: 0,
  requestsInFlight: 0,
  recordsPerRequest: none,
  requestLatencyMs: none,
  throttleTimeMs: none,
  bufferTotalBytes: 33_554_432,
  bufferWindowBytes: 12_582_912,
  bufferUsedBytes: 0,
  waitingBytes: 0,
  bufferAvailableBytes: 33_554_432,
  waitingSends: 0,
  unsettledBatches: 0,
  connections: 0,
  connectionsOpened: 0,
  connectionFailures: 0,
  metadataAgeMs: -1,
  metadataRequests: 0,
  metadataFailures: 0,
  producerIdRequests: 0,
  transactions: { begun: 0, committed: 0, aborted: 0 },
  brokers: [],
  topics: [],
  topicsLeftOut: 0,
  ...own,
})

/** Stands in for a producer: its snapshot is what the test says. */
export class StandIn implements Source {
  snapshot = metricsOf()

  metrics(): ProducerMetrics {
    return { ...this.snapshot, at: Date.now() }
  }

  /** Tells an event as the producer would. */
  tell<Name extends keyof DiagnosticEvents>(
    name: Name,
    event: Omit<DiagnosticEvents[Name], 'producer' | 'clientId'>,
  ): void {
    channel(name).publish({ ...event, producer: this, clientId: 'stand-in' })
  }

  /** A batch of one partition was acknowledged. */
  deliver(topic: string, partition: number, recordCount: number): void {
    this.tell('millrace:batch.settled', {
      topic,
      partition,
      nodeId: 1 + (partition % 3),
      recordCount,
      recordBytes: recordCount * 100,
      wireBytes: recordCount * 100,
      baseOffset: 0,
      logStartOffset: 0,
      attempts: 1,
      elapsedMs: 5,
      queueTimeMs: 1,
      error: null,
    })
  }
}
