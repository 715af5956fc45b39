// Damaged responses of each API that a producer uses, through the whole of a running producer, as
// client-fuzz.ts describes: a response takes a bounded time, calls fail with typed errors only,
// memory stays, and a good cluster is used normally again and again. MILLRACE_SEED and
// MILLRACE_HOSTILE_CASES choose another seed and number of responses per API.

import { once } from 'node:events'
import { describe, it } from 'node:test'
import { Worker } from 'node:worker_threads'
import type { FuzzOutcome, FuzzPlan } from './client-fuzz.ts'

const seed = Number(process.env.MILLRACE_SEED ?? 20_260_901)
/** By default a short form: `npm run fuzz` runs 100,000 per API. */
const cases = Number(process.env.MILLRACE_HOSTILE_CASES ?? 60)

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const thread = new URL(`./client-fuzz-thread.${extension}`, import.meta.url)

const run = async (plan: FuzzPlan): Promise<FuzzOutcome> => {
  const worker = new Worker(thread, { workerData: plan })
  const [outcome] = (await once(worker, 'message')) as [FuzzOutcome]
  return outcome
}

const apis = [
  'ApiVersions',
  'SaslHandshake',
  'SaslAuthenticate',
  'Metadata',
  'Produce',
  'InitProducerId',
  'GetTelemetrySubscriptions',
  'PushTelemetry',
]
const transactionalApis = [
  'Produce',
  'InitProducerId',
  'FindCoordinator',
  'AddPartitionsToTxn',
  'AddOffsetsToTxn',
  'TxnOffsetCommit',
  'EndTxn',
]

const summary = ({ damaged, growthBytes, slowestMs, cpuSeconds }: FuzzOutcome): string => {
  const eachMs = ((cpuSeconds / damaged) * 1e3).toFixed(2)
  const mebibytes = (growthBytes / 2 ** 20).toFixed(1)
  const slowest = slowestMs.toFixed(0)
  return `${damaged} responses, ${eachMs} ms each, slowest ${slowest} ms, ${mebibytes} MiB more`
}

describe(`${cases} damaged responses of each API, through a running producer`, {
  concurrency: 2,
}, () => {
  for (const api of apis) {
    it(api, async (context) => context.diagnostic(summary(await run({ api, cases, seed }))))
  }
  for (const api of transactionalApis) {
    it(`${api} of a transactional producer`, async (context) => {
      context.diagnostic(summary(await run({ api, isTransactional: true, cases, seed })))
    })
  }
})
