// `npm run bench:micro`: whether pieces of the hot path still cost what they cost when the baseline
// was taken, as ratios to reference loops. Each measurement is a process of its own, for a process
// keeps what its compiler decided. A case passes as soon as two processes are within the limit, and
// fails when no more than one of seven was: one bad moment, or one unlucky compilation, is no
// alarm.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { runChild } from '../lib/child.mjs'
import { describeMachine } from '../lib/machine.mjs'
import { markdownTable } from '../lib/markdown.mjs'
import { figure, median, quantile, spread } from '../lib/statistics.mjs'

const usage = `npm run bench:micro -- [options]

  --update          measures this Node's major version anew and writes the baseline
  --attempts N      processes of each case for --update (default 9)
  --cases A,B       some of encode, partition, settle, decode
  --baseline FILE   another baseline than bench/micro/baseline.json
  --import FILE     a module that each measurement loads first`

const caseNames = ['encode', 'partition', 'settle', 'decode']
/** A regression above this fails, on the processor and the major version of the baseline. */
const tolerance = 0.15
/** Another processor does the same work in other proportions. */
const toleranceOfOtherProcessor = 0.35
/** Another major version compiles the case and the reference differently. */
const toleranceOfOtherMajor = 0.6
const attemptsMax = 7
const passesNeeded = 2
/** What disturbs a measurement adds to it: the baseline is in the lower third of its runs. */
const baselinePlace = 0.3
const childTimeoutMs = 200_000

const { values: options } = parseArgs({
  options: {
    update: { type: 'boolean', default: false },
    attempts: { type: 'string', default: '9' },
    cases: { type: 'string', default: caseNames.join() },
    baseline: { type: 'string', default: fileURLToPath(new URL('baseline.json', import.meta.url)) },
    import: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

/** Code is compiled where it is met: what the compiler knew then is the same in each process. */
const nodeOptions = ['--single-threaded']

const measureScript = fileURLToPath(new URL('measure.mjs', import.meta.url))
const major = process.versions.node.split('.')[0]
const { processor } = describeMachine()

const measure = async (name) => {
  const preload = options.import === undefined ? [] : ['--import', options.import]
  const args = [...nodeOptions, ...preload, measureScript, name]
  return (await runChild(process.execPath, args, { timeoutMs: childTimeoutMs })).ratio
}

const readBaseline = () => {
  try {
    return JSON.parse(readFileSync(options.baseline, 'utf8'))
  } catch (error) {
    if (error.code === 'ENOENT') return { majors: {} }
    throw error
  }
}

/** The entry of this major version or of the nearest, and how far a ratio may lie above it. */
const chooseBaseline = ({ majors }) => {
  const known = Object.keys(majors)
  if (known.length === 0) throw new Error(`${options.baseline} holds nothing: run --update`)
  const nearest = known.toSorted((a, b) => Math.abs(a - major) - Math.abs(b - major))[0]
  const entry = majors[nearest]
  if (nearest !== major) return { nearest, entry, allowed: toleranceOfOtherMajor }
  const allowed = entry.processor === processor ? tolerance : toleranceOfOtherProcessor
  return { nearest, entry, allowed }
}

const update = async (names) => {
  const baseline = readBaseline()
  const rows = []
  const ratios = { ...baseline.majors[major]?.ratios }
  const measured = Object.fromEntries(names.map((name) => [name, []]))
  for (let attempt = 0; attempt < Number(options.attempts); attempt++) {
    for (const name of names) measured[name].push(await measure(name))
  }
  for (const name of names) {
    ratios[name] = Number(quantile(measured[name], baselinePlace).toFixed(3))
    rows.push([name, figure(ratios[name], 3), `±${figure(spread(measured[name]) * 100)} %`])
  }
  const majors = { ...baseline.majors, [major]: { processor, ratios } }
  writeFileSync(options.baseline, `${JSON.stringify({ majors }, null, 2)}\n`)
  console.log(markdownTable([`Node ${major}`, 'ratio', 'spread'], rows))
}

const isDecided = ({ ratios, limit }) => {
  const passes = ratios.filter((ratio) => ratio <= limit).length
  return passes >= passesNeeded || passes + attemptsMax - ratios.length < passesNeeded
}

const check = async (names) => {
  const { nearest, entry, allowed } = chooseBaseline(readBaseline())
  if (nearest !== major) {
    console.log(`No baseline of Node ${major}: compared with Node ${nearest}, loosely.`)
  } else if (entry.processor !== processor) {
    console.log(`The baseline is of another processor (${entry.processor}): compared loosely.`)
  }
  const states = names.map((name) => {
    const baseline = entry.ratios[name]
    if (baseline === undefined) throw new Error(`the baseline has no ${name}: run --update`)
    return { name, baseline, limit: baseline * (1 + allowed), ratios: [] }
  })
  // Cases take turns, so that a bad stretch does not meet all attempts of one.
  while (!states.every(isDecided)) {
    for (const state of states) {
      if (!isDecided(state)) state.ratios.push(await measure(state.name))
    }
  }
  const rows = states.map(({ name, baseline, limit, ratios }) => {
    const passes = ratios.filter((ratio) => ratio <= limit).length
    const isGood = passes >= passesNeeded
    if (!isGood) process.exitCode = 1
    const best = Math.min(...ratios) / baseline - 1
    const change = `${best < 0 ? '−' : '+'}${figure(Math.abs(best) * 100)} %`
    const verdict = isGood ? 'ok' : 'SLOWER'
    return [name, figure(baseline, 3), figure(limit, 3), figure(median(ratios), 3), change, verdict]
  })
  const heads = [`Node ${major}`, 'baseline', 'limit', 'median now', 'best', 'verdict']
  console.log(markdownTable(heads, rows))
  for (const { name, ratios } of states) {
    if (rows.some((row) => row[0] === name && row.at(-1) === 'SLOWER')) {
      const list = ratios.map((ratio) => figure(ratio, 3)).join(', ')
      console.log(`${name} is slower by more than ${allowed * 100} %: ${list}`)
    }
  }
}

const main = async () => {
  if (options.help) {
    console.log(usage)
    return
  }
  const names = options.cases.split(',')
  const unknown = names.find((name) => !caseNames.includes(name))
  if (unknown !== undefined) throw new Error(`there is no case ${unknown}\n\n${usage}`)
  await (options.update ? update(names) : check(names))
}

await main().catch((error) => {
  console.error(`bench: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
})
