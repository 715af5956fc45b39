// Measures one case in a process of its own and prints its ratio to the reference as JSON: short
// rounds of both in turns, so that whatever the machine does affects both. Warm-up and measurement
// are as long as a count of rounds and an amount of processor time, not of time on the wall: on a
// busy machine the compiler must have got as far, and as many rounds must have been seen.
//   node bench/micro/measure.mjs CASE
import { quantile } from '../lib/statistics.mjs'
import { cases, sunk } from './cases.mjs'

const warmup = { rounds: 400, cpuMs: 600 }
const measured = { rounds: 400, cpuMs: 300 }
/** Of both, the rounds at this place in the order: quick ones, but not the luckiest. */
const place = 0.05

const { make, reference } = cases[process.argv[2]]
const run = make()

const times = { own: [], reference: [] }

/** Who goes first changes, so that neither always finds the other's leavings. */
const runRounds = ({ rounds, cpuMs }) => {
  times.own = []
  times.reference = []
  const cpuStart = process.cpuUsage()
  for (let round = 0; ; round++) {
    const { user, system } = process.cpuUsage(cpuStart)
    if (round >= rounds && (user + system) / 1000 >= cpuMs) return
    if (round % 2 === 0) times.own.push(run())
    times.reference.push(reference())
    if (round % 2 === 1) times.own.push(run())
  }
}

runRounds(warmup)
runRounds(measured)

const own = quantile(times.own, place)
const other = quantile(times.reference, place)
const report = {
  name: process.argv[2],
  ratio: own / other,
  rounds: times.own.length,
  ownUs: own * 1000,
  referenceUs: other * 1000,
  sunk: sunk() > 0,
}
process.stdout.write(`${JSON.stringify(report)}\n`)
