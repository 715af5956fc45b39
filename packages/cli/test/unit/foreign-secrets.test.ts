// A secret enters `produce` and `tail` wherever a flag, a file or a variable can hold one, on
// purpose or by mistake, and the whole output and every file of a spool is searched for it: as it
// is, encoded for a URL, escaped as in JSON and in base64.

import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Logger, Producer, type ProducerOptions } from 'millrace'
import { startCluster, type TestCluster } from 'millrace/testing'
import { runMillrace } from '../../src/program.ts'
import { FakeTerminal } from '../support/fake-terminal.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const unsafe = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u
const hostile = 'a\x1b]0;t\x07\x1b[2J\u009b31m\u2028\u202eforged'

/** Passwords as people choose them, a token, and a key. */
const secrets = [
  'T0p 5ecret/v\u00e4l:u"e%25',
  'T0p-5ecret-value',
  "it's \\ {5ecret} $HOME `x` #1;=?&@",
  'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1IiwiZXhwIjoxfQ.c2lnbmF0dXJlLTVlY3JldA',
  'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj',
]

const formsOf = (secret: string): readonly string[] => [
  secret,
  encodeURIComponent(secret),
  new URLSearchParams({ '': secret }).toString().slice(1),
  JSON.stringify(secret).slice(1, -1),
  ...['', 'a', 'ab'].map((text) => base64(text + secret).slice(4, -4)),
]

let cluster: TestCluster
let folder: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-secrets-'))
  cluster = await startCluster({
    nodes: 1,
    topics: { orders: 1 },
    sasl: { mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'OAUTHBEARER'], users: { u: 'another' } },
  })
})

after(async () => {
  await cluster.close()
  await rm(folder, { recursive: true })
})

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }

const checkText = (what: string, text: string, secret: string): void => {
  for (const line of text.split('\n')) {
    assert.doesNotMatch(line, unsafe, `${what}: ${JSON.stringify(line)}`)
  }
  for (const form of formsOf(secret)) {
    assert.ok(!text.includes(form), `${what} shows ${form}: ${text}`)
  }
}

interface Entry {
  readonly args: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  /** A file whose path takes the place of FILE. */
  readonly file?: string
}

const jaas = (module: string, options: string): string =>
  `org.apache.kafka.common.security.${module} required ${options};`

const login = ['--sasl-mechanism', 'PLAIN', '--username', 'u']
const oauth = ['--oauth-client-id', 'c', '--oauth-token-endpoint']

const pemOf = (text: string): string =>
  `-----BEGIN PRIVATE KEY-----\n${text}\n-----END PRIVATE KEY-----`

/** Flags and variables in which the secret can be written. */
const flagEntriesOf = (secret: string): Readonly<Record<string, Entry>> => {
  const url = encodeURIComponent(secret)
  const quoted = secret.replace(/[\\"]/g, '\\$&')
  const pem = pemOf(secret)
  const plain = jaas('plain.PlainLoginModule', `username="u" password="${quoted}"`)
  return {
    'the variable of the password': { args: login, environment: { MILLRACE_PASSWORD: secret } },
    'the file of the password': { args: [...login, '--password-file', 'FILE'], file: secret },
    'the password in place of its file': { args: [...login, '--password-file', secret] },
    'the password in place of its file, in a variable': {
      args: login,
      environment: { MILLRACE_PASSWORD_FILE: secret },
    },
    'a flag that does not exist': { args: [`--password=${secret}`] },
    'a flag that does not exist, with a word': { args: ['--password', secret] },
    'a short flag that does not exist': { args: [`-P${secret}`] },
    'a word too many': { args: [secret, secret] },
    'the mechanism': { args: ['--sasl-mechanism', secret, '--username', 'u'] },
    'the mechanism in a variable': { args: [], environment: { MILLRACE_SASL_MECHANISM: secret } },
    'a setting in place of a file': { args: ['-c', `sasl.password=${secret}`] },
    'a setting with another sign': { args: ['--set', `sasl.password:${secret}`] },
    'a setting of the password': { args: ['--set', `sasl.password=${secret}`] },
    'a setting of the module': { args: ['--set', `sasl.jaas.config=${plain}`] },
    'a setting of the option sasl': { args: ['--set', `sasl={"password":"${quoted}"}`] },
    'a setting of the option tls': { args: ['--set', `tls={"key":"${quoted}"}`] },
    'a setting that does not exist': { args: ['--set', `password=${secret}`] },
    'a setting of the brokers': { args: ['--set', `bootstrap.servers=u:${secret}@127.0.0.1:1`] },
    'a setting of our brokers': { args: ['--set', `brokers=u:${secret}@127.0.0.1:1`] },
    'the address of a broker': { args: ['-b', `u:${secret}@127.0.0.1:1`] },
    'the address of a broker, encoded': { args: ['-b', `SASL_SSL://u:${url}%40127.0.0.1:1`] },
    'a connection string': {
      args: ['-b', `Endpoint=sb://a.example/;SharedAccessKeyName=k;SharedAccessKey=${secret}`],
    },
    'a connection string in a variable': {
      args: [],
      environment: { MILLRACE_BROKERS: `Endpoint=sb://a.example/;SharedAccessKey=${secret}` },
    },
    'the variable of the brokers': {
      args: [],
      environment: { MILLRACE_BROKERS: `u:${url}%40127.0.0.1:1` },
    },
    'the key in place of its file': {
      args: ['--tls', '--cert', secret, '--key', secret, '--ca', secret],
    },
    'a file with half a key': { args: ['--tls', '--cert', 'FILE', '--key', 'FILE'], file: pem },
    'the passphrase in place of its file': {
      args: ['--tls', '--key-passphrase-file', secret],
    },
    'the secret of a client': {
      args: [...oauth, 'http://127.0.0.1:1/token'],
      environment: { MILLRACE_OAUTH_CLIENT_SECRET: secret },
    },
    'the secret of a client in place of its file': {
      args: [...oauth, 'http://127.0.0.1:1/token', '--oauth-client-secret-file', secret],
    },
    'the endpoint': { args: [...oauth, secret] },
    'credentials in the endpoint': { args: [...oauth, `https://c:${url}@127.0.0.1:1/token`] },
    'the token in place of its file': { args: ['--oauth-token-file', secret] },
    'the file of a token': { args: ['--oauth-token-file', 'FILE'], file: `${secret}\n` },
  }
}

/** Files of properties in which the secret can be written. */
const fileEntriesOf = (secret: string): Readonly<Record<string, Entry>> => {
  const url = encodeURIComponent(secret)
  const quoted = secret.replace(/[\\"]/g, '\\$&')
  const property = secret.replaceAll('\\', '\\\\')
  const pem = pemOf(secret)
  const ofFile = (file: string): Entry => ({ args: ['-c', 'FILE'], file })
  const protocol = 'security.protocol=SASL_PLAINTEXT\n'
  return {
    'a file of a module': ofFile(
      `${protocol}sasl.mechanism=PLAIN\nsasl.jaas.config=${jaas(
        'plain.PlainLoginModule',
        `username="u" password="${quoted}"`,
      ).replaceAll('\\', '\\\\')}\n`,
    ),
    'a file of a module that is not whole': ofFile(
      `${protocol}sasl.mechanism=PLAIN\nsasl.jaas.config=Plain required password="${property}\n`,
    ),
    'a file of a module on several lines': ofFile(
      `${protocol}sasl.mechanism=PLAIN\nsasl.jaas.config=Plain required\n` +
        `  password="${property}";\n`,
    ),
    'a file of a client': ofFile(
      `${protocol}sasl.mechanism=OAUTHBEARER\n` +
        `sasl.oauthbearer.token.endpoint.url=https://c:${url}@127.0.0.1:1/\n` +
        'sasl.oauthbearer.client.credentials.client.id=c\n' +
        `sasl.oauthbearer.client.credentials.client.secret=${property}\n`,
    ),
    'a file with another protocol': ofFile(
      `security.protocol=${property}\nsasl.mechanism=${property}\nsasl.username=u\n` +
        `sasl.password=${property}\nssl.key.password=${property}\n`,
    ),
    'a file with a key': ofFile(
      `security.protocol=SSL\nssl.keystore.type=PEM\nssl.keystore.key=${pem}\n` +
        `ssl.keystore.location=${property}\nssl.keystore.password=${property}\n`,
    ),
    'a file of the passwords of stores': ofFile(
      'security.protocol=SSL\nssl.truststore.location=/no/such.jks\n' +
        `ssl.truststore.password=${property}\nssl.keystore.key=${property}\n` +
        `ssl.keystore.type=${property}\nssl.truststore.certificates=${property}\n`,
    ),
    'a file of brokers': ofFile(`bootstrap.servers=u:${property}@127.0.0.1:1\n`),
    'a file without names': ofFile(`${property}\n:${property}\n=${property}\n`),
  }
}

const entriesOf = (secret: string): Readonly<Record<string, Entry>> => ({
  ...flagEntriesOf(secret),
  ...fileEntriesOf(secret),
})

/** Words of the command, with limits that keep it short. */
const commands: Readonly<Record<string, readonly string[]>> = {
  produce: ['produce', 'orders', '--json', '--set', 'maxBlockMs=200'],
  tail: ['tail', 'orders', '--from', '0', '--until', 'end', '--set', 'requestTimeoutMs=200'],
}

const run = async (args: readonly string[], entry: Entry, path: string): Promise<string> => {
  const terminal = new FakeTerminal()
  const named = { MILLRACE_BROKERS: cluster.brokers[0]!, ...entry.environment }
  Object.assign(terminal.environment, named)
  terminal.input.end('x\n')
  if (entry.file !== undefined) await writeFile(path, entry.file)
  const own = entry.args.map((word) => (word === 'FILE' ? path : word))
  await runMillrace([...args, ...own], terminal)
  return terminal.outputText + terminal.errorText
}

/** What may pass by itself, such as a token endpoint that does not respond. */
const waiting: ReadonlySet<string> = new Set([
  'a setting of the brokers',
  'a setting of our brokers',
  'the secret of a client',
  'the token in place of its file',
  'a file of brokers',
  'a file without names',
])

for (const [index, secret] of secrets.entries()) {
  describe(`no command prints the secret ${index}`, () => {
    for (const [command, args] of Object.entries(commands)) {
      // Both commands read their settings in the same way.
      if (command === 'produce' && index % 4 !== 0) continue
      for (const [where, entry] of Object.entries(entriesOf(secret))) {
        // `produce` waits for a broker for 30 s.
        if (command === 'produce' && waiting.has(where)) continue
        test(`${command}: ${where}`, async () => {
          const text = await run(args, entry, join(folder, 'client.properties'))
          assert.notEqual(text, '')
          checkText(where, text, secret)
        })
      }
    }

    test('produce: a header, a key and a dead letter show what they are for', async () => {
      const args = ['produce', 'orders', '-H', `authorization:${secret}`]
      checkText('a header with the wrong sign', await run(args, { args: [] }, ''), secret)
    })

    test('tail: the address of a registry, in a flag and in a variable', async () => {
      const url = encodeURIComponent(secret)
      for (const address of [
        `http://u:${url}@127.0.0.1:1`,
        `u:${secret}@127.0.0.1:1`,
        `http://u:${secret}@x y`,
        `http://127.0.0.1:1/?key=${url}`,
        `http://${url}@127.0.0.1:1`,
      ]) {
        const environment = { MILLRACE_REGISTRY: address }
        for (const entry of [{ args: ['--registry', address] }, { args: [], environment }]) {
          checkText('tail', await run(commands.tail!, entry, ''), secret)
        }
      }
    })
  })
}

describe('a spool', () => {
  const filesIn = async (directory: string): Promise<readonly Buffer[]> => {
    const names = await readdir(directory).catch(() => [])
    return Promise.all(names.map((name) => readFile(join(directory, name))))
  }

  test('has no secret of the options in its files, and the command shows none', async () => {
    const [secret = ''] = secrets
    const sasls: readonly ProducerOptions['sasl'][] = [
      { mechanism: 'PLAIN', username: 'u', password: secret },
      { mechanism: 'OAUTHBEARER', token: async () => ({ value: secret }) },
    ]
    for (const [index, sasl] of sasls.entries()) {
      const directory = join(folder, `spool-${index}`)
      const spool = { directory, maxBytes: 2 ** 20 }
      const own = { brokers: '127.0.0.1:1', logger: silent }
      const producer = new Producer({ ...own, sasl, spool })
      await producer.submit({ topic: 'orders', key: 'k', value: 'x' })
      const files = await filesIn(directory)
      assert.ok(files.length > 0)
      for (const bytes of files) {
        for (const form of formsOf(secret)) assert.equal(bytes.indexOf(form), -1, form)
      }
      for (const command of ['inspect', 'verify', 'export']) {
        const text = await run(['spool', command, directory], { args: [] }, '')
        checkText(command, text, secret)
      }
      await producer.close({ timeoutMs: 0 })
    }
  })

  test('of a load has no secret of the flags in its files', async () => {
    const [secret = ''] = secrets
    const directory = join(folder, 'load')
    const args = ['produce', 'orders', '--spool', directory, '--drain-timeout', '0']
    const limits = ['--set', 'deliveryTimeoutMs=500', '--set', 'requestTimeoutMs=200']
    const environment = { MILLRACE_PASSWORD: secret }
    const text = await run([...args, ...limits], { args: login, environment }, '')
    checkText('produce', text, secret)
    for (const bytes of await filesIn(directory)) {
      for (const form of formsOf(secret)) assert.equal(bytes.indexOf(form), -1, form)
    }
  })

  test('in a directory with control characters in its name is printed without them', async () => {
    const directory = join(folder, hostile.replaceAll('/', ''))
    const spool = { directory, maxBytes: 2 ** 20 }
    const lines: string[] = []
    const keep = (line: string): void => void lines.push(line)
    const logger = { debug: keep, info: keep, warn: keep, error: keep }
    const record = {
      topic: 'orders',
      key: hostile,
      value: hostile,
      headers: { [hostile]: hostile },
    }
    const open = () => new Producer({ brokers: '127.0.0.1:1', spool, logger })
    const producer = open()
    await producer.submit(record)
    const other = open()
    const refused = await other.submit(record).catch((error: Error) => error)
    assert.ok(refused instanceof Error)
    checkText('a lock', `${refused.message}`, 'no secret')
    await other.close({ timeoutMs: 0 })
    await producer.close({ timeoutMs: 0 })
    const command = async (...args: string[]): Promise<string> => {
      const text = await run(args, { args: [] }, '')
      checkText(args.join(' '), text, 'no secret')
      return text
    }
    const all = [['inspect'], ['verify'], ['export'], ['inspect', '--json'], ['verify', '--json']]
    for (const [name = '', ...flags] of all) await command('spool', name, directory, ...flags)
    await command('spool', 'export', join(folder, hostile, hostile))
    const files = await readdir(directory)
    const log = files.find((name) => name.endsWith('.log')) ?? files[0]!
    await writeFile(join(directory, 'lock.7'), JSON.stringify(holderOf(hostile)))
    assert.match(await command('spool', 'inspect', directory), /a\\x1b\]0;t/)
    await writeFile(join(directory, log), `${hostile}\n`)
    for (const [name = '', ...flags] of all) await command('spool', name, directory, ...flags)
    for (const line of lines) checkText('log', line.replace(/\n(?= {4}at )/g, ' '), 'no secret')
  })

  test('of a load with a damaged or hostile state is refused in a printable line', async () => {
    const directory = join(folder, 'hostile-load')
    await mkdir(directory)
    await using plain = await startCluster({ topics: { orders: 1 } })
    const args = ['produce', 'orders', '--spool', directory, '-b', plain.brokers[0]!]
    const load = { input: hostile, topic: hostile, head: hostile }
    for (const text of [hostile, '{', JSON.stringify({ load, base: 0 })]) {
      await writeFile(join(directory, 'load.json'), text)
      const printed = await run(args, { args: [] }, '')
      assert.match(printed, /damaged|another load/)
      checkText('a load', printed, 'no secret')
    }
  })
})

/** What a lock file says of the process that holds the directory. */
const holderOf = (host: string): object => ({
  pid: 1,
  startTime: '1',
  bootId: host,
  namespace: host,
  host,
  since: 1,
})
