// Many topics that are used once each cost the same at the end as at the beginning. The long form:
// `npm run soak -- --topics 100000`.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { topicsPlan, topicsProblems } from './topics-plan.ts'
import { runTopics } from './topics-run.ts'

test('12,500 topics, each used once, take no more memory and requests in the end', async (t) => {
  const plan = topicsPlan({ topics: 12_500, partTopics: 2500, waveTopics: 250 })
  const report = await runTopics(plan)
  t.diagnostic(JSON.stringify(report.parts))
  assert.deepEqual(topicsProblems(report, false), [])
})

test('topics that are kept, and requests that become more, are noticed', () => {
  const parts = Array.from({ length: 8 }, (_, index) => ({
    memoryBytes: 10_000_000 + index * 1_000_000,
    metadataRequests: 25 + index * 10,
    cpuMs: 100 + index * 50,
  }))
  const problems = topicsProblems({ parts, failed: 0 }, true)
  assert.equal(problems.length, 3, problems.join('; '))
})
