// A service without an option or a line for tracing, started with OpenTelemetry's own preload: its
// request, the record and the consumer are one trace. The consumers are kafkajs and Java's, each
// with OpenTelemetry's instrumentation of it.

import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { classPath, openTelemetryAgent } from '../../kafka/fixture/libraries.ts'
import { runtimePath, runtimes } from '../runtimes.ts'
import type { Project } from './project.ts'

const service = `
import { createServer } from 'node:http'
import { Producer } from 'millrace'

const producer = new Producer({ brokers: process.env.MILLRACE_BROKERS })
const server = createServer(async (request, response) => {
  const { offset } = await producer.send({ topic: 'orders', value: request.url })
  response.end(String(offset))
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
`

const inCommonJs = service.replaceAll(
  /^import (.*) from (.*)$/gm,
  (_, names, module) => `const ${names} = require(${module})`,
)

const consumer = `
const { Kafka } = require('kafkajs')

const run = async () => {
  const kafka = new Kafka({ brokers: process.env.MILLRACE_BROKERS.split(','), logLevel: 1 })
  const consumer = kafka.consumer({ groupId: 'billing-' + process.pid })
  await consumer.connect()
  await consumer.subscribe({ topics: ['orders'], fromBeginning: true })
  await consumer.run({ eachMessage: async ({ message }) => console.log(String(message.value)) })
}
run()
`

/**
 * Starts the service and the consumer by the two commands that it is given, requests the service
 * once, and waits until both have sent the spans of that trace to a collector in this process.
 */
const drive = `
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'

const [service, consumer] = process.argv.slice(2).map((command) => command.split(' '))
// OpenTelemetry does not instrument Bun's server.
const hasRequestSpan = service[0] !== 'bun'

const spans = []
let onSpans = () => {}
const take = ({ resourceSpans }) => {
  for (const { resource, scopeSpans } of resourceSpans) {
    const name = resource.attributes.find(({ key }) => key === 'service.name').value.stringValue
    for (const { scope, spans: some } of scopeSpans) {
      for (const span of some) spans.push({ ...span, service: name, scope: scope.name })
    }
  }
  onSpans()
}
const collector = createServer(async (request, response) => {
  let text = ''
  for await (const chunk of request) text += chunk
  take(JSON.parse(text))
  response.end('{}')
}).listen(0, '127.0.0.1')
await once(collector, 'listening')

const children = []
const start = (name, [program, ...args]) => {
  const env = {
    ...process.env,
    OTEL_SERVICE_NAME: name,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:' + collector.address().port,
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
    OTEL_NODE_RESOURCE_DETECTORS: 'env',
    OTEL_BSP_SCHEDULE_DELAY: '100',
  }
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  // Java's agent prints its spans.
  createInterface({ input: child.stderr }).on('line', (line) => {
    const json = /\\{"resource".*$/.exec(line)?.[0]
    if (json === undefined) console.error(line)
    else take({ resourceSpans: [JSON.parse(json)] })
  })
  return child
}
const end = (problem) => {
  for (const child of children) child.kill('SIGKILL')
  if (problem === null) process.exit(0)
  console.error(JSON.stringify(spans, null, 1) + '\\n' + problem)
  process.exit(1)
}

const sent = () => spans.findLast(({ scope }) => scope === '@millrace/opentelemetry')
const request = () => spans.find(({ spanId }) => spanId === sent()?.parentSpanId)
const received = () =>
  spans.find((span) => span.service === 'billing' && span.parentSpanId === sent()?.spanId)
const isComplete = () =>
  received() !== undefined && (request() !== undefined || !hasRequestSpan)

setTimeout(() => end('The trace is not complete.'), 240_000)
const shop = start('shop', service)
const [port] = await once(createInterface({ input: shop.stdout }), 'line')
start('billing', consumer)
const response = await fetch('http://127.0.0.1:' + port + '/orders')
const offset = await response.text()
while (!isComplete()) {
  await new Promise((resolve) => {
    onSpans = resolve
  })
}
const trace = hasRequestSpan ? [request(), sent(), received()] : [sent(), received()]
for (const { service, scope, name, traceId } of trace) console.log(service, scope, name, traceId)
const attribute = sent().attributes.find(({ key }) => key === 'kafka.offset')
if (String(attribute.value.intValue) !== offset) end('The span has another offset.')
end(new Set(trace.map(({ traceId }) => traceId)).size === 1 ? null : 'The trace is broken.')
`

const preload = '@opentelemetry/auto-instrumentations-node/register'
/** What OpenTelemetry needs to trace Node's own server where it is imported. */
const hook = '--experimental-loader=@opentelemetry/instrumentation/hook.mjs --no-warnings'
const kafkajs = `node --require ${preload} consumer.cjs`
const java = 'sh consumer.sh'

const preloaded: Project = {
  name: 'OpenTelemetry’s preload: a service, and consumers of kafkajs and Java',
  tested: 'Node 20 and Bun 1.4.5; kafkajs 2 with its instrumentation, Java with agent 2.31.1',
  quick: false,
  install: ['@opentelemetry/api@1', '@opentelemetry/auto-instrumentations-node@0', 'kafkajs@2'],
  packages: ['@millrace/opentelemetry'],
  files: {
    'package.json': JSON.stringify({ name: 'shop', private: true }),
    'service.mjs': service,
    'service.cjs': inCommonJs,
    'consumer.cjs': consumer,
    'drive.mjs': drive,
  },
  prepare: async ({ folder }) => {
    const bins = join(folder, 'node_modules/.bin')
    await mkdir(bins, { recursive: true })
    const bun = runtimes.find(({ kind }) => kind === 'bun')!
    await symlink(await runtimePath(bun), join(bins, 'bun'))
    const console = 'org.apache.kafka.tools.consumer.ConsoleConsumer'
    await writeFile(
      join(folder, 'consumer.sh'),
      `export OTEL_TRACES_EXPORTER=logging-otlp
exec java -javaagent:'${await openTelemetryAgent()}' -cp '${await classPath('4.3.1')}' ${console} \\
  --bootstrap-server "$MILLRACE_BROKERS" --topic orders --from-beginning --group "java-$$"
`,
    )
  },
  commands: [
    ['node', 'drive.mjs', `node ${hook} --import ${preload} service.mjs`, kafkajs],
    ['node', 'drive.mjs', `node --require ${preload} service.cjs`, kafkajs],
    ['node', 'drive.mjs', `bun --preload ${preload} service.mjs`, kafkajs],
    ['node', 'drive.mjs', `node ${hook} --import ${preload} service.mjs`, java],
    ['node', 'drive.mjs', `bun --preload ${preload} service.mjs`, java],
  ],
  records: 5,
}

export const tracingProjects: readonly Project[] = [preloaded]
