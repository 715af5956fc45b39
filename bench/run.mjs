// `npm run bench`: ours against other clients, on the project's own Kafka. Rounds are interleaved,
// each run is a process of its own and a topic of its own that is read back afterwards; figures are
// medians, ratios are medians of the ratios within a round. The broker shares the machine: compare
// within one table, not between two.
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Admin } from '../packages/millrace/dist/src/index.js'
import { runChild } from './lib/child.mjs'
import { prepareContestants } from './lib/contestants.mjs'
import { describeMachine, machineSentence, watchMachine } from './lib/machine.mjs'
import { markdownTable } from './lib/markdown.mjs'
import { repository, saveResult, stamp } from './lib/results.mjs'
import { figure, median, ratioWithinRounds, spread } from './lib/statistics.mjs'
import { defectOf, readBack } from './lib/verify.mjs'
import { defaults, quick, workloads } from './workloads.mjs'

const usage = `npm run bench -- [options]         ours against other clients, on a real Kafka
npm run bench -- scaling|profile|micro|spool [options]   other measurements

  --workload A,B    some of ${Object.keys(workloads).join(', ')}
  --only A,B        some of the contestants: millrace, millrace-send, millrace-batch,
                    millrace-layer1, millrace-spool and others, kafkajs, platformatic,
                    confluent, java
  --rounds N        interleaved rounds (default 3)
  --quick           few records, one round, ${quick.names.join(', ')}: whether everything works
  --long            the steady state: 6,000,000 records of W1, W2 and W7, 1,000,000 of W6 and
                    W6z, and of no other workload
  --records N       of every workload
  --brokers LIST    a cluster of yours instead of the project's own Kafka (makes and deletes topics)
  --kafka VERSION   release of the project's own Kafka`

const partitions = 6
const runTimeoutMs = 180_000
const coolDownMs = 300

const { values: options, positionals } = parseArgs({
  options: {
    workload: { type: 'string' },
    only: { type: 'string' },
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    long: { type: 'boolean', default: false },
    records: { type: 'string' },
    brokers: { type: 'string' },
    kafka: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
  allowPositionals: true,
  strict: !['scaling', 'profile', 'micro', 'spool'].includes(process.argv[2]),
})

/** `npm run bench -- scaling …` is another script. */
const others = {
  scaling: 'scaling.mjs',
  profile: 'profile.mjs',
  micro: 'micro/guard.mjs',
  spool: 'spool.mjs',
}

const makePlan = () => {
  const all = Object.keys(workloads).filter((name) => !options.long || workloads[name].longRecords)
  const names = options.workload?.split(',') ?? (options.quick ? quick.names : all)
  const unknown = names.find((name) => workloads[name] === undefined)
  if (unknown !== undefined) throw new Error(`there is no workload ${unknown}\n\n${usage}`)
  const rounds = Number(options.rounds ?? (options.quick ? 1 : 3))
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds is a number from 1')
  const share = options.quick ? quick.share : 1
  const plan = names.map((name) => {
    const workload = { ...defaults, ...workloads[name] }
    if (options.long && workload.longRecords === undefined) {
      throw new Error(`${name} has no long form; those with one: ${all.join(', ')}`)
    }
    const records = options.long ? workload.longRecords : workload.records * share
    return { name, ...workload, records: Number(options.records ?? records) }
  })
  return { rounds, plan, only: options.only?.split(',') ?? null }
}

/** The names of the variables are those of the harness that our contestants run in elsewhere. */
const environmentOf = (workload, topic, brokers, corpus) => ({
  BENCH_BROKERS: brokers.join(),
  BENCH_TOPIC: topic,
  BENCH_WORKLOAD: workload.name,
  BENCH_MODE: workload.mode,
  BENCH_N: String(workload.records),
  BENCH_WARMUP: String(workload.warmup),
  BENCH_SIZE: String(workload.valueBytes),
  BENCH_CORPUS: corpus[workload.valueBytes],
  BENCH_LINGER_MS: String(workload.lingerMs),
  BENCH_COMPRESSION: workload.compression,
  BENCH_IDEMPOTENT: workload.idempotent ? '1' : '0',
  BENCH_RATE: String(workload.recordsPerSecond),
})

let topicCount = 0

/** One run of one contestant; returns its report, or what was wrong as `{ failure }`. */
const runOnce = async (contestant, workload, cluster) => {
  const topic = `bench-${process.pid}-${topicCount++}`
  await cluster.admin.createTopic({ name: topic, partitions, replicationFactor: 1 })
  const busy = watchMachine()
  try {
    const report = await runChild(contestant.command, contestant.args, {
      cwd: repository,
      env: {
        ...process.env,
        ...environmentOf(workload, topic, cluster.brokers, cluster.corpus),
        ...contestant.env,
      },
      timeoutMs: runTimeoutMs,
    })
    if (report.unsupported) return { unsupported: report.note }
    const machineBusy = busy()
    if (report.errors > 0) return { failure: `${report.errors} records failed` }
    const found = await readBack(cluster.brokers, topic, workload.records, workload.warmup)
    const defect = defectOf(found)
    if (defect !== null) return { failure: defect }
    if (contestant.ours && found.outOfOrder > 0) {
      return { failure: `${found.outOfOrder} records out of order` }
    }
    return { ...report, machineBusy, outOfOrder: found.outOfOrder, batch: found.recordsPerBatch }
  } catch (error) {
    return { failure: error.message.split('\n')[0] }
  } finally {
    await cluster.deleteTopic(topic)
    await new Promise((resolve) => setTimeout(resolve, coolDownMs))
  }
}

const isRun = (outcome) => outcome.seconds !== undefined
const ratesOf = (outcomes) => outcomes.map((run) => run.records / run.seconds)

const rowOf = ({ contestant, outcomes }, first) => {
  const name = `${contestant.id} ${contestant.version}`
  const runs = outcomes.filter(isRun)
  if (runs.length === 0) {
    const { unsupported, failure } = outcomes[0]
    return [name, unsupported ?? `failed: ${failure}`, ...Array(9).fill('')]
  }
  const middle = (of) => median(runs.map(of))
  const latency = (key) =>
    runs[0][key] === undefined
      ? ''
      : figure(
          middle((run) => run[key]),
          2,
        )
  return [
    name,
    figure(middle((run) => run.records / run.seconds)),
    `±${figure(spread(ratesOf(runs)) * 100)} %`,
    figure(ratioWithinRounds(ratesOf(outcomes), ratesOf(first.outcomes)), 2),
    figure(
      middle((run) => (run.cpu_s / run.records) * 1e6),
      2,
    ),
    runs[0].main_cpu_s === undefined
      ? ''
      : figure(
          middle((run) => (run.main_cpu_s / run.records) * 1e6),
          2,
        ),
    figure(middle((run) => run.rss_mb)),
    latency('p50'),
    latency('p99'),
    figure(Math.max(...runs.map((run) => run.outOfOrder))),
    `${runs.length}/${outcomes.length}`,
  ]
}

const heads = [
  '',
  'records/s',
  'spread',
  '× first',
  'µs CPU/record',
  'of it main thread',
  'RSS MB',
  'p50 ms',
  'p99 ms',
  'out of order',
  'ok',
]

const runWorkload = async (workload, contestants, rounds, cluster) => {
  const entries = contestants
    .filter(({ notModes = [] }) => !notModes.includes(workload.mode))
    .map((contestant) => ({ contestant, outcomes: [] }))
  for (let round = 0; round < rounds; round++) {
    // Each round begins with another one, and every second round goes backwards.
    const turned = [
      ...entries.slice(round % entries.length),
      ...entries.slice(0, round % entries.length),
    ]
    for (const entry of round % 2 === 0 ? turned : turned.toReversed()) {
      const outcome = await runOnce(entry.contestant, workload, cluster)
      entry.outcomes.push(outcome)
      if (outcome.failure !== undefined) {
        console.error(`${workload.name} ${entry.contestant.id}: ${outcome.failure}`)
        if (entry.contestant.ours) process.exitCode = 1
      }
    }
  }
  const rows = entries.map((entry) => rowOf(entry, entries[0]))
  console.log(`\n${workload.name}: ${workload.title}, ${figure(workload.records)} records\n`)
  console.log(markdownTable(heads, rows))
  const busy = entries.flatMap(({ outcomes }) =>
    outcomes.filter(isRun).map((run) => run.machineBusy),
  )
  return {
    ...workload,
    machineBusy: busy.length === 0 ? null : median(busy),
    results: entries.map(({ contestant, outcomes }) => ({ id: contestant.id, outcomes })),
  }
}

/** Values that differ, and that compress as text does; the same in every run. */
const makeCorpus = (valueBytes) => {
  const words = Array.from({ length: 256 }, (_, index) => ((index * 2654435761) >>> 0).toString(36))
  const corpus = Buffer.alloc(1000 * valueBytes)
  let state = 1
  for (let at = 0; at < corpus.length; ) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    at += corpus.write(`"${words[(state >>> 16) & 255]}":${state >>> 20},`, at, 'latin1')
  }
  return corpus
}

const openCluster = async (folder) => {
  const corpus = {}
  for (const bytes of new Set(Object.values(workloads).map((one) => one.valueBytes ?? 100))) {
    corpus[bytes] = join(folder, `values-${bytes}.bin`)
    await writeFile(corpus[bytes], makeCorpus(bytes))
  }
  const fixture = await import('../packages/millrace/dist/test/kafka/fixture/index.js')
  const version = options.kafka ?? fixture.latestKafka
  const libraries = await fixture.kafkaLibs(version).catch(() => null)
  if (options.brokers) {
    const brokers = options.brokers.split(',')
    const admin = new Admin({ brokers })
    const javaAdmin = fixture.javaAdmin({ brokers })
    const deleteTopic = (topic) => javaAdmin.deleteTopic(topic).catch(() => {})
    const close = () => admin.close()
    return {
      name: 'a given cluster',
      brokers,
      admin,
      deleteTopic,
      close,
      corpus,
      libraries,
      version,
    }
  }
  console.log(`Starting Apache Kafka ${version} …`)
  const properties = { 'broker.session.timeout.ms': '60000', 'auto.create.topics.enable': 'false' }
  const settings = { version, fullSpeed: true, heapMegabytes: 1024, properties }
  const kafka = await fixture.startKafka(settings)
  const admin = new Admin({ brokers: kafka.brokers })
  return {
    name: `Kafka ${kafka.version}`,
    brokers: [...kafka.brokers],
    admin,
    deleteTopic: (topic) => kafka.admin.deleteTopic(topic).catch(() => {}),
    close: async () => {
      await admin.close()
      await kafka.close()
    },
    corpus,
    libraries,
    version,
  }
}

/** The newest broker is slow until it has seen some load: one run that is not counted. */
const warmUp = async (contestants, cluster) => {
  const [contestant] = contestants
  const workload = { ...defaults, ...workloads.W2, name: 'W2', records: 300_000 }
  const { failure } = await runOnce(contestant, workload, cluster)
  if (failure !== undefined) console.error(`warm-up: ${contestant.id}: ${failure}`)
}

const main = async () => {
  const { rounds, plan, only } = makePlan()
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  let cluster = null
  try {
    cluster = await openCluster(folder)
    const context = { libraries: cluster.libraries, kafkaVersion: cluster.version }
    const { ready, missing } = await prepareContestants(only, context)
    if (ready.length === 0) throw new Error('no contestant can run')
    await warmUp(ready, cluster)
    const machine = describeMachine()
    const workloadsRun = []
    for (const workload of plan) {
      workloadsRun.push(await runWorkload(workload, ready, rounds, cluster))
    }
    const left = missing.map(({ id, reason }) => `\nLeft out: ${id} (${reason})`).join('')
    console.log(
      `\n${rounds === 1 ? 'One round' : `${rounds} interleaved rounds`}, medians; × first is the ` +
        `ratio to ${ready[0].id} within a round. ${cluster.name}, Node ${process.version}, ` +
        `client and broker on one machine: ${machineSentence(machine)}. ` +
        `Every run was read back.${left}`,
    )
    const versions = Object.fromEntries(ready.map(({ id, version }) => [id, version]))
    const content = {
      machine,
      cluster: cluster.name,
      versions,
      missing,
      rounds,
      workloads: workloadsRun,
    }
    console.log(`Kept in ${saveResult(`bench-${stamp()}.json`, content)}`)
  } finally {
    await cluster?.close()
    await rm(folder, { recursive: true })
  }
}

if (others[positionals[0]] !== undefined) {
  const script = fileURLToPath(new URL(others[positionals[0]], import.meta.url))
  const { status } = spawnSync(process.execPath, [script, ...process.argv.slice(3)], {
    stdio: 'inherit',
  })
  process.exitCode = status ?? 1
} else if (options.help) console.log(usage)
else {
  await main().catch((error) => {
    console.error(`bench: ${error instanceof Error ? error.message : error}`)
    process.exitCode = 1
  })
}
