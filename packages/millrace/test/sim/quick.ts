import { runSeed } from './run.ts'

const [from = '1', count = '50', story] = process.argv.slice(2)
const t0 = performance.now()
let bad = 0,
  records = 0,
  failed = 0,
  maybe = 0,
  steps = 0,
  slow: [number, number][] = []
for (let seed = Number(from); seed < Number(from) + Number(count); seed++) {
  const t = performance.now()
  const outcome = await runSeed(seed, { story: story !== undefined })
  slow.push([seed, performance.now() - t])
  if (story !== undefined) console.log(outcome.story.join('\n'))
  records += outcome.records
  failed += outcome.failed
  maybe += outcome.maybe
  steps += outcome.steps
  if (outcome.failures.length > 0) {
    bad++
    console.log(
      `seed ${seed}:\n   ${outcome.failures
        .slice(0, 3)
        .map((f) => f.slice(0, 1600))
        .join('\n   ')}`,
    )
  }
}
slow.sort((a, b) => b[1] - a[1])
console.log({
  bad,
  records,
  failed,
  maybe,
  steps,
  seconds: (performance.now() - t0) / 1000,
  slow: slow.slice(0, 4),
})
