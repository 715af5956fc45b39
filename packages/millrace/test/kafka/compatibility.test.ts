// The short form of `npm run compatibility`: the oldest broker that runs here, and two clusters
// that others wrote for tests of their clients. All checks, with few records.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { apacheKafka } from './compatibility/apache-kafka.ts'
import { checkBroker, hasFailed, shortSizes, tableOf } from './compatibility/index.ts'
import { kfake } from './compatibility/kfake.ts'
import { librdkafkaMock } from './compatibility/librdkafka-mock.ts'

for (const kind of [apacheKafka('2.1.1'), kfake, librdkafkaMock]) {
  it(`foreign clients read from ${kind.name} what our producer wrote`, async (context) => {
    const missing = await kind.missing()
    if (missing !== null) {
      context.skip(missing)
      return
    }
    const row = await checkBroker(kind, shortSizes)
    assert.ok(!hasFailed(row), `\n${row.startError ?? tableOf([row])}`)
  })
}
