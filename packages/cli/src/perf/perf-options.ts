// The arguments and flags of `millrace perf`, named as in Java's tool where it has the same ones.
// It keeps no state. Caller: perf-command.ts.

import { type Command, InvalidArgumentError, Option } from 'commander'
import {
  acksArgument,
  compressionArgument,
  delimiter,
  positiveNumber,
  topicName,
  wholeNumber,
} from '../arguments.ts'
import { addConnectionFlags, type ConnectionFlags } from '../connection/flags.ts'
import { addShowConsoleFlags, type ShowConsoleFlags } from '../console/show-console.ts'
import { addCommand, type CommandHost } from '../run-program.ts'

export interface PerfFlags extends ConnectionFlags, ShowConsoleFlags {
  readonly numRecords: number
  readonly recordSize: number
  readonly payloadFile?: string
  readonly payloadDelimiter: Buffer
  readonly throughput?: number
  readonly warmup: number
  readonly percentiles: readonly number[]
  readonly interval: number
  readonly compression?: string | { type: string; level: number }
  readonly acks?: 'all' | 0 | 1
  readonly partitioner?: string
  readonly json?: true
}

const newline = Buffer.from('\n')
const countMax = 2 ** 52
const recordBytesMax = 100 * 1024 * 1024
const recordBytesDefault = 100
const recordsDefault = 1_000_000
const intervalSecondsDefault = 5
const percentilesDefault = [50, 95, 99, 99.9]

const percentileList = (list: string): readonly number[] =>
  list.split(',').map((word) => {
    const percent = Number(word)
    if (word.trim() !== '' && percent > 0 && percent <= 100) return percent
    throw new InvalidArgumentError('It must be numbers above 0, up to 100, such as 50,99.9.')
  })

/** In Java's tool -1 means no limit. */
const throughput = (word: string): number =>
  word.trim() === '-1' ? Number.POSITIVE_INFINITY : positiveNumber(word)

export const describePerf = (host: CommandHost): Command => {
  const command = addCommand(host, 'perf')
    .description(
      'Send made-up records to a topic as fast as it takes them, or at a rate, and tell ' +
        'throughput and latency.',
    )
    .argument('<topic>', 'topic to write to', topicName)
    .option(
      '-n, --num-records <count>',
      'records to send',
      wholeNumber(1, countMax),
      recordsDefault,
    )
    .option(
      '-s, --record-size <bytes>',
      'size of a value, of random capital letters',
      wholeNumber(0, recordBytesMax),
      recordBytesDefault,
    )
    .option('--payload-file <file>', 'values from this file, in turn')
    .addOption(
      new Option('--payload-delimiter <text>', 'what ends a value there')
        .argParser(delimiter)
        .default(newline, '\\n'),
    )
    .option('--throughput <records>', 'records a second; -1 = no limit, as by default', throughput)
    .option('--warmup <count>', 'records to send before counting', wholeNumber(0, countMax), 0)
    .addOption(
      new Option('--percentiles <list>', 'percentiles of the latency to print')
        .argParser(percentileList)
        .default(percentilesDefault, percentilesDefault.join(',')),
    )
    .option(
      '--interval <seconds>',
      'how often to print a line; 0 = never',
      wholeNumber(0, 3600),
      intervalSecondsDefault,
    )
    .option(
      '-z, --compression <type[:level]>',
      'none, gzip, snappy, lz4 or zstd',
      compressionArgument,
    )
    .option('--acks <acks>', 'all, 1 or 0', acksArgument)
    .option('--partitioner <name>', 'what chooses the partition')
    .option('--json', 'print one JSON object at the end, and nothing before')
  return addConnectionFlags(addShowConsoleFlags(command))
}
