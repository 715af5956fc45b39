// What a measurement must say of where it was taken: processors, memory, versions, and how much of
// the machine others used meanwhile.
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'

const ticks = () => {
  let total = 0
  let idle = 0
  for (const { times } of cpus()) {
    total += times.user + times.nice + times.sys + times.irq + times.idle
    idle += times.idle
  }
  return { total, idle }
}

/**
 * Begins to watch the machine; the function it returns gives the share of all processors that was
 * busy since then, 0 to 1.
 */
export const watchMachine = () => {
  const start = ticks()
  return () => {
    const end = ticks()
    const total = end.total - start.total
    return total === 0 ? 0 : 1 - (end.idle - start.idle) / total
  }
}

export const describeMachine = () => ({
  processors: availableParallelism(),
  processor: cpus()[0]?.model.trim() ?? 'unknown',
  memoryGigabytes: Math.round(totalmem() / 2 ** 30),
  platform: `${process.platform} ${process.arch}`,
  node: process.version,
  load: loadavg().map((number) => Number(number.toFixed(1))),
})

/** One sentence of the above. */
export const machineSentence = ({ processors, processor, memoryGigabytes, platform }) =>
  `${processors} processors (${processor}), ${memoryGigabytes} GiB, ${platform}`
