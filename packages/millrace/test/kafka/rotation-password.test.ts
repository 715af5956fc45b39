// A SCRAM password that is changed with Kafka's own tool under 5,000 records a second, with
// sessions of three seconds (KIP-368): no record fails, and the broker refuses the old password.
// The long form is `npm run rotation`.

import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, it } from 'node:test'
import type { ProducerOptions } from '../../src/index.ts'
import { memoryLogger } from '../unit/producer-kit.ts'
import { type Kafka, startKafka } from './fixture/index.ts'
import { kafkaCommand } from './fixture/kafka-commands.ts'
import { makeSecurityFiles, type SecurityFiles } from './fixture/secure-kafka.ts'
import { startProxy } from './loopback-proxy.ts'
import {
  MountedSecrets,
  recordsPerSecond,
  runRotations,
  sessionMs,
  untilRefused,
  WatchedFile,
} from './rotation-kit.ts'

const mechanism = 'SCRAM-SHA-512'
const user = 'alice'
const passwordOf = (round: number): string => `password-of-round-${round}`
const listenerPrefix = 'listener.name.scram'

let files: SecurityFiles
let kafka: Kafka

before(async () => {
  files = await makeSecurityFiles()
  kafka = await startKafka({
    listeners: { SCRAM: 'SASL_SSL' },
    properties: {
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': `${files.folder}/server.pem`,
      [`${listenerPrefix}.sasl.enabled.mechanisms`]: mechanism,
      [`${listenerPrefix}.scram-sha-512.sasl.jaas.config`]:
        'org.apache.kafka.common.security.scram.ScramLoginModule required;',
      [`${listenerPrefix}.scram-sha-512.connections.max.reauth.ms`]: String(sessionMs),
    },
    formatArguments: [`--add-scram=${mechanism}=[name=${user},password=${passwordOf(0)}]`],
  })
})

after(async () => {
  await kafka?.close()
  await files?.[Symbol.asyncDispose]()
})

const setPassword = (password: string): Promise<string> => {
  const config = `${mechanism}=[iterations=4096,password=${password}]`
  const entity = ['--entity-type', 'users', '--entity-name', user]
  return kafkaCommand(kafka, 'kafka.admin.ConfigCommand', [
    '--alter',
    '--add-config',
    config,
    ...entity,
  ])
}

describe('a SCRAM password that changes under load', () => {
  it('costs no record; a missing file has one warning', async (context) => {
    const topic = 'passwords'
    await kafka.admin.createTopic(topic)
    await using secrets = await MountedSecrets.mount({ password: passwordOf(0) })
    await using proxy = await startProxy(kafka.brokersOn('SCRAM')[0]!)
    const logger = memoryLogger()
    const file = new WatchedFile(secrets.file('password'))
    const optionsWith = (password: string | (() => Promise<string>)): ProducerOptions => ({
      brokers: kafka.brokersOn('SCRAM'),
      tls: { ca: files.certificates.ca },
      sasl: { mechanism, username: user, password },
    })
    const report = await runRotations({
      brokers: kafka.brokers,
      topic,
      rounds: 2,
      options: {
        ...optionsWith(() => file.read()),
        logger,
        socketFactory: () => connect(Number(proxy.address.split(':')[1]), '127.0.0.1'),
      },
      rotate: async (load, round) => {
        const old = optionsWith(passwordOf(round - 1))
        const replaceFile = () => secrets.replace({ password: passwordOf(round) })
        if (round % 2 === 0) {
          // The file is first: the broker refuses its password when a session is renewed.
          await replaceFile()
          await file.untilRead()
          await setPassword(passwordOf(round))
        } else {
          // The broker is first: it refuses the file's password.
          await setPassword(passwordOf(round))
          await untilRefused(old)
          await file.untilRead()
          await replaceFile()
        }
        const refused = await untilRefused(old)
        assert.equal(refused.code, 'AUTHENTICATION_FAILED')
        await file.untilRead()
        await load.delivered(recordsPerSecond / 2)
      },
      finish: async (load) => {
        // The broker knows the new password only, and all connections authenticate anew.
        proxy.closeAll()
        await load.delivered(recordsPerSecond / 2)
        await secrets.replace({})
        for (let count = 0; count < 3; count++) {
          await file.untilRead()
          proxy.closeAll()
          await load.delivered(recordsPerSecond / 2)
        }
      },
    })
    context.diagnostic(JSON.stringify(report))
    const broken = logger.lines.filter(({ message }) => message.includes('sasl.password failed'))
    assert.equal(broken.length, 1, JSON.stringify(broken))
  })
})
