// Certificates of both sides and their authority, replaced under 5,000 records a second: no record
// fails, the broker sees the new certificate, and refuses the one before it. The long form is
// `npm run rotation`.

import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { TlsOptions } from '../../src/index.ts'
import { makeAuthority, type TestAuthority } from '../certificates.ts'
import { memoryLogger } from '../unit/producer-kit.ts'
import { type Kafka, startKafka } from './fixture/index.ts'
import { kafkaCommand } from './fixture/kafka-commands.ts'
import { startProxy } from './loopback-proxy.ts'
import {
  MountedSecrets,
  recordsPerSecond,
  runRotations,
  type SteadyLoad,
  untilAccepted,
  untilRefused,
} from './rotation-kit.ts'

const nameOf = (round: number): string => `orders-${round}`
const listenerPrefix = 'listener.name.mtls'

let folder: string
let authority: TestAuthority
let kafka: Kafka

/** A file for the broker; Kafka reads keys with their certificates as one file. */
const brokerFile = async (name: string, texts: readonly string[]): Promise<string> => {
  const path = join(folder, name)
  await writeFile(path, texts.map((text) => `${text.trim()}\n`).join(''))
  return path
}

const keyStore = async (round: number, { server }: TestAuthority): Promise<string> => {
  const { key, cert } = await server()
  return brokerFile(`server-${round}.pem`, [key, cert])
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-broker-files-'))
  authority = await makeAuthority('Authority 0')
  kafka = await startKafka({
    listeners: { MTLS: 'SSL' },
    properties: {
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': await keyStore(0, authority),
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': await brokerFile('trust-0.pem', [authority.cert]),
      [`${listenerPrefix}.ssl.client.auth`]: 'required',
    },
    // The broker writes the principal of each TLS handshake to its log.
    systemProperties: {
      'org.slf4j.simpleLogger.log.org.apache.kafka.common.network.SslTransportLayer': 'debug',
    },
  })
})

after(async () => {
  await kafka?.close()
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
})

/** Changes stores of the running broker. */
const setStores = (stores: Readonly<Record<string, string>>): Promise<string> => {
  const configs = Object.entries(stores).map(
    ([store, path]) => `${listenerPrefix}.ssl.${store}.location=${path}`,
  )
  return kafkaCommand(kafka, 'kafka.admin.ConfigCommand', [
    ...['--alter', '--add-config', configs.join(',')],
    ...['--entity-type', 'brokers', '--entity-name', '1'],
  ])
}

/** What a client has of an authority: files as a secret of Kubernetes has them. */
const clientFiles = async (round: number, from: TestAuthority) => {
  const { cert, key } = await from.client(nameOf(round))
  return { 'ca.pem': from.cert, 'client.pem': cert, 'client.key': key }
}

describe('certificates that change under load', () => {
  it('cost no record; a broken file has one warning', async (context) => {
    const topic = 'certificates'
    await kafka.admin.createTopic(topic)
    let current = await clientFiles(0, authority)
    await using secrets = await MountedSecrets.mount(current)
    await using proxy = await startProxy(kafka.brokersOn('MTLS')[0]!)
    const logger = memoryLogger()
    const optionsWith = (tls: TlsOptions) => ({
      brokers: kafka.brokersOn('MTLS'),
      tls,
    })
    const brokerHasSeen = async (name: string): Promise<boolean> =>
      (await readFile(kafka.node(1).logPath, 'utf8')).includes(`peerPrincipal 'CN=${name}'`)
    const reconnect = async (load: SteadyLoad) => {
      proxy.closeAll()
      await load.delivered(recordsPerSecond / 2)
    }
    const report = await runRotations({
      brokers: kafka.brokers,
      topic,
      rounds: 2,
      options: {
        ...optionsWith({
          ca: secrets.file('ca.pem'),
          cert: secrets.file('client.pem'),
          key: secrets.file('client.key'),
        }),
        logger,
        socketFactory: () => connect(Number(proxy.address.split(':')[1]), '127.0.0.1'),
      },
      rotate: async (load, round) => {
        const old = current
        const next = await makeAuthority(`Authority ${round}`)
        current = await clientFiles(round, next)
        const keystore = await keyStore(round, next)
        const truststore = await brokerFile(`trust-${round}.pem`, [next.cert])
        if (round % 2 === 1) {
          // In the usual order: both sides trust both authorities before a certificate changes.
          const both = [old['ca.pem'], next.cert]
          await secrets.replace({ ...old, 'ca.pem': both.join('\n') })
          const trustBoth = await brokerFile(`trust-both-${round}.pem`, both)
          await setStores({ truststore: trustBoth, keystore })
          const { 'client.pem': cert, 'client.key': key } = current
          await untilAccepted(optionsWith({ ca: next.cert, cert, key }))
          await reconnect(load)
          await secrets.replace(current)
          await reconnect(load)
          await setStores({ truststore })
        } else {
          // The client is first: neither side accepts the other until the broker has its files.
          await secrets.replace(current)
          proxy.closeAll()
          await setStores({ truststore, keystore })
        }
        await load.delivered(recordsPerSecond / 2)
        assert.ok(await brokerHasSeen(nameOf(round)))
        const { 'client.pem': cert, 'client.key': key } = old
        const refused = await untilRefused(optionsWith({ ca: next.cert, cert, key }))
        assert.equal(refused.code, 'TLS_FAILED')
        await reconnect(load)
      },
      finish: async (load) => {
        await secrets.replace({ ...current, 'client.key': 'half of a ke' })
        for (let count = 0; count < 3; count++) {
          await reconnect(load)
        }
      },
    })
    context.diagnostic(JSON.stringify(report))
    const broken = logger.lines.filter(({ message }) => message.includes('earlier certificates'))
    assert.equal(broken.length, 1, JSON.stringify(broken))
  })
})
