// The callers of spooled records by record id.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DeliveredRecord, Settle } from '../../src/engine/record.ts'
import { SpooledResults } from '../../src/producer/spooling/spooled-results.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'

const stage = () => {
  const thrown: unknown[] = []
  const results = new SpooledResults((error) => thrown.push(error))
  const calls: string[] = []
  const caller = (name: string): Settle => ({
    heldBytes: 0,
    settled: (tag, error) => calls.push(`${name} ${tag} ${error?.code ?? 'delivered'}`),
  })
  return { results, calls, caller, thrown }
}

const delivered = {} as DeliveredRecord
const error = new KafkaError('CLOSED', 'closed')

describe('results of spooled records', () => {
  it('reach the caller of the record once, with its tag', () => {
    const { results, calls, caller } = stage()
    results.add(7, caller('a'), 70)
    results.add(8, caller('b'), 80)
    results.settled(8, null, delivered)
    results.settled(8, null, delivered)
    results.settled(9, null, delivered)
    assert.deepEqual(calls, ['b 80 delivered'])
    assert.equal(results.size, 1)
    assert.equal(results.settleOf(7), results)
    assert.equal(results.settleOf(8), null)
  })

  it('do not mix the records of one piece with those of another that reuses it', () => {
    const { results, calls, caller } = stage()
    for (let round = 0; round < 10; round++) {
      for (let id = 0; id < 100; id++) results.add(1000 * round + id, caller(`${round}`), id)
      assert.equal(results.size, 100)
      for (let id = 99; id >= 0; id--) results.settled(1000 * round + id, null, delivered)
      assert.equal(results.size, 0)
    }
    const expected = Array.from({ length: 1000 }, (_, index) => {
      return `${Math.floor(index / 100)} ${99 - (index % 100)} delivered`
    })
    assert.deepEqual(calls, expected)
  })

  it('fail all at once, in the order of the records, also where a callback throws', () => {
    const { results, calls, caller, thrown } = stage()
    results.add(1, caller('a'), 1)
    results.add(2, () => assert.fail('of the caller'), 2)
    results.add(400, caller('b'), 3)
    results.addRecovered(5, caller('c'))
    results.failAll(error)
    assert.deepEqual(calls, ['a 1 CLOSED', 'c 0 CLOSED', 'b 3 CLOSED'])
    assert.equal(thrown.length, 1)
    assert.equal(results.size, 0)
  })

  it('of an earlier process can be left to the next one', () => {
    const { results, calls, caller } = stage()
    results.addRecovered(5, caller('a'))
    results.add(6, caller('b'), 6)
    results.leave()
    results.failAll(error)
    assert.deepEqual(calls, ['b 6 CLOSED'])
  })
})
