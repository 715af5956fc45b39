// Kafka's rules for transactions, played on the in-process cluster.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { onStage } from './in-process-cluster-kit.ts'
import { bothModes, WireProducer } from './in-process-cluster-transaction-kit.ts'
import { expectedOf } from './transaction-scenario.ts'
import { scenarios } from './transaction-scenarios.ts'

for (const scenario of scenarios) {
  for (const mode of bothModes) {
    if (scenario.mode !== undefined && scenario.mode !== mode) continue
    test(`mode ${mode}: ${scenario.name}`, () =>
      onStage({ topics: { orders: 2 } }, async (stage) => {
        const producer = (id = 'tx') => new WireProducer(stage, mode, { id })
        const outcome = await scenario.run({ wire: stage, mode, topic: 'orders', producer })
        assert.deepEqual(outcome, expectedOf(scenario, mode))
      }))
  }
}
