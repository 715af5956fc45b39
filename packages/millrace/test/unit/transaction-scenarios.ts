// What Kafka returns to a transactional producer, case by case: each scenario is played by hand on
// the wire and says what must come back. unit/broker-transaction-rules.test.ts plays them on our
// cluster, kafka/in-process-cluster-transactions.test.ts the same ones on real brokers: what is
// expected here is not ours to choose. Each has a topic of two partitions, a transactional id and a
// group of its own.

import type { Scenario } from './transaction-scenario.ts'
import { coordinatorScenarios } from './transaction-scenarios-coordinator.ts'
import { logScenarios } from './transaction-scenarios-log.ts'

export const scenarios: readonly Scenario[] = [...coordinatorScenarios, ...logScenarios]
