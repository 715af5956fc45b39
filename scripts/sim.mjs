// The simulator: runs seeds in two processes and says which fail. A failing seed is printed with
// its trace; the same seed is the same run every time. With --mutation it shows that a deliberate
// bug is found.

import { fork } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { fail, root, ScriptError, say } from './workspace.mjs'

const usage = `npm run sim -- [--seeds N] [--from S] [--mutation NAME] [--list-mutations]
              [--trace SEED] [--transactions] [--spool] [--source]

  --seeds N         how many seeds to run (default 200; with --mutation at most so many: 500)
  --from S          the first of them (default: taken from the time, and printed)
  --mutation NAME   run with this deliberate bug until it is caught; "all": each in turn
  --list-mutations  the deliberate bugs that there are
  --trace SEED      print what happens in one seed, step by step
  --transactions    seeds with transactions only; without it every third seed is run a second time,
                    with transactions
  --spool           seeds with a spool and crashing processes only
  --source          run the TypeScript sources (Node 22.18 or newer) in place of the build`

const processes = 2
/** A run takes well under a second; a process that is silent for so long hangs. */
const silenceMs = 120_000
const traceLinesMax = 400

const placeOf = (name, fromSource) =>
  fromSource
    ? join(root, 'packages/millrace/test/sim', `${name}.ts`)
    : join(root, 'packages/millrace/dist/test/sim', `${name}.js`)

/** A process of the simulator; one seed at a time. */
class Worker {
  #child
  #path

  constructor(path) {
    this.#path = path
  }

  run(task) {
    this.#child ??= fork(this.#path, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const child = this.#child
    return new Promise((resolve) => {
      const give = (outcome) => {
        clearTimeout(timer)
        child.off('message', give)
        child.off('exit', onExit)
        resolve(outcome)
      }
      const dead = (message) => {
        this.#child = undefined
        give({ ...emptyOutcome, seed: task.seed, failures: [message] })
      }
      const onExit = (code) => dead(`crash: the process ended with ${code}`)
      const timer = setTimeout(() => {
        child.kill('SIGKILL')
        dead(`crash: no response within ${silenceMs / 1000} s`)
      }, silenceMs)
      child.on('message', give)
      child.on('exit', onExit)
      child.send(task)
    })
  }

  end() {
    this.#child?.removeAllListeners('exit')
    this.#child?.kill()
  }
}

const emptyOutcome = {
  failures: [],
  traceLines: [],
  records: 0,
  failed: 0,
  maybe: 0,
  faults: 0,
  virtualMs: 0,
  steps: 0,
}

/** `kind`: plain, transactions, spool, or both (of the first two); the workers share the tasks. */
function* tasksOf(from, seeds, mutation, kind) {
  for (let seed = from; seed < from + seeds; seed++) {
    yield { seed, mutation, kind: kind === 'both' ? 'plain' : kind }
    if (kind === 'both' && seed % 3 === 0) yield { seed, mutation, kind: 'transactions' }
  }
}

/** Runs the seeds in order; `onOutcome` returns false to stop. */
const runSeeds = async (workers, { from, seeds, mutation, kind }, onOutcome) => {
  const tasks = tasksOf(from, seeds, mutation, kind)
  let goesOn = true
  const work = async (worker) => {
    for (const task of tasks) {
      const outcome = await worker.run(task)
      if (goesOn && onOutcome(outcome, task) === false) goesOn = false
      if (!goesOn) return
    }
  }
  await Promise.all(workers.map(work))
}

const nameOf = ({ seed, kind }) => `${seed}${kind === 'plain' ? '' : ` --${kind}`}`

const printTrace = async (worker, task) => {
  const { traceLines, failures } = await worker.run({ ...task, keepsTrace: true })
  const left = traceLines.length - traceLinesMax
  if (left > 0) console.log(`… ${left} lines before (--trace ${nameOf(task)} shows all)`)
  console.log(traceLines.slice(-traceLinesMax).join('\n'))
  return failures
}

const search = async (workers, { from, seeds, kind }) => {
  say(`Seeds ${from} to ${from + seeds - 1}, ${processes} processes …`)
  const startedMs = performance.now()
  const failing = []
  const sums = { runs: 0, records: 0, failed: 0, maybe: 0, faults: 0, virtualMs: 0 }
  await runSeeds(workers, { from, seeds, kind }, (outcome, task) => {
    sums.runs++
    for (const name of ['records', 'failed', 'maybe', 'faults', 'virtualMs']) {
      sums[name] += outcome[name]
    }
    if (outcome.failures.length === 0) return
    failing.push(task)
    console.log(`seed ${nameOf(task)} FAILED\n  ${outcome.failures.join('\n  ')}`)
  })
  if (failing.length > 0) await printTrace(workers[0], failing[0])
  const seconds = (performance.now() - startedMs) / 1000
  const share = ((100 * sums.maybe) / Math.max(1, sums.failed)).toFixed(1)
  say(
    `${sums.runs} runs, ${sums.records} records, ${sums.faults} faults, ` +
      `${Math.round(sums.virtualMs / 3_600_000)} h of virtual time in ${seconds.toFixed(0)} s ` +
      `(${(sums.runs / seconds).toFixed(1)} runs a second)`,
  )
  say(`${sums.failed} records failed, ${sums.maybe} of them persisted 'maybe' (${share} %)`)
  say(failing.length === 0 ? 'All passed.' : `FAILED: ${failing.map(nameOf).join(', ')}`)
  return failing.length === 0
}

/** True when some seed finds the bug. */
const hunt = async (workers, { from, seeds, kind }, mutation) => {
  let tried = 0
  let caught = null
  await runSeeds(workers, { from, seeds, mutation, kind }, (outcome) => {
    tried++
    if (outcome.failures.length === 0) return true
    caught = outcome
    return false
  })
  const clean = { seed: caught?.seed, kind }
  if (caught !== null && (await workers[0].run(clean)).failures.length > 0) {
    throw new ScriptError(`Seed ${caught.seed} fails without any mutation: fix that first.`)
  }
  const reason =
    caught === null
      ? `NOT CAUGHT in ${tried} seeds`
      : `caught after ${tried} seeds, by seed ${caught.seed}: ${caught.failures[0].split('\n')[0]}`
  console.log(`${mutation}: ${reason.slice(0, 160)}`)
  return caught !== null
}

const main = async () => {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string' },
      from: { type: 'string' },
      mutation: { type: 'string' },
      'list-mutations': { type: 'boolean', default: false },
      trace: { type: 'string' },
      transactions: { type: 'boolean', default: false },
      spool: { type: 'boolean', default: false },
      source: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    return
  }
  const { mutation, source, transactions, spool } = values
  const only = spool ? 'spool' : transactions ? 'transactions' : null
  const { isOfSpool, isTransactional, mutations, staleMutations } = await import(
    pathToFileURL(placeOf('mutations', source)).href
  )
  if (values['list-mutations']) {
    for (const [name, { what }] of Object.entries(mutations)) console.log(`${name}: ${what}`)
    return
  }
  const names = mutation === 'all' ? Object.keys(mutations) : [mutation].filter(Boolean)
  for (const name of names) {
    if (!(name in mutations))
      throw new ScriptError(`There is no mutation ${name}: --list-mutations`)
  }
  const stale = staleMutations()
  if (names.length > 0 && stale.length > 0)
    throw new ScriptError(`The code has changed under these mutations: ${stale.join(', ')}`)
  const from = Number(values.from ?? Math.floor(Date.now() / 1000) % 1_000_000_000)
  const seeds = Number(values.seeds ?? (names.length > 0 ? 500 : 200))
  const workers = Array.from({ length: processes }, () => new Worker(placeOf('worker', source)))
  try {
    if (values.trace !== undefined) {
      const task = { seed: Number(values.trace), mutation, kind: only ?? 'plain', keepsTrace: true }
      const { traceLines } = await workers[0].run(task)
      console.log(traceLines.join('\n'))
      return
    }
    let isGood = true
    if (names.length === 0) {
      isGood = await search(workers, { from, seeds, kind: only ?? 'both' })
    }
    for (const name of names) {
      const kind = isOfSpool(name) ? 'spool' : isTransactional(name) ? 'transactions' : 'plain'
      isGood = (await hunt(workers, { from, seeds, kind }, name)) && isGood
    }
    if (!isGood) process.exitCode = 1
  } finally {
    for (const worker of workers) worker.end()
  }
}

await main().catch(fail)
