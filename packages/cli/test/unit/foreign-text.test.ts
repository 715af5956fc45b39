// Everything that others write (brokers, files, flags, records, a registry) enters every command,
// and the whole output is searched: no control character of it reaches the terminal, and no secret
// is printed, in plain, encoded for a URL or in base64.

import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { type Logger, Producer } from 'millrace'
import { startCluster } from 'millrace/testing'
import { runMillrace } from '../../src/program.ts'
import { FakeTerminal } from '../support/fake-terminal.ts'
import { startHostileProxy } from '../support/hostile-proxy.ts'

const secret = 'T0p 5ecret/väl:ue'
const base64 = (text: string): string => Buffer.from(text).toString('base64')
const secretForms = [
  secret,
  encodeURIComponent(secret),
  // Each position of the three that base64 has, without the characters that others share.
  ...['', 'a', 'ab'].map((before) => base64(before + secret).slice(4, -4)),
]
const hostile = 'a\x1b]0;t\x07\x1b[2J\u009b31m\u2028\u202eforged'
const unsafe = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }

const checkText = (what: string, text: string): void => {
  for (const line of text.split('\n')) {
    assert.doesNotMatch(line, unsafe, `${what}: ${JSON.stringify(line)}`)
  }
  for (const form of secretForms) assert.ok(!text.includes(form), `${what} shows it: ${text}`)
}

interface Use {
  readonly environment?: Readonly<Record<string, string>>
  readonly input?: string
}

/** Runs the command; what it wrote is checked. */
const run = async (args: readonly string[], use: Use = {}): Promise<string> => {
  const terminal = new FakeTerminal()
  Object.assign(terminal.environment, use.environment)
  terminal.input.end(use.input ?? '')
  await runMillrace(args, terminal)
  const text = terminal.outputText + terminal.errorText
  checkText(args.join(' '), text)
  return text
}

const withFolder = async (body: (folder: string) => Promise<void>): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-foreign-'))
  try {
    await body(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Each way to a cluster, with what it needs of a cluster that says anything. */
const commands: readonly string[] = [
  'topics list',
  'topics list --json',
  'topics list --internal',
  'topics describe orders',
  'topics describe orders --all',
  'topics describe orders --json',
  'topics config orders --all',
  'topics config orders -o retention.ms=1000 --yes',
  'topics create orders',
  'topics create new --partitions 2',
  'topics add-partitions orders 1 --yes',
  'topics delete missing --yes',
  'transactions list',
  'transactions list --json',
  'transactions describe moves',
  'transactions describe missing',
  'transactions find-hanging orders',
  'transactions abort missing --yes',
  'cluster-info',
  'cluster-info --json',
  'doctor',
  'doctor --json',
  'doctor --produce orders',
  'produce orders --json',
  'produce missing',
  'tail missing --from beginning --until end',
  'perf orders -n 10 --interval 0',
  'perf missing -n 1',
]

describe('no command prints a control character that a broker wrote', () => {
  for (const kept of [['orders', 'moves'], ['nothing at all']]) {
    test(`a broker that changes every text except ${kept.join(' and ')}`, async () => {
      await using cluster = await startCluster({ nodes: 1, topics: { orders: 1, other: 1 } })
      await using owner = new Producer({ brokers: cluster.brokers, transactionalId: 'moves' })
      await owner.transaction((transaction) => transaction.send({ topic: 'other', value: 'x' }))
      await using proxy = await startHostileProxy(cluster.brokers[0]!, kept)
      const environment = { MILLRACE_BROKERS: proxy.broker }
      const limits = ['maxBlockMs', 'deliveryTimeoutMs', 'unknownTopicTimeoutMs']
      const sets = limits.flatMap((name) => ['--set', `${name}=300`])
      for (const command of commands) {
        const isSender = /^(produce|perf)/.test(command)
        const args = [
          ...command.split(' '),
          ...(isSender ? [...sets, '--set', 'requestTimeoutMs=200'] : []),
        ]
        await run(args, { environment, input: 'x\n' })
      }
      assert.ok(proxy.changed() > 100, `${proxy.changed()} texts were changed`)
    })
  }
})

test('records are printed as JSON and spools exported without a control character', () =>
  withFolder(async (folder) => {
    await using cluster = await startCluster({ topics: { orders: 1 } })
    const environment = { MILLRACE_BROKERS: cluster.brokers[0]! }
    const record = {
      topic: 'orders',
      key: hostile,
      value: hostile,
      headers: { [hostile]: hostile },
    }
    await using producer = new Producer({ brokers: cluster.brokers })
    await producer.send(record)
    const all = ['tail', 'orders', '--from', 'beginning', '--until', 'end', '--json']
    assert.match(await run(all, { environment }), /u001b/)
    const directory = join(folder, 'spool')
    const spool = { directory, maxBytes: 2 ** 20 }
    const offline = new Producer({ brokers: '127.0.0.1:1', spool, logger: silent })
    await offline.submit(record)
    await offline.close({ timeoutMs: 0 })
    for (const command of ['export', 'inspect', 'verify']) await run(['spool', command, directory])
    const [log = ''] = await logsOf(directory)
    await writeFile(log, `${hostile}\n${secret}`)
    for (const command of ['export', 'inspect', 'verify']) await run(['spool', command, directory])
  }))

const logsOf = async (directory: string): Promise<string[]> => {
  const names = await readdir(directory)
  return names.sort().map((name) => join(directory, name))
}

describe('no command prints a secret of a flag, a file or the environment', () => {
  const encoded = encodeURIComponent(secret)
  /** Where a secret can be written: on purpose, or by mistake. */
  const entries: Readonly<Record<string, (folder: string) => Promise<[string[], Use?]>>> = {
    'a password in the environment': async () => [
      ['--sasl-mechanism', 'PLAIN', '--username', 'u'],
      { environment: { MILLRACE_PASSWORD: secret } },
    ],
    'a password of --set': async () => [
      [
        '--set',
        'sasl.mechanism=PLAIN',
        '--set',
        'sasl.username=u',
        '--set',
        `sasl.password=${secret}`,
      ],
    ],
    'a password of --set with a wrong name': async () => [['--set', `sasl.pasword=${secret}`]],
    'a password of --set without a mechanism': async () => [['--set', `sasl.password=${secret}`]],
    'a password file that is a folder': async (folder) => [
      ['--sasl-mechanism', 'PLAIN', '--username', 'u', '--password-file', folder],
      { environment: { MILLRACE_PASSWORD: secret } },
    ],
    'a login module': async (folder) => {
      const file = join(folder, 'client.properties')
      const module = 'org.apache.kafka.common.security.plain.PlainLoginModule'
      await writeFile(
        file,
        `security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n` +
          `sasl.jaas.config=${module} required username="u" password="${secret}";\n`,
      )
      return [['-c', file]]
    },
    'a login module that can not be read': async (folder) => {
      const file = join(folder, 'client.properties')
      await writeFile(
        file,
        `sasl.jaas.config=Plain required password="${secret}\n` +
          `ssl.key.password=${secret}\nssl.keystore.key=${secret}\n`,
      )
      return [['-c', file]]
    },
    'properties without names': async (folder) => {
      const file = join(folder, 'client.properties')
      await writeFile(file, `password ${secret}\n${secret}\n`)
      return [['-c', file]]
    },
    'a password of --set with the wrong sign': async () => [['--set', `sasl.password:${secret}`]],
    'credentials in the environment': async () => [
      [],
      { environment: { MILLRACE_BROKERS: `u:${encoded}@127.0.0.1:1` } },
    ],
    'credentials in the address of a broker': async () => [
      ['-b', `kafka://u:${encoded}@127.0.0.1:1`],
    ],
    'credentials without a scheme': async () => [['-b', `u:${encoded}@127.0.0.1:1`]],
    'a client secret, and credentials in the endpoint': async () => [
      ['--oauth-token-endpoint', `http://u:${encoded}@127.0.0.1:1/token`, '--oauth-client-id', 'c'],
      { environment: { MILLRACE_OAUTH_CLIENT_SECRET: secret } },
    ],
    'a client secret, and an endpoint that refuses': async () => [
      ['--oauth-token-endpoint', 'http://127.0.0.1:1/token', '--oauth-client-id', 'c'],
      { environment: { MILLRACE_OAUTH_CLIENT_SECRET: secret } },
    ],
    'a token file with text around it': async (folder) => {
      const file = join(folder, 'token')
      await writeFile(file, `Bearer ${secret}\n\n`)
      return [['--oauth-token-file', file]]
    },
    'a private key that is none': async (folder) => {
      const file = join(folder, 'key')
      await writeFile(file, `-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----\n`)
      return [['--tls', '--cert', file, '--key', file]]
    },
  }
  for (const [entry, make] of Object.entries(entries)) {
    test(entry, () =>
      withFolder(async (folder) => {
        await using cluster = await startCluster({
          nodes: 1,
          topics: { orders: 1 },
          sasl: { mechanisms: ['PLAIN'], users: { u: 'another' } },
        })
        const [args, use] = await make(folder)
        const environment = { MILLRACE_BROKERS: cluster.brokers[0]!, ...use?.environment }
        for (const command of ['doctor', 'doctor --json', 'topics list', 'cluster-info']) {
          assert.notEqual(await run([...command.split(' '), ...args], { environment }), '')
        }
      }),
    )
  }

  test('credentials in the address of a registry', async () => {
    await using cluster = await startCluster({ topics: { orders: 1 } })
    await using producer = new Producer({ brokers: cluster.brokers })
    await producer.send({ topic: 'orders', value: Buffer.from([0, 0, 0, 0, 1, 1]) })
    for (const url of [
      `http://u:${encoded}@127.0.0.1:1`,
      `u:${encoded}@127.0.0.1:1`,
      `http://u:${secret}@x`,
    ]) {
      const args = ['tail', 'orders', '--from', 'beginning', '--until', 'end', '--registry', url]
      await run(args, { environment: { MILLRACE_BROKERS: cluster.brokers[0]! } })
    }
  })
})
