// Nodes of a real Kafka are killed, frozen and restarted under load: nothing is lost, doubled or
// out of order, and no rejection reaches the process. The long form is `npm run chaos`, which sets
// MILLRACE_CHAOS=long.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { longChaos, runChaos, shortChaos } from './chaos-run.ts'
import { addToSummary } from './chaos-summary.ts'

const isLong = process.env.MILLRACE_CHAOS === 'long'
const plan = isLong ? longChaos : shortChaos

test('kill -9, SIGSTOP, restarts: nothing lost, doubled or out of order', async (context) => {
  const { report, exitCode, findings } = await runChaos(plan, (sentence) =>
    context.diagnostic(sentence),
  )
  context.diagnostic(JSON.stringify({ ...report, ...findings }))
  const { delivered, sent, unsettled, failed, surprises, resources } = report
  const longestMs = Math.max(0, ...report.silences.map(({ lastedMs }) => lastedMs))
  addToSummary(
    `faults: ${sent} records in ${Math.round(report.ranMs / 1000)} s: ${delivered} delivered, ` +
      `${failed} failed; in the log ${findings.read}: ${findings.lost} lost, ` +
      `${findings.doubled} doubled, ${findings.outOfOrder} out of order; ` +
      `${report.retries} retries, ${report.connectionsOpened} connections, ` +
      `${report.metadataRequests} metadata requests, silent for ${Math.round(longestMs)} ms`,
  )
  assert.deepEqual(surprises, [], 'nothing reached the process')
  assert.equal(exitCode, 0)
  assert.deepEqual(resources, [], 'nothing is left open after close')
  assert.equal(unsettled, 0, 'every promise is settled')
  assert.equal(failed, 0, JSON.stringify(report.codes))
  assert.equal(delivered, sent)
  assert.deepEqual(findings, {
    read: sent,
    lost: 0,
    doubled: 0,
    outOfOrder: 0,
    misplaced: 0,
    denied: 0,
    maybe: 0,
    maybeWritten: 0,
  })
  // The long form also shows that the load was what its summary says; a busy machine sends less.
  const perSecond = (sent / report.ranMs) * 1000
  const least = isLong ? plan.recordsPerSecond * 0.9 : 0
  assert.ok(perSecond > least, `${Math.round(perSecond)} records/s`)
})
