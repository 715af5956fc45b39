// What the tests of Producer share: a cluster and a producer for one test, a logger that remembers,
// servers that never respond, and a child process that runs a scenario of producer-child.ts.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { KafkaError, type Logger, Producer, type ProducerOptions } from '../../src/index.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import type { FaultRule, RequestView, TestCluster } from '../../src/testing.ts'

export interface Line {
  readonly level: keyof Logger
  readonly message: string
}

/** A logger that keeps its lines. */
export const memoryLogger = (): Logger & { readonly lines: Line[] } => {
  const lines: Line[] = []
  const at = (level: keyof Logger) => (message: string) => {
    lines.push({ level, message })
  }
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** A producer for the cluster that says nothing. */
export const producerFor = (
  cluster: TestCluster,
  options: Partial<ProducerOptions> = {},
): Producer => new Producer({ brokers: cluster.brokers, logger: silentLogger, ...options })

/** The KafkaError that the promise rejects with. */
export const rejectionOf = async (promise: Promise<unknown>): Promise<KafkaError> => {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  if (!('error' in outcome)) assert.fail('it did not reject')
  assert.ok(outcome.error instanceof KafkaError, `no KafkaError: ${outcome.error}`)
  return outcome.error
}

/** The KafkaError that the call throws. */
export const thrownBy = (call: () => unknown): KafkaError => {
  try {
    call()
  } catch (error) {
    assert.ok(error instanceof KafkaError, `no KafkaError: ${error}`)
    return error
  }
  return assert.fail('it did not throw')
}

/** Resolves with the first request of the api that the cluster gets from now on. */
export const nextRequest = (cluster: TestCluster, api: string): Promise<RequestView> =>
  new Promise((resolve) => {
    const stop = cluster.onRequest((request) => {
      if (request.api !== api) return
      stop()
      resolve(request)
    })
  })

/** Holds what the rule matches until the returned function is called. */
export const holdBack = (cluster: TestCluster, rule: FaultRule = {}): (() => void) => {
  const fault = cluster.fault({
    api: 'Produce',
    drop: true,
    count: Number.POSITIVE_INFINITY,
    ...rule,
  })
  return () => fault.remove()
}

export const valuesOf = (cluster: TestCluster, topic: string): string[] =>
  cluster.records(topic).map(({ value }) => String(value))

export const numbered = (topic: string, count: number, partition?: number) =>
  Array.from({ length: count }, (_, index) => ({ topic, value: `${index}`, partition }))

export const inOrder = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${index}`)

/** An address that accepts connections and never responds. */
export const blackHole = async () => {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    connected: () => once(server, 'connection'),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** An address without a listener. */
export const deadAddress = async (): Promise<string> => {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return `127.0.0.1:${port}`
}

/** How a child process ended. */
export interface ChildEnd {
  readonly code: number | null
  readonly stderr: string
  /** What the scenario printed, as JSON. */
  readonly report: Readonly<Record<string, unknown>>
}

const childTimeoutMs = 60_000

/** Runs a scenario of producer-child.ts in its own process, unhandled rejections being fatal. */
export const runChild = async (scenario: string, ...args: string[]): Promise<ChildEnd> => {
  const own = fileURLToPath(import.meta.url)
  const script = fileURLToPath(new URL(`producer-child${extname(own)}`, import.meta.url))
  const node = ['--unhandled-rejections=strict', '--expose-gc', '--no-warnings']
  const environment = { ...process.env }
  delete environment.NODE_TEST_CONTEXT
  const child = spawn(process.execPath, [...node, script, scenario, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: childTimeoutMs,
    env: environment,
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const [code] = await once(child, 'close')
  const line = stdout.trim().split('\n').at(-1) ?? ''
  assert.ok(line.startsWith('{'), `the child reported nothing; exit code ${code}; ${stderr}`)
  return { code, stderr, report: JSON.parse(line) }
}
