// A process that ends while records have no result says so through the logger; nothing is lost in
// silence.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { startCluster, type TestCluster } from '../../src/testing.ts'
import { programPath } from './load-process.ts'

let cluster: TestCluster

before(async () => {
  cluster = await startCluster({ topics: { t: 1 } })
})

after(() => cluster.close())

/** The log lines of a program. The program must end by itself. */
const end = async (way: string, broker = cluster.brokers[0]!): Promise<string[]> => {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const args = [programPath('exit-program'), way, broker]
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: 30_000 })
  return stdout.split('\n').filter((line) => line !== '')
}

test('process.exit() with records that are held back says how many', async () => {
  const lines = await end('exit')
  assert.equal(lines.length, 1)
  assert.match(lines[0]!, /the process ends while at least 3 records are unacknowledged/)
})

test('process.exit() before a broker was reached says how many', async () => {
  const lines = await end('exit-early', '127.0.0.1:1')
  assert.equal(lines.length, 1)
  assert.match(lines[0]!, /the process ends while at least 2 records are unacknowledged/)
})

test('process.exit() after records that were cancelled says nothing of them', async () => {
  const lines = await end('cancelled', '127.0.0.1:1')
  assert.deepEqual(
    lines.filter((line) => line.includes('no result')),
    [],
  )
})

test('beforeExit with a record that is held back says so once and sends it', async () => {
  const stored = cluster.records('t').length
  const lines = await end('before-exit')
  assert.equal(lines.length, 1)
  assert.match(lines[0]!, /the event loop is empty, but at least 1 records are unacknowledged/)
  const values = cluster.records('t').map(({ value }) => String(value))
  assert.deepEqual(values.slice(stored), ['held'])
})

test('fifty producers share one listener, and closed ones leave none and say nothing', async () => {
  assert.deepEqual(await end('closed'), [])
})
