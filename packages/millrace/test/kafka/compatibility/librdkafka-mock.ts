// librdkafka's mock cluster, from the package confluent-kafka of PyPI: three brokers in the process
// of a Python client. It has neither TLS nor SASL, its data is in memory only, and its Fetch shows
// aborted records. Java's client gets no metadata from it.

import { fileURLToPath } from 'node:url'
import { BrokerProcess } from '../fixture/broker-process.ts'
import { cached } from '../fixture/cache.ts'
import { runChecked, runCommand } from '../fixture/commands.ts'
import { kcatReader, recordsOf } from './readers.ts'
import type { Reader, Target, TargetKind } from './target.ts'

const clientVersion = '2.16.1'
const scriptPath = (name: string): string => fileURLToPath(new URL(`./${name}`, import.meta.url))
const mockScript = scriptPath('librdkafka-mock.py')
const readScript = scriptPath('librdkafka-read.py')

/** The folder of the Python client, for PYTHONPATH. */
const pythonPath = (): Promise<string> =>
  cached(`confluent-kafka-${clientVersion}`, async (path) => {
    const target = ['--target', path, '--disable-pip-version-check']
    const source = ['--only-binary', ':all:', `confluent-kafka==${clientVersion}`]
    await runChecked('python3', ['-m', 'pip', 'install', '-q', ...target, ...source])
  })

/** librdkafka's consumer as the Python client has it: newer than kcat's. */
export const librdkafkaReader = (brokers: readonly string[]): Reader => ({
  name: 'librdkafka',
  read: async (topic, { committed = false }) => {
    const isolation = committed ? 'read_committed' : 'read_uncommitted'
    const args = [readScript, brokers.join(','), topic, isolation]
    const environment = { PYTHONPATH: await pythonPath() }
    const { stdout } = await runChecked('python3', args, { environment, timeoutMs: 120_000 })
    return recordsOf(stdout)
  },
})

export const missingPython = async (): Promise<string | null> =>
  (await runCommand('python3', ['-m', 'pip', '--version'])).code === 0
    ? null
    : 'Python with pip is not on this machine'

const startMock = async (): Promise<Target> => {
  const started = await BrokerProcess.start({
    command: 'python3',
    args: [mockScript],
    environment: { PYTHONPATH: await pythonPath() },
    isReady: (output) => output.includes('\n'),
  })
  const { brokers } = JSON.parse(started.output) as { readonly brokers: readonly string[] }
  return {
    brokers,
    readers: [kcatReader(brokers), librdkafkaReader(brokers)],
    tls: null,
    sasl: {},
    restartWay: 'stopped',
    restart: null,
    [Symbol.asyncDispose]: () => started.kill(),
  }
}

/** A row for librdkafka's mock cluster. */
export const librdkafkaMock: TargetKind = {
  name: `Mock cluster of librdkafka (confluent-kafka ${clientVersion})`,
  missing: missingPython,
  start: startMock,
  rejectedCodecs: [],
  createsTopics: true,
  transactions: 'unread',
}
