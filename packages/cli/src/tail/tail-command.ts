// The command `millrace tail`: prints the records of a topic, and follows new ones until Ctrl-C or
// a bound of its flags. It owns the Admin that reads, and closes it. Caller: program.ts.

import { type Command, Option } from 'commander'
import {
  Admin,
  type KafkaError,
  type ReadFrom,
  type ReadUntil,
  type SkippedRecords,
} from 'millrace'
import { delimiter, escapedBytes, positiveNumber, topicName, wholeNumber } from '../arguments.ts'
import { addConnectionFlags, type ConnectionFlags } from '../connection/flags.ts'
import { resolveConnection } from '../connection/resolve.ts'
import { Failure } from '../describe-failure.ts'
import { addCommand, type CommandHost, type ExitCode } from '../run-program.ts'
import { exitCodeOf, type Interrupt, type Terminal, writeLine } from '../runtime/terminal.ts'
import { warningLogger } from '../warning-logger.ts'
import { readFrom, readUntil } from './read-bound.ts'
import { RecordWriter } from './record-writer.ts'
import { type ReadWithRegistry, registryReader, registryUrl } from './registry-reader.ts'

interface TailFlags extends ConnectionFlags {
  readonly from: ReadFrom
  readonly until?: ReadUntil
  readonly partition?: readonly number[]
  readonly limit?: number
  readonly timeout?: number
  readonly format: 'lines' | 'json'
  readonly json?: true
  readonly delimiter: Buffer
  readonly keyDelimiter?: Buffer
  readonly nullValue?: Buffer
  readonly isolation: 'read_committed' | 'read_uncommitted'
  readonly registry?: string
  readonly registryKeys?: true
}

const int32Max = 2 ** 31 - 1
const registryVariable = 'MILLRACE_REGISTRY'
/** Limits the messages for a topic without schemas, where every record is unreadable. */
const unreadableMax = 10

const partition = (word: string, before: readonly number[] | undefined): readonly number[] => {
  const numbers = word.split(',').map((each) => wholeNumber(0, int32Max)(each.trim()))
  return [...new Set([...(before ?? []), ...numbers])]
}

export const addTailCommand = (host: CommandHost): void => {
  const command = addCommand(host, 'tail')
    .description(
      'Print the records of a topic, and follow new ones until Ctrl-C. By default each line is a ' +
        'value, byte for byte.',
    )
    .argument('<topic>', 'name of the topic', topicName)
    .addOption(
      new Option('--from <where>', 'beginning, now, an offset (-100: the last 100), or a time')
        .argParser(readFrom)
        .default('latest' satisfies ReadFrom, 'now'),
    )
    .option('--until <where>', 'end, an offset, or a time; without it, follow', readUntil)
    .option('-p, --partition <number>', 'only this partition (repeatable)', partition)
    .option('--limit <count>', 'print so many records at most', wholeNumber(1, 2 ** 52))
    .option(
      '--timeout <seconds>',
      'end with the reason when errors prevent reading for so long (60 with --until)',
      positiveNumber,
    )
  addFormatFlags(command)
  addConnectionFlags(command).action(async (topic: string, flags: TailFlags) => {
    const problem = tailProblem(flags)
    if (problem !== null) command.error(`error: ${problem}`)
    host.ended(await runTail(topic, flags, host.terminal))
  })
}

const addFormatFlags = (command: Command): Command =>
  command
    .addOption(
      new Option('--format <format>', 'what a record is printed as')
        .choices(['lines', 'json'])
        .default('lines'),
    )
    .option('--json', 'the same as --format json')
    .addOption(
      new Option('-D, --delimiter <text>', 'what ends a record')
        .argParser(delimiter)
        .default(Buffer.from('\n'), '\\n'),
    )
    .option('-K, --key-delimiter <text>', 'print keys, too, with this behind them', delimiter)
    .option('--null-value <text>', 'what stands for null; nothing by default', escapedBytes)
    .option(
      '--registry <url>',
      `read values by the schemas of this registry, as JSON (env: ${registryVariable})`,
    )
    .option('--registry-keys', 'keys, too')
    .addOption(
      new Option('--isolation <level>', 'which records: those of committed transactions, or all')
        .choices(['read_committed', 'read_uncommitted'])
        .default('read_committed'),
    )

/** The problem of a combination of flags, or null. Each flag is valid by itself. */
const tailProblem = ({ format, json, keyDelimiter, nullValue }: TailFlags): string | null => {
  if (format !== 'json' && json !== true) return null
  if (keyDelimiter !== undefined) return '--key-delimiter is for lines: JSON names the key'
  if (nullValue !== undefined) return '--null-value is for lines: in JSON, null is null'
  return null
}

const runTail = async (topic: string, flags: TailFlags, terminal: Terminal): Promise<ExitCode> => {
  const { from, until, partition: partitions, isolation, format, json } = flags
  const options = await resolveConnection(flags, terminal)
  const readWithRegistry = await registryOf(flags, terminal)
  const abort = new AbortController()
  let interrupt: Interrupt | null = null
  const forget = terminal.onInterrupt((which) => {
    interrupt = which
    abort.abort()
  })
  const writer = new RecordWriter(terminal.output, {
    ...flags,
    format: json === true ? 'json' : format,
    keyDelimiter: flags.keyDelimiter,
    nullValue: flags.nullValue,
    isScreen: terminal.interactive,
  })
  await using admin = new Admin({ ...options, logger: warningLogger(terminal) })
  const { signal } = abort
  const onSkipped = (gap: SkippedRecords): void => writeLine(terminal.errors, skippedText(gap))
  let left = flags.limit ?? Number.POSITIVE_INFINITY
  const onHeldUp = (reason: KafkaError | null): void =>
    writeLine(terminal.errors, reason === null ? 'Reading again.' : `Waiting: ${reason.message}`)
  const timeoutMs = flags.timeout === undefined ? undefined : Math.ceil(flags.timeout * 1000)
  const read = { partitions, from, until, isolation, signal, timeoutMs, onSkipped, onHeldUp }
  try {
    for await (const records of admin.readRecords(topic, read)) {
      for (const record of records.slice(0, left)) {
        writer.write(readWithRegistry === null ? record : await readWithRegistry(record))
      }
      left -= records.length
      await writer.ready()
      if (left <= 0 || writer.isClosed) break
    }
  } catch (error) {
    if (interrupt === null) throw error
  } finally {
    forget()
    writer.flush()
  }
  return interrupt === null ? 0 : exitCodeOf(interrupt)
}

/** Returns null if the bytes are printed unchanged. */
const registryOf = async (
  { registry, registryKeys }: TailFlags,
  { environment, errors }: Terminal,
): Promise<ReadWithRegistry | null> => {
  const url = registryUrl(registry, environment[registryVariable])
  if (url === undefined) {
    if (registryKeys === true) throw new Failure('--registry-keys requires --registry')
    return null
  }
  let left = unreadableMax
  const onUnreadable = (message: string): void => {
    if (left > 0) writeLine(errors, message)
    if (--left === 0) writeLine(errors, 'More of these are not reported.')
  }
  return registryReader({ url, readsKeys: registryKeys === true, onUnreadable })
}

const skippedText = ({ partition: number, fromOffset, toOffset }: SkippedRecords): string =>
  `Partition ${number}: the offsets ${fromOffset} to ${toOffset - 1} are gone: they were deleted ` +
  'before they were read.'
