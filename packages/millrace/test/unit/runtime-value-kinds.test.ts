// Errors and promises of another JavaScript context, as Node's own are in a test of Jest; values
// whose getters throw.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runInNewContext } from 'node:vm'
import {
  describeValue,
  fieldsOf,
  isError,
  isPromise,
  messageOf,
  textOf,
} from '../../src/runtime/value-kinds.ts'
import { unreadableValues } from './unreadable-values.ts'

describe('a value of another context', () => {
  it('is an error where it was made as one', () => {
    const foreign: unknown = runInNewContext("new TypeError('refused')")
    assert.ok(!(foreign instanceof Error))
    assert.ok(isError(foreign) && isError(new RangeError('x')))
    assert.ok(![undefined, null, 'refused', { message: 'refused' }].some(isError))
  })

  it('is a promise where it can be awaited and caught', () => {
    const foreign: unknown = runInNewContext('Promise.resolve(1)')
    assert.ok(!(foreign instanceof Promise))
    assert.ok(isPromise(foreign) && isPromise(Promise.resolve()))
    assert.ok(![undefined, null, 'x', {}, []].some(isPromise))
  })
})

describe('a value that cannot be read', () => {
  for (const [name, value] of Object.entries(unreadableValues())) {
    it(`has a text, a message and no promise: ${name}`, () => {
      for (const text of [textOf(value), messageOf(value), describeValue(value)]) {
        assert.equal(typeof text, 'string')
        assert.notEqual(text, '')
      }
      if (typeof value === 'object' && value !== null)
        assert.equal(typeof fieldsOf(value), 'string')
      assert.equal(typeof isError(value), 'boolean')
      assert.equal(isPromise(value), false)
    })
  }
})
