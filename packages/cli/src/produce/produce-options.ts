// The arguments and flags of `millrace produce`, the checks between flags, and the producer options
// that result. It keeps no state. Caller: produce-command.ts.

import { type Command, InvalidArgumentError, Option } from 'commander'
import type { ProducerOptions } from 'millrace'
import {
  acksArgument,
  compressionArgument,
  delimiter,
  escapedBytes,
  positiveNumber,
  topicName,
  wholeNumber,
} from '../arguments.ts'
import { addConnectionFlags, assignment, type ConnectionFlags } from '../connection/flags.ts'
import { addShowConsoleFlags, type ShowConsoleFlags } from '../console/show-console.ts'
import { didYouMean } from '../nearest-name.ts'
import { addCommand, type CommandHost } from '../run-program.ts'
import { type Base64Field, base64Fields } from './json-format.ts'
import { headOf, type LoadIdentity } from './load-progress.ts'

export interface ProduceFlags extends ConnectionFlags, ShowConsoleFlags {
  readonly file?: string
  readonly format: 'lines' | 'json'
  readonly delimiter: Buffer
  readonly keyDelimiter?: Buffer
  readonly nullValue?: Buffer
  readonly base64?: readonly Base64Field[]
  readonly recordKey?: string
  readonly header?: readonly (readonly [string, string])[]
  readonly partition?: number
  readonly partitioner?: string
  readonly compression?: string | { type: string; level: number }
  readonly acks?: 'all' | 0 | 1
  readonly limit?: number
  readonly skip: number
  readonly rate?: number
  readonly deadLetter?: string
  readonly spool?: string
  readonly stopOnError?: true
  readonly drainTimeout: number
  readonly quiet?: true
  readonly json?: true
}

const int32Max = 2 ** 31 - 1
const drainSecondsDefault = 10
const drainSecondsMax = 3600

const header = (
  word: string,
  before: readonly (readonly [string, string])[] | undefined,
): readonly (readonly [string, string])[] => [...(before ?? []), assignment(word)]

const base64List = (word: string): readonly Base64Field[] =>
  word.split(',').map((name) => {
    const field = base64Fields.find((each) => each === name.trim())
    if (field !== undefined) return field
    const nearest = didYouMean(name, base64Fields)
    throw new InvalidArgumentError(`It must be a list of ${base64Fields.join(', ')}${nearest}`)
  })

const addInputFlags = (command: Command): Command =>
  command
    .option('-f, --file <file>', 'read this file instead of standard input')
    .addOption(
      new Option('--format <format>', 'what a record of the input is')
        .choices(['lines', 'json'])
        .default('lines'),
    )
    .addOption(
      new Option('-D, --delimiter <text>', 'what ends a record of the input')
        .argParser(delimiter)
        .default(Buffer.from('\n'), '\\n'),
    )
    .option('-K, --key-delimiter <text>', 'what ends the key in a line', delimiter)
    .option('--null-value <text>', 'a value (or key) of exactly this is null', escapedBytes)
    .option(
      '--base64 <fields>',
      'with json: strings there are base64 (key,value,headers)',
      base64List,
    )
    .option('--skip <count>', 'pass over so many records of the input', wholeNumber(0, 2 ** 52), 0)
    .option('--limit <count>', 'take so many records at most', wholeNumber(1, 2 ** 52))
    .option('--rate <records>', 'send so many records a second at most', positiveNumber)

const addRecordFlags = (command: Command): Command =>
  command
    .option('-k, --record-key <text>', 'key of records that bring none')
    .option('-H, --header <name=value>', 'a header of every record (repeatable)', header)
    .option('-p, --partition <number>', 'partition of all records', wholeNumber(0, int32Max))
    .option('--partitioner <name>', 'what chooses the partition (java, consistent_random, …)')
    .option(
      '-z, --compression <type[:level]>',
      'none, gzip, snappy, lz4 or zstd',
      compressionArgument,
    )
    .option('--acks <acks>', 'all, 1 or 0', acksArgument)

const addOutcomeFlags = (command: Command): Command =>
  command
    .option('--dead-letter <file>', 'append records that were not delivered, as NDJSON')
    .option(
      '--spool <directory>',
      'keep the records on disk until they are delivered: the same command continues after a kill',
    )
    .option('--stop-on-error', 'read no further after the first failure')
    .option(
      '--drain-timeout <seconds>',
      'how long an interrupted run may deliver what it has taken',
      wholeNumber(0, drainSecondsMax),
      drainSecondsDefault,
    )
    .option('-q, --quiet', 'say nothing unless something failed')
    .option('--json', 'print the counts as JSON')

/** Declares the command with its flags, without its action. */
export const describeProduce = (host: CommandHost): Command => {
  const command = addCommand(host, 'produce')
    .description(
      'Send the records of a file, or of standard input, to a topic. By default each line is a ' +
        'value, byte for byte. Ends with exit code 0 only when every record is acknowledged.',
    )
    .argument('[topic]', 'optional with --format json, where each line can name one', topicName)
  addInputFlags(command)
  addRecordFlags(command)
  addOutcomeFlags(command)
  return addConnectionFlags(addShowConsoleFlags(command))
}

/**
 * A full batch with its request stays below 512 KiB. A JVM with the G1 collector and a heap of up
 * to 2 GiB allocates larger buffers separately, and a load of one partition took 10 % longer.
 */
const batchBytes = 480 * 1024

/** The producer options: those of the command's flags replace those of the connection. */
export const producerOptions = (flags: ProduceFlags, connection: ProducerOptions) => {
  const { partitioner, compression, acks, spool } = flags
  const own = {
    ...(partitioner === undefined ? {} : { partitioner }),
    ...(compression === undefined ? {} : { compression }),
    ...(acks === undefined ? {} : { acks }),
    ...(spool === undefined ? {} : { spool: { directory: spool } }),
  }
  return { batchBytes, ...connection, ...own } as ProducerOptions
}

/** The problem of a combination of flags, or null. Each flag is valid by itself. */
export const produceProblem = (topic: string | undefined, flags: ProduceFlags): string | null => {
  const { format, keyDelimiter, nullValue, base64, spool, deadLetter, acks } = flags
  if (topic === undefined && format !== 'json')
    return 'the topic is missing: millrace produce TOPIC'
  if (format === 'json' && keyDelimiter !== undefined) {
    return '--key-delimiter is for lines: with --format json each line names its key'
  }
  if (format === 'json' && nullValue !== undefined) {
    return '--null-value is for lines: with --format json, null is null'
  }
  if (spool !== undefined && deadLetter !== undefined) {
    return '--spool and --dead-letter exclude each other'
  }
  if (spool !== undefined && (acks === 0 || acks === 1)) return '--spool needs --acks all'
  if (format !== 'json' && base64 !== undefined) return '--base64 needs --format json'
  return null
}

const textOf = (bytes: Buffer | undefined): string | null => bytes?.toString('hex') ?? null

/** The settings that decide which records are made from the input. */
export const loadIdentity = (
  topic: string | undefined,
  flags: ProduceFlags,
  inputName: string,
): LoadIdentity => ({
  input: inputName,
  head: flags.file === undefined || flags.file === '-' ? null : headOf(flags.file),
  topic: topic ?? null,
  format: flags.format,
  delimiter: textOf(flags.delimiter),
  'key-delimiter': textOf(flags.keyDelimiter),
  'null-value': textOf(flags.nullValue),
  base64: flags.base64?.join(',') ?? null,
  'record-key': flags.recordKey ?? null,
  header: JSON.stringify(flags.header ?? []),
  partition: flags.partition ?? null,
  skip: flags.skip,
  limit: flags.limit ?? null,
})
