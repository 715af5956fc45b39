// The Deployment of docs/operations.md and the program beside it belong together: the probes
// request what the program returns, there is time enough to end, and readiness follows an outage.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { startCluster } from '../../src/testing.ts'
import { freePorts } from '../kafka/fixture/ports.ts'
import { pause } from '../soak/load-process.ts'
import { blocksOf } from './doc-blocks.ts'
import { childEnvironment, compileBlocks, docsPath } from './doc-programs.ts'

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: number }
}

const text = await readFile(join(docsPath, 'operations.md'), 'utf8')
const blocks = blocksOf('operations.md', text)
const { spec } = parse(blocks.find(({ language }) => language === 'yaml')!.code).spec.template
const container = spec.containers[0]
const program = blocks.find(({ code }) => code.includes('createServer'))!.code

test('the probes request paths and a port that the program serves', () => {
  const [{ containerPort }] = container.ports
  assert.ok(program.includes(`listen(process.env.PORT ?? ${containerPort})`))
  for (const { httpGet } of [container.livenessProbe, container.readinessProbe] as Probe[]) {
    assert.equal(httpGet.port, containerPort)
    assert.ok(program.includes(`path === '${httpGet.path}'`), httpGet.path)
  }
})

test('the grace period is longer than the hook and close() together', () => {
  const [, closeMs] = /close\(\{ timeoutMs: ([\d_]+) \}\)/.exec(program)!
  const seconds =
    container.lifecycle.preStop.sleep.seconds + Number(closeMs!.replace('_', '')) / 1000
  assert.ok(seconds + 5 <= spec.terminationGracePeriodSeconds, `${seconds} s`)
})

test('the readiness probe uses status(), which waits for nothing', () => {
  assert.match(program, /status\(\)\.isReady \? 200 : 503/)
  assert.ok(container.readinessProbe.timeoutSeconds >= 1)
})

test('what the program is configured by is in its environment', () => {
  for (const { name } of container.env) assert.ok(program.includes(`process.env.${name}`), name)
})

/** The program without the lines that only end the page. */
const service = program.slice(0, program.indexOf('// Only so that this page ends'))
const clicksPerRound = 20
const roundMs = 100
const outageLinesMax = 3

/** What the readiness probe says; clicks keep coming meanwhile. */
const untilReady = async (origin: string, status: number): Promise<void> => {
  for (;;) {
    for (let click = 0; click < clicksPerRound; click++) {
      fetch(`${origin}/click`).catch(() => {})
    }
    const response = await fetch(`${origin}/readyz`).catch(() => null)
    if (response?.status === status) return
    await pause(roundMs)
  }
}

test('an outage: the readiness probe flips and returns, the log has at most 3 lines', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-operations-'))
  const cluster = await startCluster({ topics: { clicks: 3 } })
  const [path] = await compileBlocks([{ place: 'operations.md', code: service }], folder)
  const [port] = await freePorts(1)
  const env = childEnvironment({ BROKERS: cluster.brokers.join(','), PORT: String(port) })
  const child = spawn(process.execPath, [path!], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'close')
  let log = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (log += text))
  try {
    const origin = `http://127.0.0.1:${port}`
    await untilReady(origin, 200)
    await cluster.node(1).stop()
    await untilReady(origin, 503)
    await cluster.node(1).start()
    await untilReady(origin, 200)
    // The end of an outage is logged after several good checks.
    while (!log.includes('available again')) await pause(roundMs)
    child.kill('SIGTERM')
    const [code] = await ended
    assert.equal(code, 0, log)
    const lines = log.trim().split('\n')
    assert.ok(lines.length <= outageLinesMax, log)
    assert.match(lines[0]!, /No broker could be reached/)
    assert.match(lines.at(-1)!, /available again after .* waited, none failed/)
  } finally {
    child.kill('SIGKILL')
    await cluster.close()
    await rm(folder, { recursive: true })
  }
})
