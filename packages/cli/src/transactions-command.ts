// The command `millrace transactions`: lists and describes transactions, finds hanging ones, and
// aborts one. An abort must be confirmed. It keeps no state. Caller: program.ts.

import { type Command, InvalidArgumentError } from 'commander'
import type { OpenTransaction, TransactionDescription } from 'millrace'
import { withAdmin } from './admin-call.ts'
import { positiveNumber, topicName, wholeNumber } from './arguments.ts'
import { type ConfirmFlags, confirm, confirmOption } from './confirm.ts'
import { addConnectionFlags, type ConnectionFlags } from './connection/flags.ts'
import { Failure } from './describe-failure.ts'
import { addCommand, type CommandHost, prepareProgram } from './run-program.ts'
import { writeJson, writeLine } from './runtime/terminal.ts'
import { wallTimeMs } from './runtime/time.ts'
import { formatTable } from './text-table.ts'

interface JsonFlags extends ConnectionFlags {
  readonly json?: true
}

interface ListFlags extends JsonFlags {
  readonly state?: readonly string[]
}

interface FindFlags extends JsonFlags {
  readonly partition?: number
  readonly maxTransactionTimeout: number
}

interface AbortFlags extends JsonFlags, ConfirmFlags {
  readonly transactionalId?: string
  readonly topic?: string
  readonly partition?: number
  readonly startOffset?: number
}

const int32Max = 2 ** 31 - 1
const offsetMax = Number.MAX_SAFE_INTEGER
/** The default of --timeout: Kafka's default of the broker setting transaction.max.timeout.ms. */
const timeoutMinutesDefault = 15

const states = [
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
  'PrepareEpochFence',
  'Dead',
] as const

const stateList = (word: string): readonly string[] =>
  word.split(',').map((each) => {
    const name = each.trim().toLowerCase()
    const state = states.find((known) => known.toLowerCase() === name)
    if (state !== undefined) return state
    throw new InvalidArgumentError(`It must be a list of ${states.join(', ')}.`)
  })

const minutesMax = 5_256_000

const minutes = (word: string): number => {
  const value = positiveNumber(word)
  if (value <= minutesMax) return value
  throw new InvalidArgumentError(`It must be at most ${minutesMax}.`)
}

export const addTransactionsCommand = (host: CommandHost): void => {
  const transactions = addCommand(host, 'transactions').description(
    'List, describe, find hanging and abort transactions.',
  )
  const sub = (name: string): Command => prepareProgram(transactions.command(name), host.terminal)
  const list = sub('list')
    .description('The transactions of all coordinators.')
    .option('--state <states>', 'only these, with commas between: Ongoing,PrepareAbort', stateList)
    .option('--json', 'as JSON')
  addConnectionFlags(list).action((flags: ListFlags) => runList(flags, host))
  const describe = sub('describe')
    .description('One transaction, as its coordinator knows it.')
    .argument('<transactional-id>', 'its transactional id')
    .option('--json', 'as JSON')
  addConnectionFlags(describe).action((id: string, flags: JsonFlags) =>
    runDescribe(id, flags, host),
  )
  const find = sub('find-hanging')
    .description(
      'Transactions that partitions have open although nothing was written for long: readers of ' +
        'committed records wait before them.',
    )
    .argument('[topic]', 'only this topic; all without it', topicName)
    .option('-p, --partition <number>', 'only this partition', wholeNumber(0, int32Max))
    .option(
      '--max-transaction-timeout <minutes>',
      'how long nothing was written',
      minutes,
      timeoutMinutesDefault,
    )
    .option('--json', 'as JSON')
  addConnectionFlags(find).action((topic: string | undefined, flags: FindFlags) =>
    runFind(topic, flags, host),
  )
  addAbort(sub('abort'), host)
}

const addAbort = (command: Command, host: CommandHost): void => {
  command
    .description(
      'Abort an open transaction: by its transactional id, or, where no coordinator knows it, by ' +
        'topic, partition and start offset, as find-hanging prints them.',
    )
    .option('--transactional-id <id>', 'fences its producer, too')
    .option('--topic <topic>', 'topic of a hanging transaction', topicName)
    .option('-p, --partition <number>', 'its partition', wholeNumber(0, int32Max))
    .option('--start-offset <offset>', 'its first offset there', wholeNumber(0, offsetMax))
    .option(...confirmOption)
    .option('--json', 'as JSON')
  addConnectionFlags(command).action((flags: AbortFlags) => {
    const { transactionalId, topic, partition, startOffset } = flags
    const place = [topic, partition, startOffset]
    const isById = transactionalId !== undefined && place.every((part) => part === undefined)
    const isByOffset = transactionalId === undefined && !place.includes(undefined)
    if (!isById && !isByOffset) {
      command.error(
        'error: name the transaction: --transactional-id, or --topic, --partition and ' +
          '--start-offset',
      )
    }
    return runAbort(flags, host)
  })
}

const runList = async (flags: ListFlags, host: CommandHost): Promise<void> => {
  const found = await withAdmin(flags, host, (admin, limits) => admin.listTransactions(limits))
  if (found === undefined) return
  const { output } = host.terminal
  const wanted = found.filter(({ state }) => flags.state?.includes(state) ?? true)
  if (flags.json === true) writeJson(output, wanted)
  else if (wanted.length === 0) writeLine(output, 'There are no transactions.')
  else {
    const rows = wanted.map(({ transactionalId, coordinatorId, producerId, state }) => [
      transactionalId,
      state,
      String(producerId),
      String(coordinatorId),
    ])
    const head = ['transactional id', 'state', 'producer id', 'coordinator']
    for (const line of formatTable([head, ...rows])) writeLine(output, line)
  }
}

const runDescribe = async (id: string, flags: JsonFlags, host: CommandHost): Promise<void> => {
  const found = await withAdmin(flags, host, (admin, limits) =>
    admin.describeTransaction(id, limits),
  )
  if (found === undefined) return
  if (found === null) throw new Failure(`The coordinator does not know the transactional id ${id}`)
  const { output } = host.terminal
  if (flags.json === true) writeJson(output, found)
  else for (const line of formatTransaction(found)) writeLine(output, line)
}

const agoText = (ms: number): string => {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

const formatTransaction = (transaction: TransactionDescription): readonly string[] => {
  const { transactionalId, state, startedAt, timeoutMs, partitions } = transaction
  // A coordinator also names the start of a transaction that has ended.
  const hasEnded = startedAt === null || !/^(?:Ongoing|Prepare)/.test(state)
  const since = hasEnded
    ? 'no transaction is open'
    : `open for ${agoText(wallTimeMs() - startedAt)}, since ${new Date(startedAt).toISOString()}`
  return [
    `${transactionalId}: ${state}, ${since}`,
    `  producer ${transaction.producerId}, epoch ${transaction.producerEpoch}`,
    `  coordinator ${transaction.coordinatorId}, time limit ${agoText(timeoutMs)}`,
    `  partitions ${partitions.map((each) => `${each.topic}-${each.partition}`).join(', ') || '-'}`,
  ]
}

const coordinatorText = ({ coordinator }: OpenTransaction): string =>
  coordinator === null ? 'hangs' : `${coordinator.state} as ${coordinator.transactionalId}`

const runFind = async (
  topic: string | undefined,
  flags: FindFlags,
  host: CommandHost,
): Promise<void> => {
  const { partition, maxTransactionTimeout, json } = flags
  if (partition !== undefined && topic === undefined) {
    throw new Failure('--partition requires a topic: millrace transactions find-hanging TOPIC')
  }
  const idleMs = Math.round(maxTransactionTimeout * 60_000)
  const found = await withAdmin(flags, host, (admin, limits) =>
    admin.findHangingTransactions({ topic, partition, idleMs }, limits),
  )
  if (found === undefined) return
  const { output } = host.terminal
  if (json === true) writeJson(output, found)
  else if (found.length === 0) writeLine(output, 'No transaction is open for so long.')
  else for (const line of formatOpen(found)) writeLine(output, line)
}

const formatOpen = (found: readonly OpenTransaction[]): readonly string[] => {
  const rows = found.map((open) => [
    `${open.topic}-${open.partition}`,
    String(open.transactionStartOffset),
    String(open.producerId),
    String(open.producerEpoch),
    agoText(open.idleMs),
    coordinatorText(open),
  ])
  const head = ['partition', 'start offset', 'producer id', 'epoch', 'silent for', 'coordinator']
  const lines = [...formatTable([head, ...rows]), '']
  for (const { topic, partition, transactionStartOffset, coordinator } of found) {
    lines.push(
      coordinator === null
        ? `  millrace transactions abort --topic ${topic} --partition ${partition} ` +
            `--start-offset ${transactionStartOffset}`
        : `  millrace transactions abort --transactional-id ${coordinator.transactionalId}`,
    )
  }
  return [...new Set(lines)]
}

const runAbort = async (flags: AbortFlags, host: CommandHost): Promise<void> => {
  const { transactionalId: id, topic = '', partition = 0, startOffset = 0 } = flags
  const { terminal } = host
  const what =
    id === undefined
      ? `The transaction of ${topic}-${partition} that begins at offset ${startOffset} will be ` +
        'aborted: its records are lost to readers of committed records.'
      : `The transaction of ${id} will be aborted: its records are lost to readers of committed ` +
        'records, and its producer is fenced.'
  const done = await withAdmin(flags, host, async (admin, limits) => {
    await confirm(terminal, flags, what, limits.signal)
    return id === undefined
      ? admin.abortHangingTransaction(
          { topic, partition, transactionStartOffset: startOffset },
          limits,
        )
      : admin.abortTransaction(id, limits)
  })
  if (done === undefined) return
  if (flags.json === true) writeJson(terminal.output, done)
  else writeLine(terminal.output, 'The transaction is aborted.')
}
