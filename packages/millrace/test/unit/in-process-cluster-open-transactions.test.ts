// What a log knows of transactions, on the table alone.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OpenTransactions } from '../../src/in-process-cluster/open-transactions.ts'

test('the last stable offset is the first of the oldest open transaction, or the end', () => {
  const transactions = new OpenTransactions()
  assert.equal(transactions.lastStableOffset(7), 7)
  transactions.begin(1, 7)
  transactions.begin(2, 9)
  assert.equal(transactions.lastStableOffset(12), 7)
  transactions.end(1, 12, true)
  assert.equal(transactions.lastStableOffset(13), 9)
  transactions.end(2, 13, false)
  assert.equal(transactions.lastStableOffset(14), 14)
  assert.deepEqual(transactions.abortedIn(0, 14), [
    { producerId: 2, firstOffset: 9, lastOffset: 13 },
  ])
})

test('only aborted transactions that overlap what is read are listed', () => {
  const transactions = new OpenTransactions()
  transactions.begin(1, 10)
  transactions.end(1, 20, false)
  const isListed = (start: number, end: number): boolean =>
    transactions.abortedIn(start, end).length > 0
  assert.deepEqual([isListed(0, 10), isListed(0, 11)], [false, true])
  assert.deepEqual([isListed(20, 30), isListed(21, 30)], [true, false])
})

test('what was aborted before the start of the log is forgotten', () => {
  const transactions = new OpenTransactions()
  for (const [producerId, first] of [
    [1, 0],
    [2, 10],
  ] as const) {
    transactions.begin(producerId, first)
    transactions.end(producerId, first + 5, false)
  }
  transactions.forgetBefore(5)
  assert.equal(transactions.abortedIn(0, 100).length, 2)
  transactions.forgetBefore(6)
  assert.deepEqual(
    transactions.abortedIn(0, 100).map(({ producerId }) => producerId),
    [2],
  )
})

test('a marker for a producer that wrote nothing changes nothing', () => {
  const transactions = new OpenTransactions()
  transactions.end(1, 5, false)
  assert.deepEqual(transactions.abortedIn(0, 100), [])
})
