import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { softwareVersion } from '../../src/net/software.ts'
import { apiVersionsApi } from '../../src/protocol/api/18-api-versions.ts'
import { Reader } from '../../src/protocol/bytes/reader.ts'
import { findRoot } from '../tidy/repository.ts'
import { brokerAddress, brokerName, startScene } from './net-connection-fixture.ts'
import { apiVersionsKey, FakeBroker, rangesServed, versionsBody } from './net-fake-broker.ts'

describe('the handshake of a connection', () => {
  it('falls back to the version that the broker names, and is ready', async () => {
    const { ready, broker, connection, events, clock } = await startScene()
    assert.equal(connection.state, 'connecting')
    await ready()
    assert.deepEqual(
      broker.requests.map((request) => request.version),
      [5, 4],
    )
    assert.deepEqual(events, ['ready@30'])
    assert.deepEqual([...connection.brokerVersions.keys()], [0, 3, apiVersionsKey])
    assert.deepEqual(connection.brokerVersions.get(0), { min: 0, max: 13 })
    assert.equal(connection.inFlight, 0)
    connection.close()
    await clock.runUntilIdle()
    assert.equal(clock.pendingTimers, 0)
  })

  it("sends the client's name", async () => {
    const { ready, broker } = await startScene({ connection: { negotiation: { versionMax: 3 } } })
    await ready()
    const [request] = broker.requests
    assert.equal(request?.clientId, 'tester')
    // One byte of tagged fields ends the header.
    const body = apiVersionsApi.decodeRequest(new Reader(request.rest, 1), 3)
    assert.equal(body.clientSoftwareName, 'millrace')
    assert.equal(body.clientSoftwareVersion, softwareVersion)
  })

  it('says the version of its package', () => {
    const file = join(findRoot(), 'packages/millrace/package.json')
    const { version } = JSON.parse(readFileSync(file, 'utf8'))
    assert.equal(softwareVersion, version)
  })

  it('falls back to version 0 where the refusal names no range', async () => {
    const broker = new FakeBroker()
    broker.onVersions = (request) =>
      request.version > 0
        ? broker.respond(request, versionsBody({ version: 0, errorCode: 35, ranges: [] }))
        : broker.respond(request, versionsBody({ version: 0, ranges: rangesServed }))
    const { ready, connection } = await startScene({ broker })
    await ready()
    assert.deepEqual(
      broker.requests.map((request) => request.version),
      [5, 0],
    )
    assert.equal(connection.featureLevel('transaction.version'), -1)
  })

  it('ends where the broker refuses every version', async () => {
    const broker = new FakeBroker()
    broker.onVersions = (request) =>
      broker.respond(request, versionsBody({ version: 0, errorCode: 35, ranges: [[18, 0, 9]] }))
    const { clock, closeErrors, connection, events } = await startScene({ broker })
    await clock.runUntilIdle()
    assert.equal(broker.requests.length, 2)
    assert.equal(closeErrors[0]?.code, 'UNSUPPORTED_VERSION')
    assert.equal(connection.state, 'closed')
    assert.equal(connection.closedIn, 'negotiating')
    assert.equal(events.length, 1)
  })

  it('ends with the code if the broker returns another error', async () => {
    const broker = new FakeBroker()
    broker.onVersions = (request) =>
      broker.respond(request, versionsBody({ version: 5, errorCode: 129, ranges: [] }))
    const { clock, closeErrors } = await startScene({ broker })
    await clock.runUntilIdle()
    assert.equal(closeErrors[0]?.code, 'BROKER_UNAVAILABLE')
    assert.equal(closeErrors[0]?.brokerCode, 129)
    assert.equal(closeErrors[0]?.broker, brokerName)
  })

  it('knows the levels of finalized features, once the broker has any', async () => {
    for (const [featuresEpoch, level] of [
      [7, 2],
      [-1, -1],
    ] as const) {
      const broker = new FakeBroker()
      broker.onVersions = (request) =>
        broker.respond(
          request,
          versionsBody({
            version: request.version,
            ranges: rangesServed,
            features: [['transaction.version', 2]],
            featuresEpoch,
          }),
        )
      const { ready, connection } = await startScene({ broker })
      await ready()
      assert.equal(connection.featureLevel('transaction.version'), level)
      assert.equal(connection.featureLevel('unheard.of'), -1)
    }
  })

  it('chooses the highest version that both sides know', async () => {
    const { ready, connection } = await startScene()
    const api = (key: number, min: number, max: number) => ({ key, clientVersions: { min, max } })
    assert.equal(connection.versionFor(api(0, 7, 20)), -1)
    await ready()
    assert.equal(connection.versionFor(api(0, 7, 20)), 13)
    assert.equal(connection.versionFor(api(0, 7, 9)), 9)
    assert.equal(connection.versionFor(api(0, 14, 20)), -1)
    assert.equal(connection.versionFor(api(99, 0, 1)), -1)
  })

  it('lets its owner begin lower where a broker closes on an unknown version', async () => {
    const broker = new FakeBroker()
    broker.onVersions = (request) =>
      request.version > 2
        ? request.stream.destroy()
        : broker.respond(request, versionsBody({ version: 2, ranges: rangesServed }))
    const first = await startScene({ broker })
    await first.clock.runUntilIdle()
    assert.equal(first.closeErrors[0]?.code, 'CONNECTION_FAILED')
    assert.equal(first.connection.closedIn, 'negotiating')
    assert.match(first.closeErrors[0].message, /closed the connection.*TLS.*older/)
    const second = await startScene({ broker, connection: { negotiation: { versionMax: 2 } } })
    await second.ready()
  })

  it('fails with a message that gives the reason when the port is closed', async () => {
    const { clock, closeErrors, events, connection } = await startScene({ listens: false })
    await clock.runUntilIdle()
    const [error] = closeErrors
    assert.equal(error?.code, 'CONNECTION_FAILED')
    assert.match(error.message, /broker:9092 \(node 1\).*connection refused \(ECONNREFUSED\)/)
    assert.ok(error.cause instanceof Error)
    assert.deepEqual(events, ['closed@10'])
    assert.equal(connection.closedIn, 'connecting')
  })

  it('ends a connection attempt at its timeout', async () => {
    const { clock, network, closeErrors, events } = await startScene()
    network.blackHole(brokerAddress)
    await clock.runUntilIdle()
    assert.equal(closeErrors[0]?.code, 'CONNECTION_FAILED')
    assert.match(closeErrors[0].message, /no response within 1000 ms/)
    assert.deepEqual(events, ['closed@1000'])
    assert.equal(clock.pendingTimers, 0)
  })

  it('stops negotiating when the broker does not respond', async () => {
    const broker = new FakeBroker()
    broker.onVersions = () => {}
    const { clock, closeErrors } = await startScene({ broker })
    await clock.runUntilIdle()
    assert.equal(closeErrors[0]?.code, 'REQUEST_TIMEOUT')
    assert.equal(closeErrors[0].api, 'ApiVersions')
  })

  it('recognises TLS, a web server and other text by their first bytes', async () => {
    for (const [bytes, code, pattern] of [
      [Buffer.from([0x15, 3, 3, 0, 2, 2, 0x46]), 'TLS_FAILED', /the listener expects TLS/],
      [Buffer.from('HTTP/1.1 400 Bad\r\n\r\n'), 'MALFORMED_RESPONSE', /a web server/],
      [Buffer.from('SSH-2.0-OpenSSH'), 'MALFORMED_RESPONSE', /"SSH-".*not Kafka/],
      [Buffer.from([0xff, 0, 0, 0]), 'MALFORMED_RESPONSE', /negative size/],
    ] as const) {
      const broker = new FakeBroker()
      broker.onVersions = (request) => request.stream.write([bytes])
      const { clock, closeErrors } = await startScene({ broker })
      await clock.runUntilIdle()
      assert.equal(closeErrors[0]?.code, code)
      assert.equal(closeErrors[0].step, code === 'TLS_FAILED' ? 'tls' : 'api-versions')
      assert.match(closeErrors[0].message, pattern)
      assert.match(closeErrors[0].message, /broker:9092 \(node 1\)/)
    }
  })

  it('fails at a response that cannot be decoded', async () => {
    const broker = new FakeBroker()
    broker.onVersions = (request) => broker.respond(request, Buffer.from([0, 0, 0]))
    const { clock, closeErrors } = await startScene({ broker })
    await clock.runUntilIdle()
    assert.equal(closeErrors[0]?.code, 'MALFORMED_RESPONSE')
    assert.equal(closeErrors[0].api, 'ApiVersions')
  })
})
