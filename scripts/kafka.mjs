// Runs a real Kafka in the foreground, for trying things by hand; Ctrl-C ends it and removes its
// data.

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { compiledPath } from './run-tests.mjs'
import { fail, root, ScriptError, say } from './workspace.mjs'

const usage = `npm run kafka -- [--version VERSION] [--nodes 1|3] [--port PORT] [--set NAME=VALUE]…

  --version VERSION  Kafka release, such as 3.9.1 or 4.3.1 (default: the latest that is tested)
  --nodes 1|3        one node (default) or a cluster of three
  --port PORT        port of the first node, 9092 by default; the others take the next ones
  --set NAME=VALUE   a setting of the brokers, such as auto.create.topics.enable=false`

const loadFixture = () =>
  import(pathToFileURL(join(root, compiledPath('packages/millrace/test/kafka/fixture/index.ts'))))

const settingOf = (text) => {
  const [, name, value] = /^([^=]+)=(.*)$/.exec(text) ?? []
  if (name === undefined) throw new ScriptError(`--set takes NAME=VALUE.\n\n${usage}`)
  return [name, value]
}

const readOptions = () => {
  const { values } = parseArgs({
    options: {
      version: { type: 'string' },
      nodes: { type: 'string', default: '1' },
      port: { type: 'string', default: '9092' },
      set: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return null
  const port = Number(values.port)
  if (!['1', '3'].includes(values.nodes)) throw new ScriptError(`--nodes takes 1 or 3.\n\n${usage}`)
  if (!(port >= 1 && port <= 65_533))
    throw new ScriptError(`--port takes a port number.\n\n${usage}`)
  const properties = Object.fromEntries(values.set.map(settingOf))
  return { version: values.version, nodes: Number(values.nodes), port, properties }
}

const untilInterrupted = () =>
  new Promise((resolve) => {
    const timer = setInterval(() => {}, 60_000)
    const stop = () => {
      clearInterval(timer)
      resolve()
    }
    process.once('SIGINT', stop)
    process.once('SIGTERM', stop)
    process.once('SIGHUP', stop)
  })

const main = async () => {
  const options = readOptions()
  if (options === null) {
    console.log(usage)
    return
  }
  const { javaAvailable, latestKafka, mavenAvailable, startKafka } = await loadFixture()
  if (!(await javaAvailable()) || !(await mavenAvailable())) {
    throw new ScriptError(
      'A real Kafka needs Java 17 or newer (with javac) and Maven on this machine.',
    )
  }
  const version = options.version ?? latestKafka
  say(`Starting Apache Kafka ${version} (the first time downloads it with Maven) …`)
  const kafka = await startKafka({ ...options, version, fullSpeed: true, heapMegabytes: 1024 })
  const brokers = kafka.brokers.join(',')
  console.log(`
  Apache Kafka ${version} is ready:  ${brokers}
  Log of node 1: ${kafka.node(1).logPath}

  Write:   npm start -- --brokers ${kafka.brokers[0]} --topic demo
  Read:    kcat -C -b ${kafka.brokers[0]} -t demo -o beginning -e
  End:     Ctrl-C (its data goes with it)
`)
  await untilInterrupted()
  say('Ending Kafka …')
  await kafka.close()
}

await main().catch(fail)
