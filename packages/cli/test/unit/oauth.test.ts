// OAUTHBEARER on the command line: flags, environment and Kafka's own names, and a record that goes
// through with a token from an endpoint, and from a file.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startCluster, type TestCluster } from 'millrace/testing'
import { runMillrace } from '../../src/program.ts'
import { FakeTerminal } from '../support/fake-terminal.ts'

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** What the in-process cluster takes: unsigned, and good for five minutes. */
const newToken = (): string =>
  `${part({ alg: 'none' })}.${part({ sub: 'alice', exp: Math.floor(Date.now() / 1000) + 300 })}.`

interface Stage {
  readonly cluster: TestCluster
  readonly endpoint: string
  /** The requests that the endpoint received: the client's credentials and the scope. */
  readonly requested: string[]
  readonly folder: string
  /** Sends one record; returns the exit code and what was said. */
  produce(
    args: readonly string[],
    environment?: Record<string, string>,
  ): Promise<readonly [number, string]>
}

const onStage = async (body: (stage: Stage) => Promise<void>): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-oauth-'))
  const requested: string[] = []
  const server = createServer((request, response) => {
    let form = ''
    request.on('data', (chunk) => {
      form += chunk
    })
    request.on('end', () => {
      const basic = Buffer.from(String(request.headers.authorization).slice(6), 'base64')
      requested.push(`${basic} ${new URLSearchParams(form).get('scope')}`)
      response.setHeader('content-type', 'application/json')
      const isKnown = String(basic) === 'shop:hush'
      response.statusCode = isKnown ? 200 : 401
      const good = { access_token: newToken(), token_type: 'bearer', expires_in: 300 }
      response.end(JSON.stringify(isKnown ? good : { error: 'invalid_client' }))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  await using cluster = await startCluster({
    topics: { orders: 1 },
    sasl: { mechanisms: ['OAUTHBEARER'] },
  })
  try {
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`
    const produce: Stage['produce'] = async (args, environment = {}) => {
      const terminal = new FakeTerminal()
      Object.assign(terminal.environment, { MILLRACE_BROKERS: cluster.brokers[0] }, environment)
      terminal.input.end('x')
      const code = await runMillrace(['produce', 'orders', ...args], terminal)
      return [code, terminal.outputText + terminal.errorText]
    }
    await body({ cluster, endpoint, requested, folder, produce })
  } finally {
    server.close()
    server.closeAllConnections()
    await rm(folder, { recursive: true })
  }
}

test("a client's credentials: flags, with the secret in a file or in the environment", () =>
  onStage(async ({ cluster, endpoint, requested, folder, produce }) => {
    const secret = join(folder, 'secret')
    await writeFile(secret, 'hush\n')
    const args = ['--oauth-token-endpoint', endpoint, '--oauth-client-id', 'shop']
    const [code, output] = await produce([
      ...args,
      '--oauth-client-secret-file',
      secret,
      '--oauth-scope',
      'kafka read',
    ])
    assert.equal(code, 0, output)
    const environment = { MILLRACE_OAUTH_CLIENT_SECRET: 'hush' }
    assert.equal((await produce(args, environment))[0], 0)
    assert.deepEqual(requested, ['shop:hush kafka read', 'shop:hush null'])
    assert.equal(cluster.records('orders').length, 2)
  }))

test('the error for a rejected secret does not contain the secret', () =>
  onStage(async ({ cluster, endpoint, produce }) => {
    const args = ['--oauth-token-endpoint', endpoint, '--oauth-client-id', 'shop']
    const [code, output] = await produce(args, { MILLRACE_OAUTH_CLIENT_SECRET: 'wrong-one' })
    assert.equal(code, 1)
    assert.match(output, /token endpoint 127\.0\.0\.1:\d+ refuses with invalid_client \(HTTP 401\)/)
    assert.doesNotMatch(output, /wrong-one/)
    assert.equal(cluster.records('orders').length, 0)
  }))

for (const [who, lines] of [
  [
    'Java 4.1',
    (endpoint: string) => [
      `sasl.oauthbearer.token.endpoint.url=${endpoint}`,
      'sasl.oauthbearer.client.credentials.client.id=shop',
      'sasl.oauthbearer.client.credentials.client.secret=hush',
      'sasl.oauthbearer.scope=kafka',
      'sasl.oauthbearer.jwt.retriever.class=' +
        'org.apache.kafka.common.security.oauthbearer.ClientCredentialsJwtRetriever',
      'sasl.login.refresh.window.factor=0.8',
    ],
  ],
  [
    'Java before',
    (endpoint: string) => [
      `sasl.oauthbearer.token.endpoint.url=${endpoint}`,
      'sasl.login.callback.handler.class=' +
        'org.apache.kafka.common.security.oauthbearer.secured.OAuthBearerLoginCallbackHandler',
      'sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule ' +
        'required clientId="shop" clientSecret="hush" scope="kafka";',
    ],
  ],
  [
    'librdkafka',
    (endpoint: string) => [
      'sasl.oauthbearer.method=oidc',
      `sasl.oauthbearer.token.endpoint.url=${endpoint}`,
      'sasl.oauthbearer.client.id=shop',
      'sasl.oauthbearer.client.secret=hush',
      'sasl.oauthbearer.scope=kafka',
    ],
  ],
] as const) {
  test(`the properties of ${who} log in as they stand`, () =>
    onStage(async ({ endpoint, requested, folder, produce }) => {
      const file = join(folder, 'client.properties')
      const own = ['security.protocol=SASL_PLAINTEXT', 'sasl.mechanism=OAUTHBEARER']
      await writeFile(file, [...own, ...lines(endpoint)].join('\n'))
      const [code, output] = await produce(['--config', file])
      assert.equal(code, 0, output)
      assert.doesNotMatch(output, /Warning/)
      assert.deepEqual(requested, ['shop:hush kafka'])
    }))
}

test('a token from a file, by flag and by a file: URL; the flag goes before an endpoint', () =>
  onStage(async ({ cluster, endpoint, requested, folder, produce }) => {
    const token = join(folder, 'token')
    await writeFile(token, `${newToken()}\n`)
    assert.equal((await produce(['--oauth-token-file', token]))[0], 0)
    const own = 'security.protocol=SASL_PLAINTEXT\nsasl.mechanism=OAUTHBEARER\n'
    const byUrl = join(folder, 'by-url')
    await writeFile(byUrl, `${own}sasl.oauthbearer.token.endpoint.url=file://${token}\n`)
    assert.equal((await produce(['-c', byUrl]))[0], 0)
    const byEndpoint = join(folder, 'by-endpoint')
    await writeFile(byEndpoint, `${own}sasl.oauthbearer.token.endpoint.url=${endpoint}\n`)
    assert.equal((await produce(['-c', byEndpoint, '--oauth-token-file', token]))[0], 0)
    assert.equal(cluster.records('orders').length, 3)
    assert.deepEqual(requested, [])
  }))

test('missing settings are reported at once, by their flags', () =>
  onStage(async ({ produce }) => {
    const [code, output] = await produce(['--sasl-mechanism', 'oauthbearer'])
    assert.equal(code, 1)
    assert.match(
      output,
      /token endpoint is missing \(--oauth-token-endpoint, or --oauth-token-file\)/,
    )
    assert.match(output, /client's id is missing \(--oauth-client-id\)/)
    assert.match(
      output,
      /secret is missing \(--oauth-client-secret-file, or MILLRACE_OAUTH_CLIENT_S/,
    )
    const [, both] = await produce(['--oauth-token-file', '/a', '--oauth-token-endpoint', 'x'])
    assert.match(both, /from --oauth-token-endpoint or from --oauth-token-file, not both/)
    const [, far] = await produce(
      ['--oauth-token-endpoint', 'http://login.example/t', '--oauth-client-id', 'a'],
      { MILLRACE_OAUTH_CLIENT_SECRET: 'hush' },
    )
    assert.match(far, /tokenEndpoint must begin with https:\/\//)
  }))

test('a secret in the environment alone does not enable SASL', async () => {
  await using cluster = await startCluster({ topics: { orders: 1 } })
  const terminal = new FakeTerminal()
  terminal.environment.MILLRACE_BROKERS = cluster.brokers[0]!
  terminal.environment.MILLRACE_OAUTH_CLIENT_SECRET = 'hush'
  terminal.input.end('x')
  assert.equal(await runMillrace(['produce', 'orders'], terminal), 0, terminal.errorText)
})

test('--set takes no secret', async () => {
  const terminal = new FakeTerminal()
  const set = ['--set', 'sasl.oauthbearer.client.secret=hush']
  assert.equal(await runMillrace(['produce', 't', '-b', 'a:1', ...set], terminal), 1)
  assert.match(terminal.errorText, /--set sasl\.oauthbearer\.client\.secret: secrets don't belong/)
  assert.doesNotMatch(terminal.errorText, /hush/)
})
