// The command `millrace cluster`: runs a Kafka cluster inside this process until Ctrl-C. It owns
// the TestCluster and the file of fault rules, and closes both before it returns. Caller:
// program.ts.

import type { TestCluster } from 'millrace/testing'
import { portMax, type TopicArgument, topicArguments, wholeNumber } from './arguments.ts'
import { Failure } from './describe-failure.ts'
import { FaultFile } from './fault-file.ts'
import { formatHints, kcatList, kcatRead, kcatWrite } from './kcat.ts'
import { addCommand, type CommandHost, type ExitCode } from './run-program.ts'
import { type Terminal, writeLine } from './runtime/terminal.ts'

interface ClusterOptions {
  readonly port: number
  readonly nodes: number
  readonly topic?: readonly TopicArgument[]
  readonly transactionVersion?: 0 | 1 | 2
  readonly faults?: string
}

const nodesMax = 9
const transactionVersionMax = 2

export const addClusterCommand = (host: CommandHost): void => {
  const { terminal, ended } = host
  addCommand(host, 'cluster')
    .description('Run a Kafka cluster in this process, in memory, for tests and first steps.')
    .option(
      '-p, --port <port>',
      'port of the first node; the others take the next ones (0: any free ports)',
      wholeNumber(0, portMax),
      9092,
    )
    .option('-n, --nodes <count>', 'number of nodes', wholeNumber(1, nodesMax), 3)
    .option(
      '-t, --topic <name[:partitions]>',
      'create a topic, with 6 partitions by default (repeatable)',
      topicArguments,
    )
    .option(
      '--transaction-version <level>',
      "level of Kafka's feature transaction.version: 2 as in Kafka 4, or 0 and 1",
      wholeNumber(0, transactionVersionMax),
    )
    .option(
      '--faults <file>',
      'rules of what goes wrong, as JSON; read again when it changes, and at SIGHUP',
    )
    .action(async (options: ClusterOptions) => ended(await runCluster(options, terminal)))
}

const runCluster = async (options: ClusterOptions, terminal: Terminal): Promise<ExitCode> => {
  const topics = options.topic ?? []
  await using cluster = await start(options, topics)
  const faults =
    options.faults === undefined ? null : new FaultFile(options.faults, cluster, terminal)
  await faults?.start()
  const interrupted = new Promise<void>((resolve) => {
    terminal.onInterrupt(() => resolve())
  })
  if (faults !== null) writeLine(terminal.output, `Faults: ${faults.rulesText}.`)
  for (const line of describeCluster(cluster, topics)) writeLine(terminal.output, line)
  await interrupted
  faults?.stop()
  writeLine(terminal.output, 'The cluster has ended.')
  return 0
}

const start = async (
  { port, nodes, transactionVersion }: ClusterOptions,
  topics: readonly TopicArgument[],
): Promise<TestCluster> => {
  if (port !== 0 && port + nodes - 1 > portMax) {
    throw new Failure(`There are no ${nodes} ports from ${port} on: the last port is ${portMax}.`)
  }
  const { startCluster } = await import('millrace/testing')
  try {
    return await startCluster({
      nodes,
      port,
      topics: Object.fromEntries(topics.map(({ name, partitions }) => [name, partitions])),
      transactions: { version: transactionVersion },
    })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Failure(`The cluster could not start: ${reason}. Is a port taken? See --port.`)
  }
}

const describeCluster = (
  cluster: TestCluster,
  topics: readonly TopicArgument[],
): readonly string[] => {
  const broker = cluster.brokers[0] ?? ''
  const topic = topics[0]?.name ?? 'my-topic'
  const named = topics.map(({ name, partitions }) => `${name} (${partitions} partitions)`)
  return [
    `The cluster is up: ${cluster.brokers.join(', ')}`,
    `Topics${named.length > 0 ? `: ${named.join(', ')}; others` : ''} are created at first use.`,
    '',
    ...formatHints([kcatWrite(broker, topic), kcatRead(broker, topic), kcatList(broker)]),
    '',
    'All of it is kept in memory and gone at the end. Ctrl-C ends it.',
  ]
}
