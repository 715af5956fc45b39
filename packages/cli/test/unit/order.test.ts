import assert from 'node:assert/strict'
import { test } from 'node:test'
import { orderKey, orderValue } from '../../src/first-run/order.ts'

test('an order is the same whenever it is made', () => {
  for (const number of [0, 1, 42, 199_999, 999_999]) {
    assert.equal(orderValue(number), orderValue(number))
    assert.equal(JSON.parse(orderValue(number)).customer.id, orderKey(number))
  }
})

test('orders differ from each other and their sums are right', () => {
  const values = Array.from({ length: 1000 }, (_, number) => orderValue(number))
  assert.equal(new Set(values).size, 1000)
  for (const [number, value] of values.entries()) {
    const { order, items, total } = JSON.parse(value)
    assert.equal(order, number)
    let cents = 0
    for (const { price, quantity } of items) cents += Math.round(price * 100) * quantity
    assert.equal(Math.round(total * 100), cents)
  }
})

test('customers come up about equally often', () => {
  const counts = new Map<string, number>()
  for (let number = 0; number < 100_000; number++) {
    const key = orderKey(number)
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  assert.ok(counts.size > 4900, `${counts.size} customers`)
  assert.ok(Math.max(...counts.values()) < 60, 'one customer has too many orders')
})
