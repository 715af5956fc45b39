// docs/telemetry.md names every number and every event, as the code has them.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  brokerMetricTable,
  type DiagnosticEvents,
  type DiagnosticTraces,
  type MetricRow,
  metricTable,
  topicMetricTable,
  transactionMetricTable,
} from '../../src/index.ts'
import { docsPath } from './doc-programs.ts'

const page = readFileSync(join(docsPath, 'telemetry.md'), 'utf8')

/** Every channel: one that is missing here, or too many, does not compile. */
const channels: Record<keyof DiagnosticEvents | keyof DiagnosticTraces, true> = {
  'millrace:send': true,
  'millrace:transaction': true,
  'millrace:request': true,
  'millrace:producer.created': true,
  'millrace:producer.closed': true,
  'millrace:connection.opened': true,
  'millrace:connection.closed': true,
  'millrace:connection.failed': true,
  'millrace:metadata.refreshed': true,
  'millrace:response.received': true,
  'millrace:response.timedOut': true,
  'millrace:request.sent': true,
  'millrace:request.completed': true,
  'millrace:request.failed': true,
  'millrace:batch.settled': true,
  'millrace:record.failed': true,
  'millrace:transaction.begun': true,
  'millrace:transaction.committed': true,
  'millrace:transaction.aborted': true,
  'millrace:transaction.failed': true,
}

test('the tables of the page are what the metric tables say', () => {
  const tables = [metricTable, brokerMetricTable, topicMetricTable, transactionMetricTable]
  for (const table of tables) {
    const rows = Object.entries<MetricRow>(table).map(([name, { kind, unit, java, doc }]) => {
      const theirs = java === null ? '' : `\`${java}\``
      return `| \`${name}\` | ${kind} | \`${unit}\` | ${theirs} | ${doc} |`
    })
    for (const row of rows) assert.ok(page.includes(`${row}\n`), `the page lacks: ${row}`)
  }
})

test('the page lists every channel, and no other', () => {
  const listed = [...page.matchAll(/^\| `(millrace:[\w.]+)` \|/gm)].map(([, name]) => name)
  assert.deepEqual(listed.sort(), Object.keys(channels).sort())
})
