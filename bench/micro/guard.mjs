// `npm run bench:micro`: whether pieces of the hot path still cost what they cost when the baseline
// was taken, as ratios to reference loops. Each measurement is a process of its own, for a process
// keeps what its compiler decided. The stored ratios are a first look only: even a ratio does not
// carry over to another machine or another load. A case that lies beyond them is measured in turns
// with the code that the baseline was taken of, here and now, and only that decides.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { runChild } from '../lib/child.mjs'
import { describeMachine } from '../lib/machine.mjs'
import { markdownTable } from '../lib/markdown.mjs'
import { figure, median, quantile, spread } from '../lib/statistics.mjs'
import { openBaseCode, Unavailable } from './base-code.mjs'

const usage = `npm run bench:micro -- [options]

  --update            measures this Node's major version anew and writes the baseline
  --attempts N        processes of each case for --update (default 9)
  --cases A,B         some of encode, partition, settle, decode
  --baseline FILE     another baseline than bench/micro/baseline.json
  --code-of REVISION  what an alarm is compared with; by default the commit that last touched
                      bench/micro/baseline.json
  --import FILE       a module that each measurement of today's code loads first`

const caseNames = ['encode', 'partition', 'settle', 'decode']
/** A regression above this, against the baseline's code on this machine, fails. */
const tolerance = 0.15
/**
 * The first look: a ratio farther from the baseline's, up or down, calls for the comparison. It is
 * narrower than the tolerance, since the machine may hide a part of what is looked for.
 */
const firstLook = { from: 0.9, to: 1.1 }
/** Where the baseline's code can't be had: what no machine reaches by itself (+44 % was seen). */
const loose = { from: 0, to: 2 }
/** Two processes of three decide the first look: one bad moment is no alarm. */
const votesNeeded = 2
/** Of at most nine pairs of processes; so many more on the good side end it before. */
const pairsNeeded = 5
const leadNeeded = 3
/** What disturbs a measurement adds to it: the baseline is in the lower third of its runs. */
const baselinePlace = 0.3
const childTimeoutMs = 200_000

const ownBaseline = fileURLToPath(new URL('baseline.json', import.meta.url))
const { values: options } = parseArgs({
  options: {
    update: { type: 'boolean', default: false },
    attempts: { type: 'string', default: '9' },
    cases: { type: 'string', default: caseNames.join() },
    baseline: { type: 'string', default: ownBaseline },
    'code-of': { type: 'string' },
    import: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

/** Code is compiled where it is met: what the compiler knew then is the same in each process. */
const nodeOptions = ['--single-threaded']

const ownScript = fileURLToPath(new URL('measure.mjs', import.meta.url))
const major = process.versions.node.split('.')[0]
const { processor } = describeMachine()

const measureWith = async (args) =>
  (await runChild(process.execPath, [...nodeOptions, ...args], { timeoutMs: childTimeoutMs })).ratio

const measure = (name) => {
  const preload = options.import === undefined ? [] : ['--import', options.import]
  return measureWith([...preload, ownScript, name])
}

const measureBase = (code, name) =>
  measureWith([code.measureScript, name]).catch((error) => {
    throw new Unavailable(`${code.name} cannot be measured: ${error.message}`)
  })

const readBaseline = () => {
  try {
    return JSON.parse(readFileSync(options.baseline, 'utf8'))
  } catch (error) {
    if (error.code === 'ENOENT') return { majors: {} }
    throw error
  }
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

const percent = (quotient) => `${quotient < 1 ? '−' : '+'}${figure(Math.abs(quotient - 1) * 100)} %`

const list = (numbers) => numbers.map((number) => figure(number, 3)).join(', ')

/** Cases take turns, so that a bad stretch does not meet all attempts of one. */
const inTurns = async (states, isDecided, attempt) => {
  while (!states.every(isDecided)) {
    for (const state of states) if (!isDecided(state)) await attempt(state)
  }
}

/** Prints how the cases lie to stored ratios, and returns those that are outside of the band. */
const compareWithRatios = async (names, { title, stored }, band, badWord) => {
  const states = names.map((name) => {
    const baseline = stored[name]
    if (baseline === undefined) throw new Error(`the baseline has no ${name}: run --update`)
    return { name, baseline, ratios: [] }
  })
  const isWithin = ({ baseline }) => {
    return (ratio) => ratio >= baseline * band.from && ratio <= baseline * band.to
  }
  const goodVotes = (state) => state.ratios.filter(isWithin(state)).length
  const isGood = (state) => goodVotes(state) >= votesNeeded
  const isDecided = (state) =>
    isGood(state) || state.ratios.length - goodVotes(state) >= votesNeeded
  await inTurns(states, isDecided, async (state) => {
    state.ratios.push(await measure(state.name))
  })
  const rows = states.map((state) => {
    const { name, baseline, ratios } = state
    const now = median(ratios)
    const result = isGood(state) ? 'ok' : badWord
    return [name, figure(baseline, 3), figure(now, 3), percent(now / baseline), result]
  })
  console.log(markdownTable([title, 'stored', 'now', 'change', 'result'], rows))
  return states.filter((state) => !isGood(state))
}

const report = (name, allowed, words) => {
  process.exitCode = 1
  console.log(`${name} is slower by more than ${figure(allowed * 100)} %: ${words}`)
}

/** One process of each code, one after the other; who goes first changes from pair to pair. */
const measurePair = async ({ name, pairs }, code) => {
  const isNowFirst = pairs.length % 2 === 0
  const early = isNowFirst ? await measure(name) : await measureBase(code, name)
  const late = isNowFirst ? await measureBase(code, name) : await measure(name)
  const [now, then] = isNowFirst ? [early, late] : [late, early]
  pairs.push({ now, then, quotient: now / then })
}

/**
 * The result: how much slower the current code is, in the median over the pairs and in the best
 * process of each. Both must say it, for what disturbs comes in stretches, and only ever adds.
 */
const compareWithCode = async (names, code) => {
  const limit = 1 + tolerance
  const states = names.map((name) => ({ name, pairs: [] }))
  const isDecided = ({ pairs }) => {
    const good = pairs.filter(({ quotient }) => quotient <= limit).length
    const bad = pairs.length - good
    return good - bad >= leadNeeded || Math.max(good, bad) >= pairsNeeded
  }
  await inTurns(states, isDecided, (state) => measurePair(state, code))
  const results = states.map(({ name, pairs }) => {
    const quotients = pairs.map(({ quotient }) => quotient)
    const [now, then] = ['now', 'then'].map((side) => Math.min(...pairs.map((pair) => pair[side])))
    return { name, quotients, now, then, change: Math.min(median(quotients), now / then) }
  })
  const rows = results.map(({ name, quotients, now, then, change }) => {
    const figures = [figure(then, 3), figure(now, 3), percent(now / then)]
    const result = change > limit ? 'SLOWER' : 'ok'
    return [name, ...figures, percent(median(quotients)), quotients.length, result]
  })
  const best = [`best of ${code.name}`, 'best now', 'change']
  const heads = [`Node ${major}`, ...best, 'median change', 'pairs', 'result']
  console.log(markdownTable(heads, rows))
  for (const { name, quotients, change } of results) {
    if (change > limit) report(name, tolerance, `× ${list(quotients)} of ${code.name} beside it`)
  }
}

/** Without the baseline's code only what no machine does by itself is called a regression. */
const compareLoosely = async (names, majors) => {
  const known = Object.keys(majors).toSorted((a, b) => Math.abs(a - major) - Math.abs(b - major))
  if (known.length === 0) throw new Error(`${options.baseline} holds nothing: run --update`)
  const stored = { title: `Node ${major}, stored ${known[0]}`, stored: majors[known[0]].ratios }
  for (const { name, baseline, ratios } of await compareWithRatios(
    names,
    stored,
    loose,
    'SLOWER',
  )) {
    report(name, loose.to - 1, `${list(ratios)}, stored ${figure(baseline, 3)}`)
  }
}

/** The cases that call for the comparison: all, where the stored ratios are of another machine. */
const findAlarms = async (names, entry) => {
  if (entry?.processor !== processor) {
    const kind = entry === undefined ? `Node ${major}` : 'this processor'
    console.log(`No stored ratio is of ${kind}: every case is compared with the baseline's code.`)
    return names
  }
  const stored = { title: `Node ${major}`, stored: entry.ratios }
  const alarms = await compareWithRatios(names, stored, firstLook, 'alarm')
  return alarms.map(({ name }) => name)
}

const check = async (names) => {
  const { majors } = readBaseline()
  const alarms = await findAlarms(names, majors[major])
  if (alarms.length === 0) return
  try {
    const code = openBaseCode(options['code-of'])
    console.log(`\n${alarms.join(', ')}: now measured in turns with the code of ${code.name}.`)
    await compareWithCode(alarms, code)
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    console.log(`\nThe baseline's code is not to be had here (${error.message}).`)
    console.log(`So stored ratios judge, and loosely: up to ${percent(loose.to)} is let through.`)
    await compareLoosely(alarms, majors)
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
