import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startProgress } from '../../src/progress.ts'
import { FakeTerminal } from '../support/fake-terminal.ts'

test('in a pipe, a step is one line at its end, however often it is stopped', () => {
  const terminal = new FakeTerminal(false)
  const progress = startProgress(terminal, 'send', 2000)
  progress.done = 1500
  assert.equal(terminal.outputText, '')
  progress.stop()
  progress.stop()
  assert.match(terminal.outputText, /^send +1,500 of 2,000 records in \d+\.\d s\n$/)
})

test('on a screen, a step is a bar that ends where the count ended', () => {
  const terminal = new FakeTerminal(true)
  Object.assign(terminal.output, { isTTY: true, columns: 120 })
  const progress = startProgress(terminal, 'send', 2000)
  progress.done = 2000
  progress.stop()
  progress.stop()
  assert.match(terminal.outputText, /send +█+ +100%.*2,000\/2,000/)
  assert.match(terminal.outputText, /\n$/)
})
