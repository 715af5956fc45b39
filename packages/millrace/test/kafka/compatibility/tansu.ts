// Tansu, a broker in Rust that keeps its data in SQLite here. It is not downloaded: building it
// takes half an hour (`cargo install tansu --features libsql`), so it runs where its command is
// found. The newest librdkafka reads it: Java's consumer, franz-go's and kcat can't.

import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { BrokerProcess } from '../fixture/broker-process.ts'
import { runCommand } from '../fixture/commands.ts'
import { freePorts } from '../fixture/ports.ts'
import { librdkafkaReader, missingPython } from './librdkafka-mock.ts'
import type { Target, TargetKind } from './target.ts'

const findTansu = async (): Promise<string | null> => {
  const named = process.env.MILLRACE_TANSU
  const installed = join(homedir(), '.cargo', 'bin', 'tansu')
  for (const command of [named, installed]) {
    if (command !== undefined && existsSync(command)) return command
  }
  return (await runCommand('tansu', ['--version'])).code === 0 ? 'tansu' : null
}

const startTansu = async (): Promise<Target> => {
  const command = (await findTansu()) ?? 'tansu'
  const folder = await mkdtemp(join(tmpdir(), 'millrace-tansu-'))
  const [port = 0] = await freePorts(1)
  const url = `tcp://127.0.0.1:${port}`
  const args = ['broker', '--listener-url', url, '--advertised-listener-url', url]
  args.push('--storage-engine', 'sqlite://tansu.db')
  const isReady = (output: string): boolean => output.includes('ready in')
  const run = () => BrokerProcess.start({ command, args, cwd: folder, isReady })
  let current = await run()
  const brokers = [`127.0.0.1:${port}`]
  return {
    brokers,
    readers: [librdkafkaReader(brokers)],
    tls: null,
    sasl: {},
    restartWay: 'stopped',
    restart: async () => {
      await current.stop()
      current = await run()
    },
    [Symbol.asyncDispose]: async () => {
      await current.kill()
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** A row for Tansu. */
export const tansu: TargetKind = {
  name: 'Tansu 0.6 (SQLite)',
  missing: async () =>
    (await findTansu()) === null ? 'the command tansu is not found' : missingPython(),
  start: startTansu,
  rejectedCodecs: [],
  createsTopics: false,
  transactions: 'no',
  // Its Fetch fails with UnexpectedType("Snappy"), also where librdkafka wrote the records.
  unreadCodecs: ['snappy'],
  limits: { restart: 'it responds with UNKNOWN_SERVER_ERROR while it stops' },
}
