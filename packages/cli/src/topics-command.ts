// The command `millrace topics`: lists, describes and creates topics. The subcommands that change
// and delete are in topic-changes-command.ts. It keeps no state. Caller: program.ts.

import { type Command, Option } from 'commander'
import { KafkaError, type TopicDescription, type TopicSummary } from 'millrace'
import { withAdmin } from './admin-call.ts'
import { topicName, wholeNumber } from './arguments.ts'
import { addConnectionFlags, assignment, type ConnectionFlags } from './connection/flags.ts'
import { addCommand, type CommandHost, prepareProgram } from './run-program.ts'
import { writeJson, writeLine } from './runtime/terminal.ts'
import { formatTable } from './text-table.ts'
import { addTopicChanges, formatSettings } from './topic-changes-command.ts'

interface ListFlags extends ConnectionFlags {
  readonly internal?: true
  readonly json?: true
}

interface DescribeFlags extends ConnectionFlags {
  readonly all?: true
  readonly json?: true
}

interface CreateFlags extends ConnectionFlags {
  readonly partitions?: number
  readonly replicationFactor?: number
  readonly topicConfig?: readonly (readonly [string, string])[]
  readonly ifNotExists?: true
  readonly json?: true
}

const int32Max = 2 ** 31 - 1
const int16Max = 2 ** 15 - 1

const settings = (
  word: string,
  before: readonly (readonly [string, string])[] | undefined,
): readonly (readonly [string, string])[] => [...(before ?? []), assignment(word)]

export const addTopicsCommand = (host: CommandHost): void => {
  const topics = addCommand(host, 'topics').description(
    'List, describe, create, change and delete topics.',
  )
  const sub = (syntax: string): Command => prepareProgram(topics.command(syntax), host.terminal)
  const list = sub('list')
    .description('The topics of the cluster, with partitions and replicas.')
    .option('--internal', "with Kafka's own")
    .option('--json', 'as JSON')
  addConnectionFlags(list).action((flags: ListFlags) => runList(flags, host))
  const describe = sub('describe')
    .description('One topic: who leads each partition, who has it, and its settings.')
    .argument('<topic>', 'name of the topic', topicName)
    .option('--all', 'with the settings that are the defaults')
    .option('--json', 'as JSON')
  addConnectionFlags(describe).action((name: string, flags: DescribeFlags) =>
    runDescribe(name, flags, host),
  )
  const create = sub('create')
    .description('Create a topic.')
    .argument('<topic>', 'name of the topic', topicName)
    .option('-P, --partitions <count>', "the broker's default without it", wholeNumber(1, int32Max))
    .option(
      '-R, --replication-factor <count>',
      "the broker's default without it",
      wholeNumber(1, int16Max),
    )
    .addOption(
      new Option(
        '-o, --topic-config <name=value>',
        'a setting of the topic (repeatable)',
      ).argParser(settings),
    )
    .option('--if-not-exists', 'do not fail if a topic of this name exists')
    .option('--json', 'as JSON')
  addConnectionFlags(create).action((name: string, flags: CreateFlags) =>
    runCreate(name, flags, host),
  )
  addTopicChanges(host, sub)
}

const runList = async (flags: ListFlags, host: CommandHost): Promise<void> => {
  const found = await withAdmin(flags, host, (admin, wait) => admin.listTopics(wait))
  if (found === undefined) return
  const { output } = host.terminal
  const topics = found.filter(({ internal }) => flags.internal === true || !internal)
  if (flags.json === true) writeJson(output, topics)
  else if (topics.length === 0) writeLine(output, 'There are no topics.')
  else for (const line of formatTopics(topics)) writeLine(output, line)
}

const formatTopics = (topics: readonly TopicSummary[]): readonly string[] =>
  formatTable([
    ['topic', 'partitions', 'replicas'],
    ...topics.map(({ name, partitions, replicationFactor }) => [
      name,
      String(partitions),
      String(replicationFactor),
    ]),
  ])

const runDescribe = async (
  name: string,
  flags: DescribeFlags,
  host: CommandHost,
): Promise<void> => {
  const topic = await withAdmin(flags, host, (admin, wait) => admin.describeTopic(name, wait))
  if (topic === undefined) return
  const { output } = host.terminal
  if (flags.json === true) writeJson(output, topic)
  else for (const line of formatTopic(topic, flags.all === true)) writeLine(output, line)
}

const list = (nodes: readonly number[]): string => nodes.join(',') || '-'

const formatTopic = (topic: TopicDescription, withDefaults: boolean): readonly string[] => {
  const partitions = topic.partitionList.map((each) => [
    String(each.partition),
    each.leaderId < 0 ? 'none' : String(each.leaderId),
    list(each.replicas),
    list(each.inSyncReplicas),
    list(each.offlineReplicas),
  ])
  const hasOwn = topic.settings.some(({ source }) => withDefaults || source !== 'default')
  const settings = hasOwn ? formatSettings(topic, withDefaults) : []
  const { name, replicationFactor, topicId } = topic
  return [
    `${name}: ${topic.partitions} partitions, ${replicationFactor} replicas` +
      (topicId === '' ? '' : `, id ${topicId}`),
    '',
    ...formatTable([['partition', 'leader', 'replicas', 'in sync', 'offline'], ...partitions]),
    ...(hasOwn ? ['', 'Settings:'] : []),
    ...settings.map((line) => `  ${line}`),
  ]
}

const runCreate = async (name: string, flags: CreateFlags, host: CommandHost): Promise<void> => {
  const { partitions, replicationFactor, topicConfig = [] } = flags
  const config = Object.fromEntries(topicConfig)
  const made = await withAdmin(flags, host, async (admin, wait) => {
    try {
      return await admin.createTopic({ name, partitions, replicationFactor, config }, wait)
    } catch (error) {
      if (flags.ifNotExists !== true || !isTopicExistsError(error)) throw error
      return null
    }
  })
  if (made === undefined) return
  const { output } = host.terminal
  if (flags.json === true) writeJson(output, made ?? { name, alreadyExists: true })
  else writeLine(output, createdText(name, made))
}

const isTopicExistsError = (error: unknown): boolean =>
  error instanceof KafkaError && error.brokerError === 'TOPIC_ALREADY_EXISTS'

const createdText = (
  name: string,
  made: { readonly partitions: number; readonly replicationFactor: number } | null,
): string => {
  if (made === null) return `${name} already exists.`
  if (made.partitions < 0) return `${name} is created.`
  return `${name} is created: ${made.partitions} partitions, ${made.replicationFactor} replicas.`
}
