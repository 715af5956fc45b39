// What telemetry costs: a client that awaits a steady 20,000 records a second, without telemetry
// and with it, each in a process of its own against a cluster in another, in turns. The figure is
// the client's CPU time for a record, median of the rounds. After `npm run build`:
//
//   node bench/telemetry.mjs [--rounds N] [--seconds N] [--rate N] [--ways off,metrics,…]

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
    rate: { type: 'string', default: '20000' },
    ways: { type: 'string', default: 'off,interceptor,events,channel,auto,preload,create,record' },
    role: { type: 'string' },
    brokers: { type: 'string' },
    way: { type: 'string' },
  },
})
const tickMs = 10
const seconds = Number(values.seconds)
const rate = Number(values.rate)

const serve = async () => {
  const { startCluster } = await import('millrace/testing')
  const retention = { records: 1000 }
  const cluster = await startCluster({ topics: { bench: 6 }, retention })
  process.stdout.write(`${cluster.brokers.join(',')}\n`)
  process.stdin.on('end', () => cluster.close()).resume()
}

/** A tracer whose spans are batched and dropped, as an exporter of one's own process would. */
const telemetryOf = async (way) => {
  const api = await import('@opentelemetry/api')
  const sdk = await import('@opentelemetry/sdk-trace-base')
  const { AsyncLocalStorageContextManager } = await import('@opentelemetry/context-async-hooks')
  const { W3CTraceContextPropagator } = await import('@opentelemetry/core')
  const { MeterProvider } = await import('@opentelemetry/sdk-metrics')
  const { openTelemetry } = await import('@millrace/opentelemetry')
  api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  api.propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  const counts = { spans: 0 }
  const exporter = {
    export: (spans, done) => {
      counts.spans += spans.length
      done({ code: 0 })
    },
    shutdown: async () => {},
  }
  const tracerProvider = new sdk.BasicTracerProvider({
    spanProcessors: [new sdk.BatchSpanProcessor(exporter, { maxQueueSize: 100_000 })],
  })
  const meterProvider = new MeterProvider()
  const tracer = tracerProvider.getTracer('bench')
  /** Each tick is the span of a caller's own, as a request or a job has one. */
  const inSpan = (work) => {
    const span = tracer.startSpan('tick')
    api.context.with(api.trace.setSpan(api.context.active(), span), work)
    span.end()
  }
  if (way === 'preload') {
    api.trace.setGlobalTracerProvider(tracerProvider)
    api.metrics.setGlobalMeterProvider(meterProvider)
    return { options: {}, counts, inSpan }
  }
  const interceptor = openTelemetry({ tracerProvider, meterProvider, spans: way })
  return { options: { interceptors: [interceptor] }, counts, inSpan }
}

const plain = { options: {}, counts: { spans: 0 }, inSpan: (work) => work() }

const setUp = async (way) => {
  if (way === 'off') return plain
  if (way === 'interceptor') {
    return { ...plain, options: { interceptors: [{ onSend: (record) => record }] } }
  }
  if (way === 'events') {
    const { subscribe } = await import('node:diagnostics_channel')
    for (const name of ['request.sent', 'request.completed', 'batch.settled']) {
      subscribe(`millrace:${name}`, () => {})
    }
    return plain
  }
  if (way === 'channel') {
    const { subscribe } = await import('node:diagnostics_channel')
    for (const name of ['start', 'asyncEnd']) subscribe(`tracing:millrace:send:${name}`, () => {})
    return plain
  }
  return telemetryOf(way)
}

const load = async () => {
  const { Producer } = await import('millrace')
  const { options, counts, inSpan } = await setUp(values.way)
  const producer = new Producer({ brokers: values.brokers, ...options })
  const value = Buffer.alloc(100, 'x')
  const perTick = (rate * tickMs) / 1000
  let sent = 0
  let finished = () => {}
  const done = new Promise((resolve) => {
    finished = resolve
  })
  const sendSome = () => {
    for (let index = 0; index < perTick; index++) {
      sent++
      producer.send({ topic: 'bench', key: `${sent % 1000}`, value }).then(finished)
    }
  }
  const run = (ticks) =>
    new Promise((resolve) => {
      const startedAt = performance.now()
      let due = 0
      const timer = setInterval(() => {
        const elapsed = Math.min(ticks, Math.floor((performance.now() - startedAt) / tickMs))
        for (; due < elapsed; due++) {
          inSpan(sendSome)
        }
        if (due < ticks) return
        clearInterval(timer)
        resolve(producer.flush())
      }, tickMs)
    })
  await run(100)
  await done
  const before = process.cpuUsage()
  const sentBefore = sent
  await run((seconds * 1000) / tickMs)
  const { user, system } = process.cpuUsage(before)
  const microseconds = (user + system) / (sent - sentBefore)
  await producer.close()
  console.log(JSON.stringify({ microseconds, spans: counts.spans }))
}

const child = (...args) =>
  spawn(process.execPath, [...process.execArgv, process.argv[1], ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })

const output = async (process) => {
  let text = ''
  for await (const chunk of process.stdout) text += chunk
  return text
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]

const compare = async () => {
  const server = child('--role', 'server')
  const [line] = await once(server.stdout, 'data')
  const ways = values.ways.split(',')
  const results = new Map(ways.map((way) => [way, []]))
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const way of ways) {
      const brokers = String(line).trim()
      const numbers = ['--seconds', values.seconds, '--rate', values.rate]
      const one = child('--role', 'load', '--brokers', brokers, '--way', way, ...numbers)
      results.get(way).push(JSON.parse(await output(one)))
    }
  }
  server.stdin.end()
  const off = median(results.get(ways[0]).map(({ microseconds }) => microseconds))
  for (const [way, runs] of results) {
    const times = runs.map(({ microseconds }) => microseconds)
    const spread = `${Math.min(...times).toFixed(2)} to ${Math.max(...times).toFixed(2)}`
    const ratio = (median(times) / off).toFixed(2)
    const spans = median(runs.map((run) => run.spans))
    console.log(
      `${way.padEnd(12)} ${median(times).toFixed(2)} µs a record (${spread}), ` +
        `× ${ratio}, ${spans} spans`,
    )
  }
}

const roles = { server: serve, load }
await (roles[values.role] ?? compare)()
