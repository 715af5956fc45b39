// A diagnosis of what goes wrong on the network, of brokers with unexpected responses, and of
// advertised addresses: hand-made brokers in memory, under virtual time.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DiagnosisStep, KafkaError } from '../../src/index.ts'
import { FakeState } from './cluster-fixture.ts'
import { assertFails, assertGreen, rowsOf, Stage } from './diagnose-kit.ts'

const node1 = { host: '10.0.0.1', port: 9092 }
const way = 'dns tcp api-versions'

describe('a diagnosis of the way to a bootstrap address', () => {
  it('that works names every step in order, and closes what it opened', async () => {
    const stage = await Stage.make()
    const broker = await stage.startBroker(2, { host: '10.0.0.2', port: 9092 })
    const diagnosis = await stage.diagnose({ brokers: ['boot', '10.0.0.2'] })
    assertGreen(diagnosis, `${way} ${way} metadata listener listener`)
    // A round trip takes 2 ms of the virtual clock, and connecting is one.
    const [dns, tcp, versions] = diagnosis.steps
    assert.deepEqual([dns?.ms, tcp?.ms, versions?.ms], [0, 2, 2])
    assert.equal(dns?.detail, 'boot:9092: has the address 10.0.0.1')
    assert.equal(tcp?.detail, 'boot:9092: connected to 10.0.0.1')
    assert.match(diagnosis.steps[6]?.detail ?? '', /cluster fake has 2 brokers, controller 1/)
    assert.equal(diagnosis.steps[8]?.detail, 'node 2 advertises 10.0.0.2:9092, and responds there')
    await stage.clock.advance(100)
    assert.equal(broker.openStreams, 0)
    assert.equal(stage.clock.pendingTimers, 0)
  })

  it('whose name cannot be resolved fails at dns', async () => {
    const stage = await Stage.make()
    stage.network.setHost('bot', [])
    const diagnosis = await stage.diagnose({ brokers: 'bot' })
    const row = assertFails(diagnosis, 'dns', /Correct the host name 'bot'/)
    assert.equal(row.detail, 'bot:9092: the host name is not known (ENOTFOUND)')
    assert.equal(rowsOf(diagnosis), 'dns!')
  })

  it('whose name server does not respond fails at dns, in the time of one step', async () => {
    const stage = await Stage.make()
    const { network } = stage
    const transport = {
      connect: network.connect.bind(network),
      resolve: () => new Promise<never>(() => {}),
    }
    stage.environment = { ...stage.environment, transport }
    const diagnosis = await stage.diagnose({ connectTimeoutMs: 3000 })
    const row = assertFails(diagnosis, 'dns', /name servers: none of them responded for boot/)
    assert.equal(row.ms, 3000)
    assert.match(row.detail, /no response of the name server within 3000 ms/)
  })

  it('whose port is closed fails at tcp, and the other addresses are still examined', async () => {
    const stage = await Stage.make()
    const diagnosis = await stage.diagnose({ brokers: ['10.0.0.9:9093', 'boot'] })
    const row = assertFails(
      diagnosis,
      'tcp',
      /Correct the port.*nothing listens at 10\.0\.0\.9:9093/,
    )
    assert.match(row.detail, /^10\.0\.0\.9:9093: connection refused/)
    assert.equal(rowsOf(diagnosis), `dns tcp! ${way} metadata listener`)
  })

  it('whose packets are lost fails at tcp, in the time of one step', async () => {
    const stage = await Stage.make()
    stage.network.blackHole(node1)
    const diagnosis = await stage.diagnose()
    const row = assertFails(diagnosis, 'tcp', /Open port 9092 in the firewalls.*and boot/)
    assert.equal(row.ms, 10_000)
  })

  it('whose broker accepts bytes and does not respond fails at api-versions', async () => {
    const stage = await Stage.make()
    const broker = await stage.startBroker(1, { host: '10.0.0.3', port: 9092 })
    broker.respond = () => 'nothing'
    const diagnosis = await stage.diagnose({ brokers: '10.0.0.3' })
    const row = assertFails(diagnosis, 'api-versions', /10\.0\.0\.3:9092 and is not stuck/)
    assert.equal(row.ms, 10_000)
    assert.equal(rowsOf(diagnosis), 'dns tcp api-versions!')
  })

  it('whose broker closes the connection at the first request fails at api-versions', async () => {
    const stage = await Stage.make()
    const broker = await stage.startBroker(1, { host: '10.0.0.3', port: 9092 })
    broker.respond = () => 'close'
    const diagnosis = await stage.diagnose({ brokers: '10.0.0.3' })
    assertFails(diagnosis, 'api-versions', /Kafka 1\.0 or newer and without TLS: it closes/)
  })

  it('whose broker closes the connection at new versions of ApiVersions only works', async () => {
    const stage = await Stage.make()
    const broker = await stage.startBroker(1, { host: '10.0.0.3', port: 9092 })
    const { respond } = broker
    broker.respond = (request) =>
      request.api === 'ApiVersions' && request.version > 0 ? 'close' : respond(request)
    assertGreen(await stage.diagnose({ brokers: '10.0.0.3' }), `${way} metadata listener`)
  })

  it('whose broker refuses ApiVersions fails there', async () => {
    const stage = await Stage.make()
    const broker = await stage.startBroker(1, { host: '10.0.0.3', port: 9092 })
    broker.respond = () => ({ errorCode: 42, apiKeys: [] })
    const diagnosis = await stage.diagnose({ brokers: '10.0.0.3' })
    assertFails(diagnosis, 'api-versions', /log of the broker: it responds .* with the error 42/)
  })

  it('whose broker is too old fails at api-versions', async () => {
    const stage = await Stage.make()
    const broker = await stage.startBroker(1, { host: '10.0.0.3', port: 9092 })
    broker.versions.set(0, 2)
    const diagnosis = await stage.diagnose({ brokers: '10.0.0.3' })
    const row = assertFails(diagnosis, 'api-versions', /Upgrade the broker to Kafka 1\.0 or newer/)
    assert.match(row.detail, /serves versions 0 to 2 of Produce; version 3 to 13 is needed/)
  })

  it('that has several addresses reports those that do not work, and localhost apart', async () => {
    const stage = await Stage.make()
    await stage.startBroker(1, { host: '127.0.0.1', port: 9092 })
    stage.network.setHost('localhost', ['::1', '127.0.0.1'])
    const diagnosis = await stage.diagnose({ brokers: 'localhost' })
    assertGreen(diagnosis, `${way} metadata listener`)
    const { detail = '' } = diagnosis.steps[1] ?? {}
    assert.match(detail, /connected to 127\.0\.0\.1; ::1 failed at tcp \(connection refused/)
    assert.match(detail, /localhost leads to the broker by IPv4, not by IPv6$/)
    stage.network.setHost('boot', ['10.0.0.1', '10.0.0.8'])
    const other = await stage.diagnose()
    assert.match(
      other.steps[1]?.detail ?? '',
      /10\.0\.0\.8 failed at tcp \(connection refused[^:]*$/,
    )
  })
})

describe('a diagnosis of the cluster', () => {
  it('that names no broker fails at metadata', async () => {
    const stage = await Stage.make()
    stage.state.nodes.clear()
    const diagnosis = await stage.diagnose()
    assertFails(diagnosis, 'metadata', /brokers have registered with their controllers/)
    assert.equal(rowsOf(diagnosis), `${way} metadata!`)
  })

  it('that has no controller fails at metadata, and goes on', async () => {
    const stage = await Stage.make()
    stage.controllerId = -1
    const diagnosis = await stage.diagnose()
    assertFails(diagnosis, 'metadata', /Bring the controllers back/)
    assert.equal(rowsOf(diagnosis), `${way} metadata! listener`)
  })

  it('that closes the connection at metadata fails there', async () => {
    const stage = await Stage.make()
    const broker = await stage.startBroker(1, { host: '10.0.0.3', port: 9092 })
    broker.respond = ({ api }) => (api === 'Metadata' ? 'close' : undefined)
    const diagnosis = await stage.diagnose({ brokers: '10.0.0.3' })
    assertFails(
      diagnosis,
      'metadata',
      /log of 10\.0\.0\.3:9092: it accepts connections, then closes them/,
    )
  })

  it('whose addresses belong to two clusters fails at metadata', async () => {
    const stage = await Stage.make()
    const other = await stage.startBroker(7, { host: '10.0.0.7', port: 9092 }, new FakeState())
    const { respond } = other
    other.respond = (request) =>
      request.api === 'Metadata' ? { ...(respond(request) as object), clusterId: 'b' } : undefined
    const diagnosis = await stage.diagnose({ brokers: ['boot', '10.0.0.7'] })
    const row = assertFails(diagnosis, 'metadata', /Name brokers of one cluster only/)
    assert.match(row.detail, /boot:9092 belongs to cluster fake, 10\.0\.0\.7:9092 to b/)
  })
})

describe('a diagnosis of an advertised address', () => {
  const advertise = async (host: string, port = 9092): Promise<Stage> => {
    const stage = await Stage.make()
    stage.state.nodes.set(1, { host, port })
    return stage
  }

  it('that does not resolve here fails at listener', async () => {
    const stage = await advertise('kafka')
    stage.network.setHost('kafka', [])
    const diagnosis = await stage.diagnose()
    const row = assertFails(
      diagnosis,
      'listener',
      /advertised\.listeners of node 1 .*'kafka' is not known here; it may be known .*containers/,
    )
    assert.match(row.detail, /^node 1 advertises kafka:9092, which failed at dns: the host name/)
    assert.equal(rowsOf(diagnosis), `${way} metadata listener!`)
  })

  it('that is localhost, seen from outside, fails at listener', async () => {
    const diagnosis = await (await advertise('localhost')).diagnose()
    assertFails(diagnosis, 'listener', /localhost:9092 is the client's own machine to each of/)
  })

  it('that is a mapped port without a listener fails there, naming the right one', async () => {
    const diagnosis = await (await advertise('10.0.0.1', 29092)).diagnose()
    assertFails(
      diagnosis,
      'listener',
      /advertised\.listeners of node 1 .*\(this client connected to boot:9092\)/,
    )
  })

  it('whose packets are lost fails at listener', async () => {
    const stage = await advertise('172.17.0.2')
    stage.network.blackHole({ host: '172.17.0.2', port: 9092 })
    const diagnosis = await stage.diagnose()
    assertFails(diagnosis, 'listener', /Open port 9092 .*or set advertised\.listeners of node 1/)
  })

  it('where another cluster responds fails at listener', async () => {
    const stage = await advertise('localhost')
    const other = await stage.startBroker(7, { host: 'localhost', port: 9092 }, new FakeState())
    const { respond } = other
    other.respond = (request) =>
      request.api === 'Metadata' ? { ...(respond(request) as object), clusterId: 'b' } : undefined
    const diagnosis = await stage.diagnose()
    const row = assertFails(diagnosis, 'listener', /client's own machine/)
    assert.match(row.detail, /where another cluster responds \(b\)/)
  })

  it('that works on this machine only is reported as such', async () => {
    const stage = await Stage.make()
    await stage.startBroker(1, { host: 'localhost', port: 9092 })
    const diagnosis = await stage.diagnose()
    assertGreen(diagnosis, `${way} metadata listener`)
    assert.match(diagnosis.steps.at(-1)?.detail ?? '', /works on this machine only$/)
  })

  it('is examined for each node, in the order of their ids', async () => {
    const stage = await Stage.make()
    stage.state.nodes.set(3, { host: '10.0.0.3', port: 9092 })
    await stage.startBroker(2, { host: '10.0.0.2', port: 9092 })
    const diagnosis = await stage.diagnose()
    assert.equal(rowsOf(diagnosis), `${way} metadata listener listener listener!`)
    assert.match(diagnosis.steps.at(-1)?.detail ?? '', /^node 3 /)
  })
})

describe('the time of a diagnosis', () => {
  it('ends it, and the report says where it was', async () => {
    const stage = await Stage.make()
    stage.network.blackHole(node1)
    const diagnosis = await stage.diagnose({}, { timeoutMs: 500 })
    const row = assertFails(diagnosis, 'tcp', /Open port 9092/)
    assert.deepEqual([row.ms, stage.clock.now()], [500, 500])
  })

  it('that ends before a step begins is reported by that step', async () => {
    const stage = await Stage.make()
    const broker = await stage.startBroker(1, { host: '10.0.0.3', port: 9092 })
    const { respond } = broker
    broker.respond = (request) => {
      if (request.api === 'Metadata') stage.clock.stall(600)
      return respond(request)
    }
    const diagnosis = await stage.diagnose({ brokers: '10.0.0.3' }, { timeoutMs: 500 })
    assert.equal(diagnosis.ok, false)
    assert.match(diagnosis.steps.at(-1)?.detail ?? '', /not done within 500 ms \(timeoutMs\)/)
  })

  it('that has ended is reported by each remaining step', async () => {
    const stage = await Stage.make()
    stage.network.blackHole({ host: '10.0.0.3', port: 9092 })
    // One more than are tried at the same time.
    for (let nodeId = 2; nodeId <= 17; nodeId++) {
      stage.state.nodes.set(nodeId, { host: '10.0.0.3', port: 9092 })
    }
    stage.state.nodes.set(18, { host: '10.0.0.1', port: 9092 })
    const diagnosis = await stage.diagnose({}, { timeoutMs: 500, produceTo: 'orders' })
    assert.equal(stage.clock.now(), 500)
    for (const { detail, remedy } of diagnosis.steps.slice(-2)) {
      assert.match(detail, /not done within 500 ms/)
      assert.match(remedy ?? '', /^Give the diagnosis more time \(timeoutMs\)/)
    }
    assert.deepEqual(rowsOf(diagnosis).split(' ').slice(-3), ['listener!', 'listener!', 'produce!'])
  })

  it('ends when the signal aborts: then it rejects', async () => {
    const stage = await Stage.make()
    stage.network.blackHole(node1)
    const controller = new AbortController()
    stage.clock.setTimer(50, () => controller.abort())
    const rejected = stage.diagnose({}, { signal: controller.signal })
    await assert.rejects(rejected, (error) => (error as KafkaError).code === 'ABORTED')
    assert.equal(stage.clock.now(), 50)
    const signal = AbortSignal.abort()
    await assert.rejects(stage.diagnose({}, { signal }), { code: 'ABORTED' })
    assert.equal(stage.clock.pendingTimers, 0)
  })
})

describe('the steps of a diagnosis', () => {
  it('are reported when they end, in order, whichever address is slow', async () => {
    const stage = await Stage.make()
    const slow = { host: '10.0.0.9', port: 9092 }
    stage.network.blackHole(slow)
    const reported: { atMs: number; step: DiagnosisStep }[] = []
    const onStep = (step: DiagnosisStep): void => {
      reported.push({ atMs: stage.clock.now(), step })
    }
    const brokers = ['10.0.0.9:9092', 'boot']
    const diagnosis = await stage.diagnose({ brokers, connectTimeoutMs: 1000 }, { onStep })
    assert.equal(rowsOf(diagnosis), `dns tcp! ${way} metadata listener`)
    assert.deepEqual(
      reported.map(({ step }) => step),
      diagnosis.steps,
    )
    // The name at once, its connection when the time is over; what is open by then comes after it.
    assert.ok(reported[0]!.atMs < 100, `${reported[0]!.atMs}`)
    assert.ok(reported.slice(1).every(({ atMs }) => atMs >= 1000))
  })

  it('are not reported after the signal was aborted', async () => {
    const stage = await Stage.make()
    stage.network.blackHole(node1)
    const controller = new AbortController()
    const reported: string[] = []
    stage.clock.setTimer(50, () => controller.abort())
    const onStep = ({ name }: DiagnosisStep): void => {
      reported.push(name)
    }
    const rejected = stage.diagnose({}, { signal: controller.signal, onStep })
    await assert.rejects(rejected, { code: 'ABORTED' })
    assert.deepEqual(reported, ['dns'])
  })
})

describe('a diagnosis with invalid arguments', () => {
  it('rejects before it connects', async () => {
    const stage = await Stage.make()
    await assert.rejects(stage.diagnose({ brokers: '' }), { code: 'INVALID_OPTION' })
    const wrong = [{ produceTo: '' }, { timeoutMs: -1 }, { topic: 'a' }, { onStep: 'x' }]
    for (const call of wrong as object[]) {
      await assert.rejects(stage.diagnose({}, call), { code: 'INVALID_ARGUMENT' })
    }
    assert.equal(stage.network.connects, 0)
    assert.equal(stage.clock.pendingTimers, 0)
  })
})
