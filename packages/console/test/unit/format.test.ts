import assert from 'node:assert/strict'
import { test } from 'node:test'
import { counted, formatAgo, formatBytes, formatMs, formatRate } from '../../src/format.ts'

test('numbers have units and three significant digits', () => {
  assert.deepEqual([0, 0.034, 4.21, 42.5, 999.6, 9_999, 12_000].map(formatMs), [
    '0 ms',
    '0.03 ms',
    '4.2 ms',
    '42.5 ms',
    '1,000 ms',
    '9,999 ms',
    '12.0 s',
  ])
  assert.deepEqual([0, 999, 1000, 12_345_678, 5e12, 7e15].map(formatBytes), [
    '0 B',
    '999 B',
    '1.0 kB',
    '12.3 MB',
    '5.0 TB',
    '7,000 TB',
  ])
  assert.deepEqual([0, 0.44, 9.96, 12_400.4].map(formatRate), ['0', '0.4', '10.0', '12,400'])
  assert.deepEqual(
    [0, 1, 2].map((count) => counted(count, 'record')),
    ['0 records', '1 record', '2 records'],
  )
})

test('relative times are now, seconds, minutes, hours', () => {
  const ago = [0, 2400, 12_000, 60_000, 3_599_000, 7_300_000].map(formatAgo)
  assert.deepEqual(ago, ['now', 'now', '12 s ago', '1 min ago', '59 min ago', '2 h ago'])
})
