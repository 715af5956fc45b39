// The logger of an option: as it is, but for the console.

import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { loggerOf, silentLogger } from '../../src/runtime/logger.ts'

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
