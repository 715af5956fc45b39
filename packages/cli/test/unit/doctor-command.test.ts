// `millrace doctor` against the in-process cluster: what it prints, and how it exits.

import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type ClusterOptions, startCluster, type TestCluster } from 'millrace/testing'
import { runMillrace } from '../../src/program.ts'
import { FakeTerminal } from '../support/fake-terminal.ts'

interface Ended {
  readonly code: number
  readonly output: string
  readonly errors: string
}

const doctor = async (args: string, environment: Record<string, string> = {}): Promise<Ended> => {
  const terminal = new FakeTerminal()
  Object.assign(terminal.environment, environment)
  const code = await runMillrace(['doctor', ...args.split(' ').filter(Boolean)], terminal)
  assert.equal(terminal.isHeard, false)
  return { code, output: terminal.outputText, errors: terminal.errorText }
}

const withCluster = async (
  body: (broker: string, cluster: TestCluster) => Promise<void>,
  options: ClusterOptions = {},
): Promise<void> => {
  await using cluster = await startCluster({ topics: { orders: 3 }, ...options })
  await body(cluster.brokers[0]!, cluster)
}

test('a healthy cluster: every step with its time, exit code 0', () =>
  withCluster(async (broker, cluster) => {
    const { code, output, errors } = await doctor(`--brokers ${broker} --produce orders`)
    assert.deepEqual([code, errors], [0, ''])
    const lines = output.split('\n')
    const names = ['dns', 'tcp', 'api-versions', 'metadata', 'listener', 'produce']
    for (const [index, name] of names.entries()) {
      assert.match(lines[index]!, new RegExp(`^ok    ${name} +\\d+\\.\\d ms  \\S`))
    }
    assert.deepEqual(lines.slice(names.length), ['', 'All is well.', ''])
    assert.match(output, /one record went to orders: partition 0, offset 0\n/)
    assert.equal(cluster.records('orders').length, 1)
  }))

test('a step that failed is named at the end with its remedy, exit code 1', () =>
  withCluster(async (broker, cluster) => {
    const { code, output, errors } = await doctor(`-b ${broker},127.0.0.1:1 --produce missing`)
    assert.deepEqual([code, errors], [1, ''])
    assert.match(output, /^FAIL {2}tcp +\d+\.\d ms {2}127\.0\.0\.1:1: connection refused/m)
    const lastLine = 'The step tcp failed. Correct the port, or start the broker: nothing listens'
    assert.equal(output.split('\n').at(-2), `${lastLine} at 127.0.0.1:1.`)
    // The other failure has its remedy beside it.
    assert.match(output, /^FAIL {2}produce .*\n {10,}Create the topic missing/m)
    assert.deepEqual(cluster.topics, ['orders'])
  }))

test('--json prints the object and nothing else', () =>
  withCluster(async (broker) => {
    const { output } = await doctor(`-b ${broker} --json`)
    const good = JSON.parse(output)
    assert.deepEqual(Object.keys(good), ['ok', 'failedStep', 'steps'])
    assert.deepEqual([good.ok, good.failedStep], [true, null])
    for (const step of good.steps) {
      assert.deepEqual(Object.keys(step), ['name', 'ok', 'ms', 'detail', 'remedy'])
      assert.ok(step.ok === true && step.ms >= 0 && step.remedy === null)
    }
    const bad = await doctor('-b 127.0.0.1:1 --json')
    assert.equal(bad.code, 1)
    const { ok, failedStep, steps } = JSON.parse(bad.output)
    assert.deepEqual([ok, failedStep, steps.length], [false, 'tcp', 2])
    assert.match(steps[1].remedy, /^Correct the port/)
  }))

test('the flags of the connection take effect, and no secret is printed', () =>
  withCluster(
    async (broker) => {
      const folder = await mkdtemp(join(tmpdir(), 'millrace-doctor-'))
      try {
        const file = join(folder, 'password')
        const args = `-b ${broker} --sasl-mechanism scram-sha-256 --username alice`
        await writeFile(file, 'wonderland-42\n')
        const good = await doctor(`${args} --password-file ${file}`)
        assert.equal(good.code, 0, good.output)
        assert.match(good.output, /^ok {4}sasl .*authenticated by SCRAM-SHA-256$/m)
        await writeFile(file, 'looking-glass-7\n')
        for (const json of ['', ' --json']) {
          const bad = await doctor(`${args} --password-file ${file}${json}`)
          assert.equal(bad.code, 1)
          assert.match(bad.output, /Correct sasl\.username and sasl\.password/)
          assert.doesNotMatch(bad.output + bad.errors, /looking-glass|wonderland/)
        }
      } finally {
        await rm(folder, { recursive: true })
      }
    },
    { sasl: { mechanisms: ['SCRAM-SHA-256'], users: { alice: 'wonderland-42' } } },
  ))

for (const [args, expected] of [
  ['', /no broker is named: --brokers/],
  ['-b localhost', /HOST:PORT/],
  ['-b localhost:9092 --produce a/b', /It must have 1 to 249 letters/],
  ['-b localhost:9092 --timeout 0', /number above 0/],
  ['-b localhost:9092 --what', /unknown option '--what'/],
  ['-b localhost:9092 --set lingerMs=-1', /lingerMs must be .*, got -1/],
  ['-b localhost:9092 --ca /no/such/file', /tls\.ca names the file/],
] as const) {
  test(`doctor ${args}is reported in a sentence and exits 2`, async () => {
    const { code, output, errors } = await doctor(args)
    assert.deepEqual([code, output], [2, ''])
    assert.match(errors, expected)
  })
}

test('--help of doctor exits with code 0', async () => {
  const { code, output } = await doctor('--help')
  assert.equal(code, 0)
  assert.match(output, /--produce <topic>[\s\S]*--timeout <seconds>[\s\S]*--brokers/)
})

test('each step is printed when it ends; an interrupt keeps those printed', async (t) => {
  const terminal = new FakeTerminal()
  const silent = createServer((socket) => socket.on('error', () => {}))
  t.after(() => silent.close())
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const { port } = silent.address() as { port: number }
  const ended = runMillrace(['doctor', '-b', `127.0.0.1:${port}`], terminal)
  // The server sends no response: the step after the name continues until the interrupt.
  await terminal.untilOutput(/^ok {4}dns .*is an address\n$/)
  terminal.interrupt()
  assert.equal(await ended, 130)
  assert.match(terminal.outputText, /^ok {4}dns .*\n$/)
  assert.equal(terminal.isHeard, false)
})
