// The command `millrace spool`: inspects, verifies, and exports the directory of a producer's
// spool. It must only read, also while a producer uses the directory, and holds one block of a file
// in memory at a time. Caller: program.ts.

import type { Command } from 'commander'
import {
  inspectSpool,
  KafkaError,
  printableText,
  readSpool,
  type SpoolDamage,
  type SpooledRecordView,
  type SpoolInspection,
} from 'millrace'
import { describeFailure } from './describe-failure.ts'
import { exitCodes } from './exit-codes.ts'
import { jsonText } from './json-text.ts'
import { dataField, headersField } from './produce/record-json.ts'
import { addCommand, type CommandHost, type ExitCode, prepareProgram } from './run-program.ts'
import { writeJson, writeLine } from './runtime/terminal.ts'
import { PieceWriter } from './tail/piece-writer.ts'
import { formatCount, formatMegabytes, formatTable } from './text-table.ts'

interface JsonFlags {
  readonly json?: true
}

interface ExportFlags {
  readonly all?: true
  readonly topic?: string
}

export const addSpoolCommand = (host: CommandHost): void => {
  const spool = addCommand(host, 'spool').description(
    'Look into the directory of a spool; it is only read, also while a producer has it.',
  )
  const sub = (syntax: string): Command =>
    prepareProgram(spool.command(syntax), host.terminal).argument(
      '<directory>',
      'the directory of the spool',
    )
  sub('inspect')
    .description('How many records it holds, for which topics, how old, and which process has it.')
    .option('--json', 'as JSON')
    .action(async (directory: string, flags: JsonFlags) => {
      host.ended(await runInspect(directory, flags, host))
    })
  sub('verify')
    .description('Check every file; names each place that is not as it was written.')
    .option('--json', 'as JSON')
    .action(async (directory: string, flags: JsonFlags) => {
      host.ended(await runVerify(directory, flags, host))
    })
  sub('export')
    .description('The records that are not settled, as JSON lines that `produce` reads.')
    .option('--all', 'with records that are settled, as far as their files are still there')
    .option('-t, --topic <topic>', 'of this topic only')
    .action(async (directory: string, flags: ExportFlags) => {
      host.ended(await runExport(directory, flags, host))
    })
}

const formatDamage = ({ file, offset, problem }: SpoolDamage): string =>
  printableText(`${file}: byte ${offset}: ${problem}`)

const exitCodeOf = (damage: readonly SpoolDamage[]): ExitCode =>
  damage.length === 0 ? exitCodes.success : exitCodes.failure

const formatHolder = ({ holder }: SpoolInspection): string => {
  if (holder === null) return 'No process has it.'
  const { pid, host, since, isRunning } = holder
  const who = printableText(`process ${pid} on ${host}`)
  const from = new Date(since).toISOString()
  if (isRunning === true) return `In use by ${who}, since ${from}.`
  if (isRunning === false) return `Left behind by ${who}, which has ended.`
  return `Taken by ${who}, since ${from}; whether it runs can't be seen from here.`
}

const formatInspection = (found: SpoolInspection): readonly string[] => {
  const { directory, records, files, bytes, settledRecords, batchesInDoubt, oldestAt } = found
  const oldest =
    oldestAt === null ? '' : `, the oldest taken at ${new Date(oldestAt).toISOString()}`
  const topics = found.topics.map(({ topic, records: count, bytes: size }) => [
    topic,
    formatCount(count),
    formatMegabytes(size),
  ])
  return [
    printableText(`${directory}: ${formatCount(records)} records are not settled${oldest}.`),
    `${formatCount(files)} files, ${formatMegabytes(bytes)}; ` +
      `${formatCount(settledRecords)} settled records in them.`,
    `${formatCount(batchesInDoubt)} batches may be in Kafka without a result.`,
    formatHolder(found),
    ...(topics.length === 0 ? [] : ['', ...formatTable([['topic', 'records', 'size'], ...topics])]),
  ]
}

const runInspect = async (
  directory: string,
  { json }: JsonFlags,
  { terminal }: CommandHost,
): Promise<ExitCode> => {
  const found = await inspectSpool(directory)
  if (json === true) writeJson(terminal.output, found)
  else for (const line of formatInspection(found)) writeLine(terminal.output, line)
  for (const damage of found.damage) writeLine(terminal.errors, formatDamage(damage))
  return exitCodeOf(found.damage)
}

const runVerify = async (
  directory: string,
  { json }: JsonFlags,
  { terminal: { output, errors } }: CommandHost,
): Promise<ExitCode> => {
  const { files, bytes, tornBytes, damage } = await inspectSpool(directory)
  if (json === true) writeJson(output, { directory, files, bytes, tornBytes, damage })
  else {
    const torn = tornBytes === 0 ? '' : `, and ${tornBytes} bytes of a write that was not ended`
    const whole = damage.length === 0 ? 'whole' : 'read as far as they can be'
    writeLine(
      output,
      `${formatCount(files)} files, ${formatMegabytes(bytes)}, are ${whole}${torn}.`,
    )
    for (const place of damage) writeLine(errors, formatDamage(place))
  }
  return exitCodeOf(damage)
}

const exportLine = (record: SpooledRecordView): string => {
  const { topic, partition, timestamp, key, value, headers } = record
  return jsonText({
    topic,
    ...(partition === null ? {} : { partition }),
    timestamp,
    ...(key === null ? {} : dataField('key', key)),
    ...dataField('value', value),
    ...(headers.length === 0 ? {} : headersField(headers)),
  })
}

const runExport = async (
  directory: string,
  { all, topic }: ExportFlags,
  { terminal: { output, errors } }: CommandHost,
): Promise<ExitCode> => {
  const damage: SpoolDamage[] = []
  const onDamage = (place: SpoolDamage): void => {
    damage.push(place)
    writeLine(errors, formatDamage(place))
  }
  const writer = new PieceWriter(output)
  try {
    for await (const record of readSpool(directory, { all, onDamage })) {
      if (topic !== undefined && record.topic !== topic) continue
      writer.put(Buffer.from(`${exportLine(record)}\n`))
      if (writer.isFull) await writer.ready()
      if (writer.isClosed) break
    }
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    writeLine(errors, describeFailure(error))
    return exitCodes.failure
  }
  await writer.ready()
  return exitCodeOf(damage)
}
