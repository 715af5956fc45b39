// kfake, the fake cluster of franz-go: three nodes that keep their data on disk, and one with TLS
// and SASL. franz-go's consumer reads it back. kfake/main.go is compiled once.

import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { makeCertificates } from '../../certificates.ts'
import { BrokerProcess } from '../fixture/broker-process.ts'
import { cached } from '../fixture/cache.ts'
import { runChecked, runCommand } from '../fixture/commands.ts'
import { freePorts } from '../fixture/ports.ts'
import { javaReader, recordsOf } from './readers.ts'
import { sourceHash } from './source-hash.ts'
import type { Reader, Target, TargetKind } from './target.ts'

const user = 'alice'
const password = 'open-sesame'
const sources = ['main.go', 'go.mod', 'go.sum']
const sourcePath = (name: string): string =>
  fileURLToPath(new URL(`./kfake/${name}`, import.meta.url))

/** The compiled program; its name changes with its source. */
export const goProgram = async (): Promise<string> => {
  const hash = await sourceHash(sources.map(sourcePath))
  return cached(`kfake-${hash}`, async (path) => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-kfake-build-'))
    try {
      for (const name of sources) await copyFile(sourcePath(name), join(folder, name))
      await runChecked('go', ['build', '-o', path, '.'], { cwd: folder })
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
}

export const goReader = (path: string, brokers: readonly string[]): Reader => ({
  name: 'franz-go',
  read: async (topic, { count, committed = false }) => {
    const flags = ['-brokers', brokers.join(','), '-topic', topic, '-count', String(count)]
    const args = ['read', ...flags, ...(committed ? ['-committed'] : [])]
    const { stdout } = await runChecked(path, args, { timeoutMs: 60_000 })
    return recordsOf(stdout)
  },
})

const startKfake = async (): Promise<Target> => {
  const path = await goProgram()
  const folder = await mkdtemp(join(tmpdir(), 'millrace-kfake-'))
  const { ca, server } = await makeCertificates()
  const [cert, key] = [join(folder, 'server.crt'), join(folder, 'server.key')]
  await writeFile(cert, server.cert)
  await writeFile(key, server.key)
  const [securePort = 0, ...ports] = await freePorts(4)
  const args = ['serve', '-ports', ports.join(','), '-data', join(folder, 'data')]
  args.push('-secure-port', String(securePort), '-cert', cert, '-key', key)
  args.push('-user', user, '-password', password)
  const isReady = (output: string): boolean => output.includes('ready')
  const run = () => BrokerProcess.start({ command: path, args, isReady })
  let current = await run()
  const brokers = ports.map((port) => `127.0.0.1:${port}`)
  const secure = { brokers: [`127.0.0.1:${securePort}`], tls: { ca } }
  const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const
  return {
    brokers,
    readers: [goReader(path, brokers), javaReader(brokers)],
    tls: null,
    sasl: Object.fromEntries(
      mechanisms.map((mechanism) => {
        const sasl = { mechanism, username: user, password }
        return [mechanism, { ...secure, sasl }]
      }),
    ),
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

export const missingGo = async (): Promise<string | null> =>
  (await runCommand('go', ['version'])).code === 0 ? null : 'Go is not on this machine'

/** A row for kfake. */
export const kfake: TargetKind = {
  name: 'kfake (franz-go)',
  missing: missingGo,
  start: startKfake,
  rejectedCodecs: [],
  createsTopics: true,
  transactions: 'yes',
}
