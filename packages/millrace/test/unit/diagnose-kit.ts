// What the tests of diagnose() share: hand-made brokers on a network in memory, under virtual time,
// servers on 127.0.0.1 that are something else than they should be, and looking at a report.

import assert from 'node:assert/strict'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'
import { type DiagnoseEnvironment, diagnoseIn } from '../../src/diagnose/diagnosis.ts'
import type { DiagnoseOptions, Diagnosis, DiagnosisStep, ProducerOptions } from '../../src/index.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { MemoryNetwork } from '../../src/runtime/memory-transport.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import type { Address } from '../../src/runtime/transport.ts'
import { VirtualClock } from '../../src/runtime/virtual-clock.ts'
import { FakeBroker, FakeState } from './cluster-fixture.ts'

/** Hand-made brokers; node 1 is `10.0.0.1:9092`, where the name `boot` leads to. */
export class Stage {
  readonly clock = new VirtualClock()
  readonly network = new MemoryNetwork({ clock: this.clock, latencyMs: 1 })
  readonly state = new FakeState()
  controllerId = 1
  environment: DiagnoseEnvironment = {
    clock: this.clock,
    random: seededRandom(1),
    transport: this.network,
    readCertificates: null,
  }

  static async make(): Promise<Stage> {
    const stage = new Stage()
    await stage.startBroker(1, { host: '10.0.0.1', port: 9092 })
    stage.network.setHost('boot', ['10.0.0.1'])
    return stage
  }

  /** A broker that listens at the address; it advertises the same, unless the state is changed. */
  async startBroker(nodeId: number, address: Address, state = this.state): Promise<FakeBroker> {
    const broker = new FakeBroker(nodeId, address, state, () => this.clock.now())
    state.nodes.set(nodeId, address)
    broker.respond = (request) =>
      request.api === 'Metadata'
        ? { ...broker.metadata(request), controllerId: this.controllerId }
        : undefined
    await broker.start(this.network)
    return broker
  }

  /** Runs a diagnosis to its end, in virtual time. */
  diagnose(options: Partial<ProducerOptions> = {}, call: DiagnoseOptions = {}): Promise<Diagnosis> {
    const given = { brokers: 'boot', logger: silentLogger, ...options }
    return this.clock.runUntil(diagnoseIn(this.environment, given, call), 200_000)
  }
}

/** The names of the rows in order, a failed one with an exclamation mark. */
export const rowsOf = ({ steps }: Diagnosis): string =>
  steps.map(({ name, ok }) => (ok ? name : `${name}!`)).join(' ')

/** The first row that failed. */
export const failedRow = (diagnosis: Diagnosis): DiagnosisStep => {
  const row = diagnosis.steps.find(({ ok }) => !ok)
  assert.ok(row !== undefined, `nothing failed: ${rowsOf(diagnosis)}`)
  return row
}

/** One sentence: it begins with a capital letter, and has one full stop, at its end. */
export const isSentence = (text: string | null): boolean =>
  text !== null && /^[A-Z].*\.$/.test(text) && !/[.!?] [A-Z]/.test(text)

export const assertFails = (diagnosis: Diagnosis, step: string, remedy: RegExp): DiagnosisStep => {
  const row = failedRow(diagnosis)
  const shown = JSON.stringify(diagnosis.steps, null, 1)
  assert.equal(diagnosis.ok, false)
  assert.equal(diagnosis.failedStep, step, shown)
  assert.match(row.remedy ?? '', remedy, shown)
  for (const each of diagnosis.steps) {
    assert.ok(each.ok ? each.remedy === null : isSentence(each.remedy), shown)
  }
  return row
}

export const assertGreen = (diagnosis: Diagnosis, rows: string): void => {
  assert.equal(rowsOf(diagnosis), rows, JSON.stringify(diagnosis.steps, null, 1))
  assert.deepEqual([diagnosis.ok, diagnosis.failedStep], [true, null])
}

/** A server on a free port of 127.0.0.1, and its address; closed with all its connections. */
export const withServer = async (
  server: Server,
  body: (broker: string) => Promise<void>,
): Promise<void> => {
  const sockets = new Set<{ destroy(): void }>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    await body(`127.0.0.1:${(server.address() as AddressInfo).port}`)
  } finally {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
}

/** Greets as an SSH server does. */
export const sshServer = (): Server =>
  createTcpServer((socket) => {
    socket.on('error', () => {})
    socket.write('SSH-2.0-OpenSSH_9.6\r\n')
  })
