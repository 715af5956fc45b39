// `npm run bench:profile`: where a record's time and memory go, per workload. Runs one of our
// contestants under a CPU profile or an allocation profile of the load alone (not of the start and
// the warm-up) and sums it up by function. Profiles stay in bench/results, for Chrome's DevTools.
import { mkdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { runChild } from './lib/child.mjs'
import { markdownTable } from './lib/markdown.mjs'
import { startPeer } from './lib/peer.mjs'
import { summarizeCpu, summarizeHeap } from './lib/profile-summary.mjs'
import { resultsFolder } from './lib/results.mjs'
import { figure } from './lib/statistics.mjs'
import { defaults, workloads } from './workloads.mjs'

const usage = `npm run bench:profile -- [options]

  --workload A,B    some of ${Object.keys(workloads).join(', ')} (default W2,W6z)
  --only NAME       the contestant: millrace (default), millrace-send, millrace-batch
  --kind KIND       cpu, heap, or both (default)
  --rows N          rows of each table (default 15)
  --peer KIND       kafka (default), or cluster: the in-process one in another process`

const childTimeoutMs = 180_000
const partitions = 6

const { values: options } = parseArgs({
  options: {
    workload: { type: 'string', default: 'W2,W6z' },
    only: { type: 'string', default: 'millrace' },
    kind: { type: 'string', default: 'both' },
    rows: { type: 'string', default: '15' },
    peer: { type: 'string', default: 'kafka' },
    help: { type: 'boolean', default: false },
  },
})

const kinds = {
  cpu: { summarize: summarizeCpu, ending: 'cpuprofile', unit: 'ns/record' },
  heap: { summarize: summarizeHeap, ending: 'heapprofile', unit: 'B/record' },
}

const profileOnce = async (name, kind, peer, corpusFolder) => {
  const workload = { ...defaults, ...workloads[name] }
  const [topic] = await peer.makeTopics(partitions)
  const corpus = join(corpusFolder, `${workload.valueBytes}.bin`)
  await writeFile(corpus, Buffer.alloc(100 * workload.valueBytes, '{"name":"value"},'))
  const { summarize, ending, unit } = kinds[kind]
  const path = join(resultsFolder, `${options.only}-${name}.${ending}`)
  const script = fileURLToPath(new URL(`contestants/${options.only}.mjs`, import.meta.url))
  const report = await runChild(process.execPath, [script], {
    timeoutMs: childTimeoutMs,
    env: {
      ...process.env,
      BENCH_BROKERS: peer.brokers.join(),
      BENCH_TOPIC: topic,
      BENCH_MODE: workload.mode,
      BENCH_N: String(workload.records),
      BENCH_WARMUP: String(workload.warmup),
      BENCH_SIZE: String(workload.valueBytes),
      BENCH_CORPUS: corpus,
      BENCH_COMPRESSION: workload.compression,
      BENCH_IDEMPOTENT: workload.idempotent ? '1' : '0',
      BENCH_RATE: String(workload.recordsPerSecond),
      BENCH_PROFILE: path,
      BENCH_PROFILE_KIND: kind,
    },
  })
  const { total, rows } = summarize(JSON.parse(readFileSync(path, 'utf8')))
  // A profile has wall-clock times, including time of other processes: only its shares are used.
  const whole = kind === 'cpu' ? report.cpu_s * 1e9 : total
  const perRecord = (share) => figure((share * whole) / workload.records, kind === 'cpu' ? 0 : 1)
  const cells = rows
    .slice(0, Number(options.rows))
    .map((row) => [row.name, `${figure(row.share * 100, 1)} %`, perRecord(row.share)])
  const what =
    kind === 'cpu'
      ? 'processor time, all threads, by the shares of the main one'
      : 'bytes allocated'
  console.log(`\n${name} (${workload.title}), ${options.only}, ${what}: ${perRecord(1)} ${unit}`)
  const rate = figure(workload.records / report.seconds)
  console.log(`under the profiler ${rate} records/s, Node ${report.node}, ${peer.name}\n`)
  console.log(markdownTable(['function', 'share', unit], cells))
}

const main = async () => {
  if (options.help) {
    console.log(usage)
    return
  }
  const names = options.workload.split(',')
  const unknown = names.find((name) => workloads[name] === undefined)
  if (unknown !== undefined) throw new Error(`there is no workload ${unknown}\n\n${usage}`)
  const wanted = options.kind === 'both' ? Object.keys(kinds) : [options.kind]
  if (!wanted.every((kind) => kinds[kind] !== undefined)) throw new Error(usage)
  mkdirSync(resultsFolder, { recursive: true })
  const folder = await mkdtemp(join(tmpdir(), 'millrace-profile-'))
  const peer = await startPeer(options.peer)
  try {
    for (const name of names) {
      for (const kind of wanted) await profileOnce(name, kind, peer, folder)
    }
  } finally {
    await peer.close()
    await rm(folder, { recursive: true })
  }
}

await main().catch((error) => {
  console.error(`bench: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
})
