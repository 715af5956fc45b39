// The commands of `millrace topics` that change a topic: delete, add-partitions, and config. A
// change that may lose records must be confirmed. It keeps no state. Caller: topics-command.ts.

import { type Command, Option } from 'commander'
import type { Admin, ConfigChange, TopicDescription } from 'millrace'
import { type CallLimits, withAdmin } from './admin-call.ts'
import { topicName, wholeNumber } from './arguments.ts'
import { type ConfirmFlags, confirm, confirmOption } from './confirm.ts'
import { addConnectionFlags, assignment, type ConnectionFlags } from './connection/flags.ts'
import { Failure } from './describe-failure.ts'
import { didYouMean } from './nearest-name.ts'
import type { CommandHost } from './run-program.ts'
import { writeJson, writeLine } from './runtime/terminal.ts'

interface DeleteFlags extends ConnectionFlags, ConfirmFlags {
  readonly ifExists?: true
  readonly json?: true
}

interface PartitionsFlags extends ConnectionFlags, ConfirmFlags {
  readonly json?: true
}

type Pairs = readonly (readonly [name: string, value: string])[]

interface ConfigFlags extends ConnectionFlags, ConfirmFlags {
  readonly topicConfig?: Pairs
  readonly append?: Pairs
  readonly subtract?: Pairs
  readonly reset?: readonly string[]
  readonly all?: true
  readonly dryRun?: true
  readonly json?: true
}

const int32Max = 2 ** 31 - 1

const pairs = (word: string, before: Pairs | undefined): Pairs => [
  ...(before ?? []),
  assignment(word),
]

const names = (word: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  word,
]

/** Adds the commands; `sub` creates a subcommand of `millrace topics`. */
export const addTopicChanges = (host: CommandHost, sub: (name: string) => Command): void => {
  const remove = sub('delete')
    .description('Delete a topic with all of its records.')
    .argument('<topic>', 'name of the topic', topicName)
    .option('--if-exists', 'do not fail if no topic of this name exists')
    .option(...confirmOption)
    .option('--json', 'as JSON')
  addConnectionFlags(remove).action((name: string, flags: DeleteFlags) =>
    runDelete(name, flags, host),
  )
  const add = sub('add-partitions')
    .description('Give a topic more partitions. It can not be undone.')
    .argument('<topic>', 'name of the topic', topicName)
    .argument('<total>', 'how many it shall have in all', wholeNumber(1, int32Max))
    .option(...confirmOption)
    .option('--json', 'as JSON')
  addConnectionFlags(add).action((name: string, total: number, flags: PartitionsFlags) =>
    runAddPartitions(name, total, flags, host),
  )
  const config = sub('config')
    .description('Show the settings of a topic, or change some of them.')
    .argument('<topic>', 'name of the topic', topicName)
    .addOption(setting('-o, --topic-config <name=value>', 'sets a setting (repeatable)'))
    .addOption(setting('--append <name=value>', 'adds entries to a list (repeatable)'))
    .addOption(setting('--subtract <name=value>', 'removes entries from a list (repeatable)'))
    .addOption(new Option('--reset <name>', 'returns to the default (repeatable)').argParser(names))
    .option('--dry-run', 'only say what the cluster would reject')
    .option('--all', 'show the settings that are the defaults, too')
    .option(...confirmOption)
    .option('--json', 'as JSON')
  addConnectionFlags(config).action((name: string, flags: ConfigFlags) =>
    runConfig(name, flags, host),
  )
}

const setting = (flags: string, description: string): Option =>
  new Option(flags, description).argParser(pairs)

const runDelete = async (name: string, flags: DeleteFlags, host: CommandHost): Promise<void> => {
  const { terminal } = host
  const done = await withAdmin(flags, host, async (admin, limits) => {
    if (flags.ifExists === true) {
      const topics = await admin.listTopics(limits)
      if (!topics.some((topic) => topic.name === name)) return 'missing'
    }
    const { partitions } = await admin.describeTopic(name, limits)
    const what = `The topic ${name} (${partitions} partitions) and its records will be deleted.`
    await confirm(terminal, flags, what, limits.signal)
    await admin.deleteTopic(name, limits)
    return 'deleted'
  })
  if (done === undefined) return
  if (flags.json === true) writeJson(terminal.output, { name, deleted: done === 'deleted' })
  else writeLine(terminal.output, done === 'deleted' ? `${name} is deleted.` : `No topic ${name}.`)
}

const runAddPartitions = async (
  name: string,
  total: number,
  flags: PartitionsFlags,
  host: CommandHost,
): Promise<void> => {
  const { terminal } = host
  const before = await withAdmin(flags, host, async (admin, limits) => {
    const { partitions } = await admin.describeTopic(name, limits)
    if (total <= partitions) {
      throw new Failure(`The topic ${name} has ${partitions} partitions: the total must be more`)
    }
    const what =
      `The topic ${name} gets ${total} partitions instead of ${partitions}: records with keys go ` +
      'to other partitions than before, and it can not be undone.'
    await confirm(terminal, flags, what, limits.signal)
    await admin.createPartitions(name, total, limits)
    return partitions
  })
  if (before === undefined) return
  if (flags.json === true) writeJson(terminal.output, { name, before, partitions: total })
  else writeLine(terminal.output, `${name} has ${total} partitions now.`)
}

const changesOf = ({ topicConfig, append, subtract, reset }: ConfigFlags): ConfigChange[] => {
  const change =
    (operation: 'set' | 'append' | 'subtract') =>
    ([name, value]: readonly [string, string]): ConfigChange => ({ name, operation, value })
  return [
    ...(topicConfig ?? []).map(change('set')),
    ...(append ?? []).map(change('append')),
    ...(subtract ?? []).map(change('subtract')),
    ...(reset ?? []).map((name): ConfigChange => ({ name, operation: 'delete' })),
  ]
}

/** Settings whose change may delete records or shorten their retention. */
const destructive = /^(?:local\.)?retention\.|^cleanup\.policy$|^delete\.retention\.ms$/

const runConfig = async (name: string, flags: ConfigFlags, host: CommandHost): Promise<void> => {
  const changes = changesOf(flags)
  const repeated = changes.find((change, at) =>
    changes.some((other, index) => index < at && other.name === change.name),
  )
  if (repeated !== undefined) throw new Failure(`The setting ${repeated.name} must be named once`)
  const topic = await withAdmin(flags, host, async (admin, limits) => {
    if (changes.length > 0) {
      const resource = { type: 'topic', name } as const
      const alter = (validateOnly: boolean, wait: CallLimits): Promise<void> =>
        admin.incrementalAlterConfigs(resource, changes, { ...wait, validateOnly })
      if (flags.reset !== undefined) await checkResets(name, flags.reset, admin, limits)
      // Validates first: a change that the cluster rejects needs no confirmation.
      await alter(true, limits)
      if (flags.dryRun === true) return null
      const risky = changes.filter((change) => destructive.test(change.name))
      const risk = risky.map((change) => change.name).join(', ')
      const what = `A change of ${risk} of ${name} may delete records.`
      if (risky.length > 0) await confirm(host.terminal, flags, what, limits.signal)
      await alter(false, limits)
    }
    return admin.describeTopic(name, limits)
  })
  if (topic === undefined) return
  const { output } = host.terminal
  if (topic === null) {
    if (flags.json === true) writeJson(output, { name, valid: true })
    else writeLine(output, 'The cluster would take these changes. Nothing was changed.')
  } else if (flags.json === true) writeJson(output, topic.settings)
  else for (const line of formatSettings(topic, flags.all === true)) writeLine(output, line)
}

/** Checks names to reset: brokers accept a reset of an unknown setting and do nothing. */
const checkResets = async (
  topic: string,
  resets: readonly string[],
  admin: Admin,
  limits: CallLimits,
): Promise<void> => {
  const { settings } = await admin.describeTopic(topic, limits)
  const known = settings.map(({ name }) => name)
  for (const name of resets) {
    if (known.includes(name)) continue
    throw new Failure(`The topic ${topic} has no setting ${name}${didYouMean(name, known)}`)
  }
}

/** The settings that are not defaults; all of them if `all` is set. */
export const formatSettings = ({ settings }: TopicDescription, all: boolean): readonly string[] => {
  const shown = settings.filter(({ source }) => all || source !== 'default')
  if (shown.length === 0) return ['All settings are the defaults.']
  return shown.map(({ name, value, source }) => {
    const from = source === 'topic' ? '' : ` (${source})`
    return `${name}=${value ?? '(secret)'}${from}`
  })
}
