import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { correlationIdMax, InFlightTable } from '../../src/net/in-flight-table.ts'

describe('the in-flight table', () => {
  it('settles in the order of writing, and only by the id of the oldest', () => {
    const table = new InFlightTable<string>()
    const first = table.add('first', true, 10)
    const second = table.add('second', true, 20)
    assert.equal(table.settle(second.correlationId), undefined)
    assert.equal(table.size, 2)
    assert.equal(table.settle(first.correlationId)?.request, 'first')
    assert.equal(table.settle(first.correlationId), undefined)
    assert.equal(table.settle(second.correlationId)?.request, 'second')
    assert.equal(table.size, 0)
  })

  it('goes on at 0 after the largest correlation id', () => {
    const table = new InFlightTable<string>(correlationIdMax - 1)
    const ids = ['a', 'b', 'c'].map((name) => table.add(name, true, 1).correlationId)
    assert.deepEqual(ids, [2 ** 31 - 2, 2 ** 31 - 1, 0])
    assert.deepEqual(
      ids.map((id) => table.settle(id)?.request),
      ['a', 'b', 'c'],
    )
  })

  it('keeps requests without a response apart, but not their deadlines', () => {
    const table = new InFlightTable<string>()
    table.add('no response', false, 10)
    const responded = table.add('response', true, 20)
    table.add('no response either', false, 30)
    assert.equal(table.oldest?.request, 'no response')
    assert.equal(table.awaited, responded)
    assert.equal(table.flush()?.request, 'no response')
    assert.equal(table.oldest?.request, 'response')
    assert.equal(table.drop()?.request, 'response')
    assert.equal(table.drop()?.request, 'no response either')
    assert.equal(table.drop(), undefined)
    assert.equal(table.flush(), undefined)
  })

  it('keeps its order over many requests with some always in flight', () => {
    const table = new InFlightTable<number>()
    let settled = 0
    for (let index = 0; index < 10_000; index++) {
      table.add(index, true, index)
      if (index % 3 !== 0) assert.equal(table.settle(settled)?.request, settled++)
    }
    while (table.size > 0) assert.equal(table.drop()?.request, settled++)
    assert.equal(settled, 10_000)
  })
})
