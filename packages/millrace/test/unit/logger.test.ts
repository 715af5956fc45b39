// The logger of an option: as it is, but for the console, and what happens where it fails.

import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { Producer } from '../../src/index.ts'
import { loggerOf, printableLogger, silentLogger } from '../../src/runtime/logger.ts'
import { startCluster } from '../../src/testing.ts'

test('console as a logger gets no debug lines, any other logger is used as it is', () => {
  const debug = mock.method(console, 'debug', () => {})
  const warn = mock.method(console, 'warn', () => {})
  const logger = loggerOf(console)
  logger.debug('an attempt')
  logger.warn('an outage')
  assert.deepEqual([debug.mock.callCount(), warn.mock.callCount()], [0, 1])
  mock.restoreAll()
  assert.equal(loggerOf(silentLogger), silentLogger)
})

test('a logger that throws or rejects is reported once, on the console', async (context) => {
  const failure = (): never => {
    throw new Error('the disk is full')
  }
  const rejection = (): Promise<never> => Promise.reject(new Error('the disk is full'))
  for (const write of [failure, rejection]) {
    const onConsole = context.mock.method(console, 'error', () => {})
    const logger = printableLogger({ debug: write, info: write, warn: write, error: write })
    logger.debug('one')
    logger.warn('two', { topic: 't' })
    logger.error('three')
    // Rejections are handled in the microtasks of this turn.
    await null
    await null
    const lines = onConsole.mock.calls.map(({ arguments: [line] }) => line)
    assert.deepEqual(lines, [
      'millrace: The logger failed with "the disk is full" at this message: one',
    ])
    onConsole.mock.restore()
  }
})

test('a logger may throw what has no text', (context) => {
  const onConsole = context.mock.method(console, 'error', () => {})
  const write = (): never => {
    throw Object.create(null)
  }
  const logger = printableLogger({ debug: write, info: write, warn: write, error: write })
  logger.warn('one')
  const lines = onConsole.mock.calls.map(({ arguments: [line] }) => line)
  assert.deepEqual(lines, [
    'millrace: The logger failed with "a value without text" at this message: one',
  ])
})

test('a producer whose logger throws delivers its records through an outage', async (context) => {
  context.mock.method(console, 'error', () => {})
  const write = (): never => {
    throw new Error('the disk is full')
  }
  await using cluster = await startCluster({ topics: { t: 1 } })
  const logger = { debug: write, info: write, warn: write, error: write }
  const producer = new Producer({ brokers: cluster.brokers, logger })
  await producer.connect()
  await cluster.node(1).stop()
  const sent = producer.send({ topic: 't', value: 'x' })
  await cluster.node(1).start()
  assert.equal((await sent).offset, 0)
  const { delivered, failed } = await producer.close()
  assert.deepEqual({ delivered, failed }, { delivered: 1, failed: 0 })
})
