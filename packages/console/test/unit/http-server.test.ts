// Who may look at a console, and how: from this machine, by a loopback name, reading only.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { channel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { KafkaError } from 'millrace'
import { serveConsole } from '../../src/index.ts'
import { rawRequest, readView, StandIn } from '../support/stage.ts'

const serve = async (options = {}) => {
  const source = new StandIn()
  const served = await serveConsole(source, options)
  const port = Number(new URL(served.url).port)
  return {
    source,
    port,
    url: served.url,
    close: () => served.close(),
    [Symbol.asyncDispose]: () => served.close(),
    /** Status line of the response to a request with these headers. */
    status: async (first: string, ...headers: string[]) => {
      const lines = [first, ...headers, 'Connection: close', '', '']
      return (await rawRequest(port, lines.join('\r\n'))).split('\r\n', 1)[0]
    },
  }
}

test('the url is on 127.0.0.1, and no other address of this machine responds', async () => {
  await using stage = await serve()
  assert.match(stage.url, /^http:\/\/127\.0\.0\.1:\d+\/$/)
  const others = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  for (const { address, internal, family } of others) {
    if (internal || family !== 'IPv4') continue
    await assert.rejects(rawRequest(stage.port, 'GET / HTTP/1.0\r\n\r\n', address), {
      code: 'ECONNREFUSED',
    })
  }
})

test('a Host that is not a loopback name is rejected, for every path', async () => {
  await using stage = await serve()
  const names = [
    'evil.example',
    `127.0.0.1.evil.example:${stage.port}`,
    'localhost.evil',
    '10.0.0.1',
  ]
  for (const host of [...names, '127.0.0.1@evil.example', '[::2]', '0.0.0.0', '']) {
    for (const path of ['/', '/view', '/nothing']) {
      const status = await stage.status(`GET ${path} HTTP/1.1`, `Host: ${host}`)
      assert.equal(status, 'HTTP/1.1 403 Forbidden', `${host} ${path}`)
    }
  }
  assert.match((await stage.status('GET / HTTP/1.0')) ?? '', / 403 /)
  for (const host of [
    '127.0.0.1',
    `127.0.0.1:${stage.port}`,
    'localhost:1',
    'LOCALHOST',
    '[::1]:8',
  ]) {
    assert.equal(await stage.status('GET /view HTTP/1.1', `Host: ${host}`), 'HTTP/1.1 200 OK', host)
  }
})

test('only GET and HEAD are served, and a HEAD has no body', async () => {
  await using stage = await serve()
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    const response = await fetch(`${stage.url}view`, { method })
    assert.equal(response.status, 405, method)
    assert.equal(response.headers.get('allow'), 'GET, HEAD')
    await response.text()
  }
  const head = await fetch(stage.url, { method: 'HEAD' })
  assert.equal(head.status, 200)
  assert.ok(Number(head.headers.get('content-length')) > 1000)
  assert.equal(await head.text(), '')
})

test("every response has a policy that allows only the page's own resources", async () => {
  await using stage = await serve()
  for (const path of ['', 'view', 'nothing', 'page.css']) {
    const response = await fetch(`${stage.url}${path}`)
    const policy = response.headers.get('content-security-policy') ?? ''
    assert.match(policy, /^default-src 'none'; /)
    assert.doesNotMatch(policy, /unsafe|\*|https?:|data:|blob:/)
    assert.match(policy, /frame-ancestors 'none'/)
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff')
    assert.equal(response.headers.get('cross-origin-resource-policy'), 'same-origin')
    assert.equal(response.headers.get('cache-control'), 'no-store')
    assert.equal(response.headers.get('access-control-allow-origin'), null)
    await response.text()
  }
})

test('an invalid request gets an error response, and other requests go on', async () => {
  await using stage = await serve()
  const host = 'Host: localhost'
  for (const [path, status] of [
    ['/nothing', 404],
    ['//', 404],
    ['/../package.json', 404],
    ['/%2e%2e/package.json', 404],
    ['/main.js.map', 404],
    ['*', 404],
    ['/view?after=-1', 400],
    ['/view?after=x', 400],
    [`/view?filter=${'a'.repeat(300)}`, 400],
    ['/view?after=0&filter=%ff%zz', 200],
  ] as const) {
    const line = await stage.status(`GET ${path} HTTP/1.1`, host)
    assert.equal(Number(line?.split(' ')[1]), status, path)
  }
  assert.equal((await readView(stage.url)).clientId, 'stand-in')
})

test('close() ends idle connections and half-received requests, and stops listening', async () => {
  await using stage = await serve()
  const sockets = ['', 'GET / HTT', 'GET /view HTTP/1.1\r\nHost: localhost\r\n\r\n'].map((text) => {
    const socket = connect(stage.port, '127.0.0.1', () => socket.write(text))
    return socket
  })
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  await once(sockets[2]!, 'data')
  assert.ok(channel('millrace:batch.settled').hasSubscribers)
  const ended = sockets.map((socket) => once(socket, 'close'))
  for (const socket of sockets) socket.on('error', () => {}).resume()
  await stage.close()
  await Promise.all(ended)
  assert.ok(!channel('millrace:batch.settled').hasSubscribers)
  await assert.rejects(fetch(stage.url))
  await stage.close()
})

test('a console that is not closed keeps no process alive, nor does an open page', async () => {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const program = fileURLToPath(new URL(`./unclosed-program.${extension}`, import.meta.url))
  const ran = await promisify(execFile)(process.execPath, [program], { timeout: 60_000 })
  assert.deepEqual(JSON.parse(ran.stdout), { status: 'HTTP/1.1 200 OK', holding: [] })
})

test('two consoles of two producers show each its own', async () => {
  await using first = await serve()
  await using second = await serve()
  first.source.snapshot = { ...first.source.snapshot, clientId: 'first' }
  first.source.deliver('orders', 1, 5)
  second.source.deliver('invoices', 2, 7)
  assert.notEqual(first.url, second.url)
  const topicsOf = async (url: string) =>
    (await readView(url)).partitions.rows.map((row) => row.topic)
  assert.deepEqual(await topicsOf(first.url), ['orders'])
  assert.deepEqual(await topicsOf(second.url), ['invoices'])
})

test('a port that is taken rejects, and leaves nothing behind', async () => {
  await using stage = await serve()
  const other = serveConsole(new StandIn(), { port: stage.port })
  await assert.rejects(other, { code: 'EADDRINUSE' })
  await stage.close()
  assert.ok(!channel('millrace:batch.settled').hasSubscribers)
})

for (const [options, message] of [
  [{ port: 65_536 }, 'port must be a whole number from 0 to 65535, got 65536'],
  [{ port: -1 }, 'port must be a whole number from 0 to 65535, got -1'],
  [{ intervalMs: 99 }, 'intervalMs must be a whole number from 100 to 60000, got 99'],
  [{ intervalMs: 1.5e3 + 0.5 }, 'intervalMs must be a whole number from 100 to 60000, got 1500.5'],
] as const) {
  test(`${JSON.stringify(options)} is rejected by name, value and bounds`, async () => {
    await assert.rejects(serveConsole(new StandIn(), options), (error: unknown) => {
      assert.ok(error instanceof KafkaError && error.code === 'INVALID_OPTION')
      assert.ok(error.message.includes(message), error.message)
      return true
    })
  })
}
