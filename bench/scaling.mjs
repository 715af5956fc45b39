// `npm run bench:scaling`: how the client's cost grows with partitions, brokers, record size,
// topics and producers, and what it costs at rest, when full, and at the start. The peer is the
// project's own Kafka, or the in-process cluster in another process. Each load runs in a process of
// its own; variants are interleaved over the rounds, and figures are medians.
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { runChild } from './lib/child.mjs'
import { describeMachine, machineSentence, watchMachine } from './lib/machine.mjs'
import { markdownTable } from './lib/markdown.mjs'
import { startPeer } from './lib/peer.mjs'
import { summarizeCpu } from './lib/profile-summary.mjs'
import { resultsFolder, saveResult, stamp } from './lib/results.mjs'
import { median } from './lib/statistics.mjs'
import { sections } from './scaling/sections.mjs'

const usage = `npm run bench:scaling -- [options]

  --only A,B        some of: ${Object.keys(sections).join(', ')}
  --peer kafka      the project's own Kafka (default; needs Java), or cluster: the in-process one
  --rounds N        rounds of each section, interleaved (default 1)
  --seconds S       measured seconds of each load (default 3)
  --profile         also a CPU profile per load, under bench/results, and where its time went`

const profileRows = 15
const childTimeoutMs = 180_000

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: Object.keys(sections).join() },
    peer: { type: 'string', default: 'kafka' },
    rounds: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '3' },
    profile: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const script = (name) => fileURLToPath(new URL(`scaling/${name}.mjs`, import.meta.url))

/** One child; a failure is printed and kept, and the others continue. */
const runVariant = async (section, variant, peer, round) => {
  const task = {
    brokers: peer.brokers,
    topics: variant.names,
    measuredMs: Number(options.seconds) * 1000,
    ...variant.task,
  }
  if (options.profile && section.script === 'load' && round === 0) {
    mkdirSync(resultsFolder, { recursive: true })
    const name = variant.title.replaceAll(/[^\w]+/g, '-')
    task.profile = join(resultsFolder, `scaling-${section.name}-${name}.cpuprofile`)
  }
  const args = ['--expose-gc', script(section.script), JSON.stringify(task)]
  try {
    const report = await runChild(process.execPath, args, { timeoutMs: childTimeoutMs })
    if (task.profile) variant.profile = task.profile
    return report
  } catch (error) {
    console.error(`${section.name}, ${variant.title}: ${error.message}`)
    process.exitCode = 1
    return null
  }
}

/** Medians of all figures over the rounds. */
const middle = (reports) => {
  const entries = Object.keys(reports[0]).map((key) => {
    const values = reports.map((report) => report[key])
    return [key, values.every(Number.isFinite) ? median(values) : values[0]]
  })
  return Object.fromEntries(entries)
}

const printProfile = ({ title, profile }) => {
  if (profile === undefined || !existsSync(profile)) return
  const { total, rows } = summarizeCpu(JSON.parse(readFileSync(profile, 'utf8')))
  console.log(`\nCPU profile, ${title}: ${total.toFixed(0)} ms not idle`)
  for (const { share, value, name } of rows.slice(0, profileRows)) {
    console.log(
      `${(share * 100).toFixed(1).padStart(6)} % ${value.toFixed(0).padStart(7)} ms  ${name}`,
    )
  }
}

const runSection = async (name, section, peers) => {
  const variants = section.variants.map((variant) => ({ ...variant, reports: [] }))
  for (const variant of variants) {
    variant.peer = await peers.of(variant.nodes ?? 1)
    variant.names = []
    for (let count = 0; count < (variant.topicCount ?? 1); count++) {
      variant.names.push(...(await variant.peer.makeTopics(variant.partitions, section.config)))
    }
  }
  const isBusy = watchMachine()
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const variant of round % 2 === 0 ? variants : variants.toReversed()) {
      const report = await runVariant({ ...section, name }, variant, variant.peer, round)
      if (report !== null) variant.reports.push(report)
    }
  }
  const results = variants
    .filter(({ reports }) => reports.length > 0)
    .map(({ title, reports }) => ({ title, ...middle(reports) }))
  const cells = results.map((result) => [
    result.title,
    ...section.columns.map(({ of }) => of(result, results[0])),
  ])
  console.log(`\n## ${section.title}\n`)
  console.log(markdownTable(['', ...section.columns.map(({ head }) => head)], cells))
  if (section.note) console.log(`\n${section.note}`)
  for (const variant of variants) printProfile(variant)
  return { name, title: section.title, machineBusy: isBusy(), variants: results }
}

/** Peers by their count of nodes, each started when it is first needed; one at a time runs. */
const peerStore = () => {
  const started = new Map()
  const closeAll = async () => {
    for (const peer of started.values()) await peer.close()
    started.clear()
  }
  const of = async (nodes) => {
    if (!started.has(nodes)) started.set(nodes, await startPeer(options.peer, nodes))
    return started.get(nodes)
  }
  return { of, closeAll }
}

const main = async () => {
  if (options.help) {
    console.log(usage)
    return
  }
  const names = options.only.split(',')
  const unknown = names.find((name) => sections[name] === undefined)
  if (unknown !== undefined) throw new Error(`there is no section ${unknown}\n\n${usage}`)
  if (!['kafka', 'cluster'].includes(options.peer)) throw new Error(usage)
  const peers = peerStore()
  const machine = describeMachine()
  const results = []
  try {
    const { name: peerName } = await peers.of(1)
    console.log(`Peer: ${peerName}; Node ${process.version}; ${machineSentence(machine)}`)
    for (const name of names) {
      results.push(await runSection(name, sections[name], peers))
      // Ten thousand partitions of one section must not slow the next one down.
      await peers.closeAll()
    }
    const path = saveResult(`scaling-${stamp()}.json`, {
      machine,
      peer: peerName,
      options,
      results,
    })
    console.log(`\nKept in ${path}`)
  } finally {
    await peers.closeAll()
  }
}

await main().catch((error) => {
  console.error(`bench: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
})
