import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { correlationIdMax, InFlightTable } from '../../src/net/in-flight-table.ts'

describe('the in-flight table', () => {
  it('settles in the order of writing, and only by the id of the oldest', () => {
    const table = new InFlightTable<string>()
    const first = table.add('first', true, 10)
    const second = table.add('second', true, 20)
    assert.equal(table.answer(second.correlationId), undefined)
    assert.equal(table.size, 2)
    assert.equal(table.answer(first.correlationId)?.request, 'first')
    assert.equal(table.answer(first.correlationId), undefined)
    assert.equal(table.answer(second.correlationId)?.request, 'second')
    assert.equal(table.size, 0)
  })

  it('goes on at 0 after the largest correlation id', () => {
    const table = new InFlightTable<string>(correlationIdMax - 1)
    const ids = ['a', 'b', 'c'].map((name) => table.add(name, true, 1).correlationId)
    assert.deepEqual(ids, [2 ** 31 - 2, 2 ** 31 - 1, 0])
    assert.deepEqual(
      ids.map((id) => table.answer(id)?.request),
      ['a', 'b', 'c'],
    )
  })

  it('keeps requests without an answer apart, but not their deadlines', () => {
    const table = new InFlightTable<string>()
    table.add('no answer', false, 10)
    const answered = table.add('answer', true, 20)
    table.add('no answer either', false, 30)
    assert.equal(table.oldest?.request, 'no answer')
    assert.equal(table.awaited, answered)
    assert.equal(table.flush()?.request, 'no answer')
    assert.equal(table.oldest?.request, 'answer')
    assert.equal(table.drop()?.request, 'answer')
    assert.equal(table.drop()?.request, 'no answer either')
    assert.equal(table.drop(), undefined)
    assert.equal(table.flush(), undefined)
  })

  it('keeps its order over many requests with some always in flight', () => {
    const table = new InFlightTable<number>()
    let settled = 0
    for (let index = 0; index < 10_000; index++) {
      table.add(index, true, index)
      if (index % 3 !== 0) assert.equal(table.answer(settled)?.request, settled++)
    }
    while (table.size > 0) assert.equal(table.drop()?.request, settled++)
    assert.equal(settled, 10_000)
  })
})
