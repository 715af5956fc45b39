// Parses the arguments after `npm start --`. It keeps no state. Caller: run.ts.

import { Command } from 'commander'
import { brokerList, topicName, wholeNumber } from '../arguments.ts'
import { prepareProgram } from '../run-program.ts'
import type { Terminal } from '../runtime/terminal.ts'

export interface FirstRunOptions {
  /** Brokers of an existing cluster; if missing, the run starts a cluster in this process. */
  readonly brokers?: readonly string[]
  readonly topic: string
  /** How many orders to send. */
  readonly count: number
  /** Whether the cluster in this process keeps running until Ctrl-C. */
  readonly keep: boolean
}

const countDefault = 200_000
const countMin = 30
const countMax = 1_000_000
const topicDefault = 'orders'

export const firstRunOptions = (args: readonly string[], terminal: Terminal): FirstRunOptions => {
  const program = prepareProgram(new Command('npm start --'), terminal)
    .description(
      'Sends orders of a made-up shop in the three ways that millrace has, reads them back and ' +
        'checks each byte. Without --brokers it starts a Kafka cluster in this process for it.',
    )
    .option('-b, --brokers <host:port>', 'use a real cluster (commas between several)', brokerList)
    .option('-t, --topic <name>', `topic to write to; with --brokers it must exist`, topicName)
    .option(
      '-n, --count <records>',
      'how many records to send',
      wholeNumber(countMin, countMax),
      countDefault,
    )
    .option('-k, --keep', 'let the cluster in this process run on, to look into it with kcat')
    .helpOption('-h, --help', 'print this help')
    .parse([...args], { from: 'user' })
  const { brokers, topic, count, keep } = program.opts<{
    brokers?: readonly string[]
    topic?: string
    count: number
    keep?: true
  }>()
  if (brokers !== undefined && topic === undefined) {
    program.error('error: --brokers needs --topic: the name of a topic of that cluster.')
  }
  if (brokers !== undefined && keep === true) {
    program.error('error: --keep is for the cluster in this process; leave it out with --brokers.')
  }
  return {
    ...(brokers === undefined ? {} : { brokers }),
    topic: topic ?? topicDefault,
    count,
    keep: keep === true,
  }
}
