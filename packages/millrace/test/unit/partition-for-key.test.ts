// partitionForKey says where a key goes without a producer: against what the original libraries
// returned.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { partitionForKey } from '../../src/index.ts'
import { goldenFile } from '../golden/golden-file.ts'

const names = ['java', 'consistent_random', 'fnv1a', 'kafkajs_legacy'] as const

const vectors = JSON.parse(readFileSync(goldenFile('partitioner-vectors.json'), 'utf8')) as {
  counts: number[]
  keys: ({ key: string } & Record<(typeof names)[number], number[] | null>)[]
}

test('every key goes where its client puts it', () => {
  let compared = 0
  for (const name of names) {
    for (const row of vectors.keys) {
      if (row[name] === null) continue
      const key = Buffer.from(row.key, 'hex')
      const places = vectors.counts.map((count) => partitionForKey(key, count, name))
      assert.deepEqual(places, row[name], `${name} of ${row.key}`)
      compared++
    }
  }
  assert.ok(compared > 200)
  assert.equal(partitionForKey('a', 1000), partitionForKey(Buffer.from('a'), 1000, 'java'))
})

test('invalid options are named', () => {
  const code = 'INVALID_ARGUMENT'
  assert.throws(() => partitionForKey(7 as never, 3), { code, message: /key/ })
  assert.throws(() => partitionForKey('a', 0), {
    code,
    message: 'partitionCount must be a whole number from 1, got 0',
  })
  assert.throws(() => partitionForKey('a', 3, 'sticky' as never), { code, message: /sticky/ })
})
